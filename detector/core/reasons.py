"""Reasons of an alert: the features that made the event anomalous, as texts in English and Japanese."""

from itertools import islice

import numpy as np
import numpy.typing as npt

from detector.contract.alerts import Reason
from detector.core.joint_tail import Rarity
from detector.core.stage import Columns, Feature
from detector.core.units import UNIT

MOST = 5  # reasons in an alert: about as many as an analyst reads

UNKNOWN_EN, UNKNOWN_JA = "unknown", "不明"


def reasons_of(
    columns: Columns,
    x: npt.NDArray[np.float32],
    usual: npt.NDArray[np.float32],
    contributions: npt.NDArray[np.float64],
    most: int = MOST,
    rarity: Rarity | None = None,
) -> list[Reason]:
    """The features of one event that raised its score, largest share first.

    `x` and `usual` float32 (F,): values and training medians, NaN where there is none; `contributions` float64 (F,):
    of the detector with the least alarm, positive = more anomalous; `rarity`: how often normal events are as risky, if
    the detector counts them. A share is of all positive contributions. Chosen are features whose value is riskier than
    usual and has another text than the usual, and a yes or no if it is the risky one, however usual. If there is none,
    any feature with a positive contribution.
    """
    raised = np.maximum(contributions, 0.0)
    risk = np.array([feature.risk for feature in columns.features])
    either = np.array([feature.unit == "bool" for feature in columns.features])
    eligible = (raised > 0) & ~np.isnan(x)
    riskier = eligible & np.where(either, x == (risk > 0), ~(risk * x <= risk * usual))
    by_share = np.argsort(-raised, kind="stable")
    unlike = (j for j in by_share[riskier[by_share]].tolist() if _reads_otherwise(columns.features[j], x[j], usual[j]))
    # Texts are made until there are enough reasons.
    largest = list(islice(unlike, most)) or by_share[eligible[by_share]][:most].tolist()
    total = float(raised.sum())
    return [
        _reason(
            columns.features[j],
            value=float(x[j]),
            usual=_known(usual[j]),
            own_usual=_own_usual(columns, x, j),
            share=float(raised[j]) / total,
            per_day=None if rarity is None else _known(rarity.alone[j]),
        )
        for j in largest
    ]


def one_reason(columns: Columns, x: npt.NDArray[np.float32], usual: npt.NDArray[np.float32], j: int) -> Reason:
    """Feature `j` as the whole reason."""
    own = _own_usual(columns, x, j)
    return _reason(
        columns.features[j], value=float(x[j]), usual=_known(usual[j]), own_usual=own, share=1.0, per_day=None
    )


def _reads_otherwise(feature: Feature, value: np.floating, usual: np.floating) -> bool:
    """Whether a value, as text, is another than the usual one; a yes or no is told however usual."""
    text = UNIT[feature.unit].en
    return feature.unit == "bool" or bool(np.isnan(usual)) or text(float(value)) != text(float(usual))


def _known(value: np.floating) -> float | None:
    return None if np.isnan(value) else float(value)


def _own_usual(columns: Columns, x: npt.NDArray[np.float32], j: int) -> float | None:
    """The usual value of feature `j` for this account or address, if another feature compares the two."""
    own = columns.features[j].own_usual
    if own is None or own.ratio not in columns.feature_names:
        return None
    ratio = float(x[columns.feature_names.index(own.ratio)])
    return max(0.0, float(x[j]) / ratio - own.allowance) if ratio > 0 else None


def _reason(
    feature: Feature,
    *,
    value: float,
    usual: float | None,
    own_usual: float | None,
    share: float,
    per_day: float | None,
) -> Reason:
    unit, own = UNIT[feature.unit], feature.own_usual
    usual_en, usual_ja = (UNKNOWN_EN, UNKNOWN_JA) if usual is None else (unit.en(usual), unit.ja(usual))
    if own is not None and own_usual is not None:
        usual_en += f", for {own.whose_en} {unit.en(own_usual)}"
        usual_ja += f"、{own.whose_ja}は普段 {unit.ja(own_usual)}"
    text_en = feature.text_en.format(value=unit.en(value), usual=usual_en)
    text_ja = feature.text_ja.format(value=unit.ja(value), usual=usual_ja)
    if per_day is not None:
        text_en += f"; in normal life {UNIT['per_day'].en(per_day)}"
        text_ja += f"、平常時は{UNIT['per_day'].ja(per_day)}"
    return Reason(
        feature=feature.name,
        value=value,
        usual=usual,
        share=share,
        text_en=text_en,
        text_ja=text_ja,
        own_usual=own_usual,
        per_day=per_day,
    )
