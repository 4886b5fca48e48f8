"""Texts of values by unit, in English and Japanese, and the round values that a counterfactual tries."""

from collections.abc import Callable
from dataclasses import dataclass

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
#: A duration is shown in the largest unit of which it has at least two, so that rounding loses less than half.
_DURATIONS = (
    (2 * DAY_S, DAY_S, "days", "日"),
    (2 * HOUR_S, HOUR_S, "hours", "時間"),
    (2 * MINUTE_S, MINUTE_S, "minutes", "分"),
)


@dataclass(frozen=True, slots=True)
class Unit:
    """Texts of a unit's values. `steps`: round values, ascending, that a counterfactual tries."""

    name: str
    en: Callable[[float], str]
    ja: Callable[[float], str]
    steps: tuple[float, ...] = ()


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) or abs(value) >= 100 else f"{value:.2g}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f}%"


def _duration_en(value: float) -> str:
    for least, unit_s, name, _ in _DURATIONS:
        if value >= least:
            return f"{value / unit_s:,.0f} {name}"
    return f"{value:.0f} second" if round(value) == 1 else f"{value:.0f} seconds"


def _duration_ja(value: float) -> str:
    for least, unit_s, _, name in _DURATIONS:
        if value >= least:
            return f"{value / unit_s:,.0f}{name}"
    return f"{value:.0f}秒"


def _frequency_en(value: float) -> str:
    return f"{_rounded(value)} times a day" if value >= 1 else f"once in {_rounded(1 / value)} days"


def _frequency_ja(value: float) -> str:
    return f"1日に{_rounded(value)}件" if value >= 1 else f"{_rounded(1 / value)}日に1件"


def _rounded(value: float) -> str:
    """Two digits: rates are estimates."""
    return f"{float(f'{value:.2g}'):,g}"


_COUNTS = (*range(11), 12, 15, 20, 25, 30, 40, 50, 100, 200)
_YEN = tuple(digit * power for power in (100, 1_000, 10_000, 100_000) for digit in (1, 2, 3, 5, 7))
_SECONDS = (
    *(1, 2, 5, 10, 20, 30),
    *(n * MINUTE_S for n in (1, 2, 3, 5, 10, 20, 30)),
    *(n * HOUR_S for n in (1, 2, 3, 4, 6, 8, 12, 18)),
    *(n * DAY_S for n in (1, 2, 3, 5, 7, 10, 14, 30, 60, 90, 180, 365, 730)),
)
_TENTHS = tuple(n / 10 for n in range(11))
_TIMES = (0.5, 1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 100)

UNITS = (
    Unit("yen", lambda value: f"{value:,.0f} yen", lambda value: f"{value:,.0f}円", (0, *_YEN)),
    Unit("yen/h", lambda value: f"{value:,.0f} yen an hour", lambda value: f"毎時{value:,.0f}円", (0, *_YEN)),
    Unit("s", _duration_en, _duration_ja, _SECONDS),
    Unit("share", _percent, _percent, _TENTHS),
    Unit("bool", lambda value: "yes" if value else "no", lambda value: "はい" if value else "いいえ", (0, 1)),
    Unit("count", _number, _number, _COUNTS),
    Unit("days", _number, _number, (*_COUNTS, 365)),
    Unit("sd", _number, _number, (0, *_TIMES)),
    Unit("ratio", lambda value: f"{_number(value)} times", lambda value: f"{_number(value)}倍", (0, *_TIMES)),
    Unit("per_day", _frequency_en, _frequency_ja),
)
UNIT = {unit.name: unit for unit in UNITS}
