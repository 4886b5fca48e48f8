"""Why an event alerts, for people: the features that made it anomalous, in yen and minutes, English and Japanese."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.contract.alerts import Reason
from detector.core.stage import Columns, Feature

MOST = 5  # reasons in an alert: what an analyst reads before deciding

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
#: A duration is told in the largest unit of which it holds at least two, so that rounding loses less than half.
_DURATIONS = (
    (2 * DAY_S, DAY_S, "days", "日"),
    (2 * HOUR_S, HOUR_S, "hours", "時間"),
    (2 * MINUTE_S, MINUTE_S, "minutes", "分"),
)


@dataclass(frozen=True, slots=True)
class Unit:
    """How values of a unit are said in English and in Japanese."""

    name: str
    en: Callable[[float], str]
    ja: Callable[[float], str]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) or abs(value) >= 100 else f"{value:.2g}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f}%"


def _duration_en(value: float) -> str:
    for least, unit_s, name, _ in _DURATIONS:
        if value >= least:
            return f"{value / unit_s:.0f} {name}"
    return f"{value:.0f} second" if round(value) == 1 else f"{value:.0f} seconds"


def _duration_ja(value: float) -> str:
    for least, unit_s, _, name in _DURATIONS:
        if value >= least:
            return f"{value / unit_s:.0f}{name}"
    return f"{value:.0f}秒"


UNITS = (
    Unit("yen", lambda value: f"{value:,.0f} yen", lambda value: f"{value:,.0f}円"),
    Unit("yen/h", lambda value: f"{value:,.0f} yen an hour", lambda value: f"毎時{value:,.0f}円"),
    Unit("s", _duration_en, _duration_ja),
    Unit("share", _percent, _percent),
    Unit("bool", lambda value: "yes" if value else "no", lambda value: "はい" if value else "いいえ"),
    Unit("count", _number, _number),
    Unit("days", _number, _number),
    Unit("sd", _number, _number),
    Unit("ratio", lambda value: f"{_number(value)} times", lambda value: f"{_number(value)}倍"),
)
_UNITS = {unit.name: unit for unit in UNITS}
UNKNOWN_EN, UNKNOWN_JA = "unknown", "不明"


def reasons_of(
    columns: Columns,
    x: npt.NDArray[np.float32],
    usual: npt.NDArray[np.float32],
    contributions: npt.NDArray[np.float64],
    most: int = MOST,
) -> list[Reason]:
    """The features of one event that raised its score, largest share first.

    `x` and `usual` float32 (F,): values and training medians, NaN where there is none; `contributions` float64 (F,):
    of the detector that spoke, positive = more anomalous. A share is of all positive contributions. Told are features
    that the event has and that are riskier than usual; when none is, any that the event has.
    """
    raised = np.maximum(contributions, 0.0)
    risk = np.array([feature.risk for feature in columns.features])
    told = (raised > 0) & ~np.isnan(x)
    riskier = told & ~(risk * x <= risk * usual)
    chosen = np.flatnonzero(riskier if riskier.any() else told)
    largest = chosen[np.argsort(-raised[chosen], kind="stable")][:most]
    total = float(raised.sum())
    return [_reason(columns.features[j], float(x[j]), float(usual[j]), float(raised[j]) / total) for j in largest]


def _reason(feature: Feature, value: float, usual: float, share: float) -> Reason:
    unit = _UNITS[feature.unit]
    known = not np.isnan(usual)
    return Reason(
        feature=feature.name,
        value=value,
        usual=usual if known else None,
        share=share,
        text_en=feature.text_en.format(value=unit.en(value), usual=unit.en(usual) if known else UNKNOWN_EN),
        text_ja=feature.text_ja.format(value=unit.ja(value), usual=unit.ja(usual) if known else UNKNOWN_JA),
    )
