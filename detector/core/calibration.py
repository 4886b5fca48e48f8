"""Calibration: converts every detector's scores into false alarms a day, so that detectors are comparable.

Measured on held-out normal days. Per event kind a score becomes a conformal p-value, (1 + #{held-out scores >= s}) /
(n + 1), so that kinds with different score distributions compare. Per account and day the smallest p-value is kept, and
rate(p) = (#{smallest <= p} + 1) / days: the accounts a day that alert at this threshold on normal days.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.contract.vocabulary import KINDS
from detector.core.array_checks import Layout, check_ascending, check_layout, check_starts, check_within
from detector.core.tails import upper_tail

_LAYOUT: Layout = {
    "knots": (np.float64, 1),
    "p_values": (np.float64, 1),
    "rates": (np.float64, 1),
    "starts": (np.int64, 1),
}


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """P-values and rates of one detector's scores: a step function for each event kind, in flat arrays.

    Kind k has `m = starts[k + 1] - starts[k]` held-out scores as knots, ascending, in `knots[starts[k]:starts[k + 1]]`;
    its `m + 1` steps begin at `p_values[starts[k] + k]` and `rates[starts[k] + k]`. The index of a score's step is
    the number of knots strictly below it. `knots`, `p_values`, `rates` float64, `starts` int64 (len(KINDS) + 1,).
    """

    knots: npt.NDArray[np.float64]
    p_values: npt.NDArray[np.float64]
    rates: npt.NDArray[np.float64]
    starts: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        check_layout(self, _LAYOUT)
        check_starts(self.starts, len(KINDS), len(self.knots))
        if not len(self.knots) + len(KINDS) == len(self.p_values) == len(self.rates):
            raise ValueError("a calibration's knots, p-values and rates differ in number")
        check_ascending("knots", self.knots, self.starts)
        check_within("p_values", self.p_values, 0, 1)
        check_within("rates", self.rates, 0)

    def judge(
        self, scores: npt.NDArray[np.float64], kind: npt.NDArray[np.int8]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """P-values and false alarms a day, float64 (n,) each, of `scores` (n,); NaN gets 1 and infinity."""
        p_values, rates = np.empty(len(scores)), np.empty(len(scores))
        _judge(scores, kind, self.knots, self.p_values, self.rates, self.starts, p_values, rates)
        return p_values, rates


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationTable:
    """The calibrations of D detectors that share one budget by `shares` float64 (D,), concatenated.

    Arrays as of a `Calibration`, `starts` int64 (D, len(KINDS) + 1), so that judging is one call.
    """

    knots: npt.NDArray[np.float64]
    p_values: npt.NDArray[np.float64]
    rates: npt.NDArray[np.float64]
    starts: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float64]

    @classmethod
    def of(cls, calibrations: Sequence[Calibration], shares: Sequence[float]) -> Self:
        """The table of these calibrations, with the shares of their detectors."""
        before = np.cumsum([0, *(len(own.knots) for own in calibrations)])[:-1]
        return cls(
            np.concatenate([own.knots for own in calibrations]),
            np.concatenate([own.p_values for own in calibrations]),
            np.concatenate([own.rates for own in calibrations]),
            np.stack([own.starts for own in calibrations]) + before[:, None],
            np.array(shares, np.float64),
        )

    def judge(
        self, scores: npt.NDArray[np.float64], kind: npt.NDArray[np.int8]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int8]]:
        """The least rate / share over the detectors, its p-value and its detector's index, of `scores` (n, D).

        Infinity, 1 and 0 if no detector scores.
        """
        alarm, p_value = np.empty(len(scores)), np.empty(len(scores))
        detector_index = np.empty(len(scores), np.int8)
        steps = self.knots, self.p_values, self.rates, self.starts
        _judge_all(scores, kind, *steps, self.shares, alarm, p_value, detector_index)
        return alarm, p_value, detector_index


def fit_calibration(
    scores: npt.NDArray[np.float64],
    kind: npt.NDArray[np.int8],
    account: npt.NDArray[np.uint64],
    day: npt.NDArray[np.int64],
    days: int,
    *,
    one_scale: bool = False,
) -> Calibration:
    """The calibration on held-out normal events: `scores` (n,) with NaN where not scored, over `days` days.

    `one_scale`: scores are comparable across kinds, so one distribution is used for all of them.
    """
    scored = ~np.isnan(scores)
    if one_scale:
        present = np.unique(kind[scored])
        tail = upper_tail(scores[scored])
        tails = [tail if code in present else upper_tail(scores[:0]) for code in range(len(KINDS))]
    else:
        tails = [upper_tail(scores[(kind == code) & scored]) for code in range(len(KINDS))]
    p_values = [np.append(1 + counts, 1) / (1 + (counts[0] if len(counts) else 0)) for _, counts in tails]
    starts = np.concatenate(([0], np.cumsum([len(knots) for knots, _ in tails]))).astype(np.int64)
    unrated = np.concatenate(p_values)
    draft = Calibration(np.concatenate([knots for knots, _ in tails]), unrated, unrated, starts)
    rates = _rate(unrated, draft.judge(scores, kind)[0], account, day, days)
    return Calibration(draft.knots, unrated, rates, starts)


def fit_together(
    calibrations: Sequence[Calibration],
    shares: Sequence[float],
    scores: npt.NDArray[np.float64],
    kind: npt.NDArray[np.int8],
    account: npt.NDArray[np.uint64],
    day: npt.NDArray[np.int64],
    days: int,
) -> tuple[Calibration, ...]:
    """The calibrations of detectors that share one budget by `shares`, which sum to 1; `scores` (n, n_detectors).

    Alerts of two detectors on one account and day are one group. So the least rate / share of an event is itself
    calibrated like a score: the result is the groups a day of all detectors together, and `rates` are each detector's
    share of it.
    """
    least = alarm_of(calibrations, shares, scores, kind)
    return tuple(
        replace(own, rates=_part(_rate(own.rates / share, least, account, day, days), share))
        for own, share in zip(calibrations, shares, strict=True)
    )


def alarm_of(
    calibrations: Sequence[Calibration],
    shares: Sequence[float],
    scores: npt.NDArray[np.float64],
    kind: npt.NDArray[np.int8],
) -> npt.NDArray[np.float64]:
    """The least rate / share of each event over the detectors, float64 (n,); `scores` (n, n_detectors)."""
    return CalibrationTable.of(calibrations, shares).judge(np.ascontiguousarray(scores), kind)[0]


def _part(rates: npt.NDArray[np.float64], share: float) -> npt.NDArray[np.float64]:
    """`share` of the rates, rounded so that dividing by it never gives more than the rates."""
    parts = share * rates
    return np.where(parts / share > rates, np.nextafter(parts, 0.0), parts)


def _rate(
    limits: npt.NDArray[np.float64],
    levels: npt.NDArray[np.float64],
    account: npt.NDArray[np.uint64],
    day: npt.NDArray[np.int64],
    days: int,
) -> npt.NDArray[np.float64]:
    """Accounts a day whose smallest level is within each limit, plus one."""
    smallest = _smallest_per_day(levels, account, day)
    return (np.searchsorted(smallest, limits, side="right") + 1) / days


def _smallest_per_day(
    levels: npt.NDArray[np.float64], account: npt.NDArray[np.uint64], day: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """The smallest level of every account and day, sorted."""
    if not len(levels):
        return levels
    order = np.lexsort((day, account))
    account, day = account[order], day[order]
    first = np.concatenate(([True], (account[1:] != account[:-1]) | (day[1:] != day[:-1])))
    return np.sort(np.minimum.reduceat(levels[order], np.flatnonzero(first)))


@njit(cache=True)
def _judge(
    scores: Any, kind: Any, knots: Any, p_steps: Any, rate_steps: Any, starts: Any, p_values: Any, rates: Any
) -> None:
    for i in range(len(scores)):
        if np.isnan(scores[i]):
            p_values[i], rates[i] = 1.0, np.inf
            continue
        step = _below(knots, starts[kind[i]], starts[kind[i] + 1], scores[i]) + kind[i]
        p_values[i], rates[i] = p_steps[step], rate_steps[step]


@njit(cache=True)
def _judge_all(
    scores: Any,
    kind: Any,
    knots: Any,
    p_steps: Any,
    rate_steps: Any,
    starts: Any,
    shares: Any,
    alarm: Any,
    p_value: Any,
    detector_index: Any,
) -> None:
    kinds = starts.shape[1] - 1
    for i in range(len(scores)):
        alarm[i], p_value[i], detector_index[i] = np.inf, 1.0, 0
        for d in range(len(shares)):
            if np.isnan(scores[i, d]):
                continue
            step = _below(knots, starts[d, kind[i]], starts[d, kind[i] + 1], scores[i, d]) + kind[i] + d * kinds
            own = rate_steps[step] / shares[d]
            if own < alarm[i]:
                alarm[i], p_value[i], detector_index[i] = own, p_steps[step], d


@njit(cache=True)
def _below(knots: Any, low: int, high: int, score: float) -> int:
    """Index of the first of the ascending knots `low … high-1` that is not below the score; `high` if all are."""
    while low < high:
        middle = (low + high) >> 1
        if knots[middle] < score:
            low = middle + 1
        else:
            high = middle
    return low
