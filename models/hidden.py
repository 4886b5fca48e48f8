"""Fraud in a history that nobody labelled: which held-out accounts look like it, beyond what honest life explains.

Hidden fraud lies among the held-out groups (account, day) with the highest scores and, counted as false, makes the
limit too strict for good. Scores do not tell it from honest people who look alike; how many events of a group score so
does: a theft is a link and several debits, what looks like one is mostly a single event. Simulated cases tell how many
groups of fraud have at least so many (Scott, A rate of convergence for mixture proportion estimation, AISTATS 2015, has
the setting: a known component, and a bound on the other). Of honest groups further down as many, or more, have so many;
so those near the top that honest life there does not explain are fraud, and which ones the number of events says too.

Trees that learnt hidden fraud as normal life see the like less well: it hides among groups that score less, and what
is suspected is the least of it. So many times as much is not learnt from, and is still counted.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.core.detectors import Detector
from models.datasets import Dataset
from models.outcomes import alarm_of, calibrate
from models.span import Span

#: The groups among which fraud is looked for, and those further down that say what honest ones are like.
NEAR, FAR = 200, 2_000
#: Numbers of events that are tried: the one that finds most.
EVENTS = range(2, 9)
#: So much more often must simulated cases have so many events than honest groups.
LEAST_APART = 0.2
#: Suspected groups: fewer change a limit by less than chance does, and all would be trained again for them.
FEWEST = 5
#: Hidden fraud also makes the detector that sees it best look worse than the others. With the first suspects left out
#: the detectors compare better, and so do the suspects; a third round helped with 1 % of accounts and not with 2 %.
ROUNDS = 2
#: Groups that are not learnt from, for each one suspected.
NOT_LEARNT = 10


class Cleaned(NamedTuple):
    """Detectors, the span without suspected groups, and how many of them were held out."""

    detectors: tuple[Detector, ...]
    span: Span
    groups: int


def fit_cleaned(fit: Callable[[Span], tuple[Detector, ...]], span: Span) -> Cleaned:
    """The detectors that `fit` trains on a span, learnt from and counted without what looks like hidden fraud.

    Where held-out groups are suspected, `NOT_LEARNT` times as many a day are left out of the training days, and all is
    trained again.
    """
    detectors = fit(span)
    hidden = suspected(detectors, span)
    if hidden.any():
        a_day = _groups(span.held_out.select(hidden)) / span.held_out_days
        boosted = next(detector for detector in detectors if detector.spec.form == "boosting")
        span = span._replace(fitting=_without_highest(boosted, span.fitting, NOT_LEARNT * a_day))
        detectors = fit(span)
        hidden = suspected(detectors, span)
    groups = _groups(span.held_out.select(hidden))
    return Cleaned(detectors, span._replace(held_out=span.held_out.select(~hidden)), groups)


def suspected(detectors: tuple[Detector, ...], span: Span) -> npt.NDArray[np.bool_]:
    """Mask of the held-out events of the groups that look like fraud nobody labelled, bool (n,).

    None without a detector that learnt from cases and others held out, or where there are too few groups to tell.
    """
    held_out, cases = span.held_out, span.held_out_cases
    left_out = np.zeros(len(held_out.kind), np.bool_)
    boosted = any(detector.spec.form == "boosting" for detector in detectors)
    if not boosted or cases is None or not len(cases.case):
        return left_out
    group, case = _numbered(held_out.account, held_out.day), _numbered(cases.case, cases.day)
    for _ in range(ROUNDS):
        calibrations = calibrate(detectors, span._replace(held_out=held_out.select(~left_out)))
        alarm, of_cases = (alarm_of(detectors, calibrations, data) for data in (held_out, cases))
        left_out = np.isin(group, excess(alarm, group, of_cases, case))
    return left_out


def excess(
    alarm: npt.NDArray[np.float64],
    group: npt.NDArray[np.intp],
    of_cases: npt.NDArray[np.float64],
    case: npt.NDArray[np.intp],
) -> npt.NDArray[np.intp]:
    """The groups that honest life does not explain; alarms of events, the group of each, and those of simulated cases.

    Lower = more anomalous, float64 each. None for fewer than `FEWEST`. What chance explains is taken for honest.
    """
    levels = _least(alarm, group)
    order = np.argsort(levels, kind="stable")
    none = order[:0]
    if len(order) < 2 * FAR:
        return none
    near, far = levels[order[NEAR - 1]], levels[order[FAR - 1]]
    found, suspects = 0.0, none
    times, times_far, times_case = _times(alarm, group, near), _times(alarm, group, far), _times(of_cases, case, near)
    top, honest, caught = times[times > 0], times_far[times_far > 0], times_case[times_case > 0]
    for events in EVENTS:
        usual, apart = np.mean(honest >= events), np.mean(caught >= events) - np.mean(honest >= events)
        if not len(caught) or apart < LEAST_APART:
            continue
        explained = len(top) * usual + 2 * np.sqrt(len(top) * usual * (1 - usual))
        more = min(((top >= events).sum() - explained) / apart, (top >= events).sum())
        if more > found:
            found, suspects = more, order[times[order] >= events][: int(more)]
    return suspects if len(suspects) >= FEWEST else none


def _without_highest(detector: Detector, data: Dataset, a_day: float) -> Dataset:
    """`data` without so many groups a day: those with the highest scores."""
    group = _numbered(data.account, data.day)
    levels = _least(-np.nan_to_num(detector.score_many(data.X, data.kind)), group)
    highest = np.argsort(levels, kind="stable")[: round(a_day * len(np.unique(data.day)))]
    return data.select(~np.isin(group, highest))


def _groups(data: Dataset) -> int:
    """Number of groups (account, day) that have an event in `data`."""
    return len(np.unique(_numbered(data.account, data.day))) if len(data.day) else 0


def _numbered(owner: npt.NDArray[np.int64 | np.uint64], day: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """The number of each event's (owner, day), from 0 on."""
    of_owner = np.unique(owner, return_inverse=True)[1]
    number: npt.NDArray[np.intp] = np.unique(of_owner * (int(day.max()) + 1) + day, return_inverse=True)[1]
    return number


def _least(alarm: npt.NDArray[np.float64], number: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """The least alarm of each number."""
    least = np.full(int(number.max()) + 1, np.inf)
    np.minimum.at(least, number, alarm)
    return least


def _times(alarm: npt.NDArray[np.float64], number: npt.NDArray[np.intp], level: float) -> npt.NDArray[np.intp]:
    """How many events of each number reach a level."""
    return np.bincount(number[alarm <= level], minlength=int(number.max()) + 1)
