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
#: the detectors compare better, and so do the suspects.
ROUNDS = 2
#: Groups that are not learnt from, for each one suspected; how often all is trained again for them at most.
NOT_LEARNT, AGAIN = 10, 3


class Cleaned(NamedTuple):
    """Detectors, the span without suspected groups, and how many held-out ones were suspected at most."""

    detectors: tuple[Detector, ...]
    span: Span
    groups: int


class Excess(NamedTuple):
    """Numbers of groups, and how many of their events tell them from honest ones."""

    groups: npt.NDArray[np.intp]
    events: int


NOTHING = Excess(np.empty(0, np.intp), 1)


def fit_cleaned(fit: Callable[[Span], tuple[Detector, ...]], span: Span) -> Cleaned:
    """The detectors that `fit` trains on a span, learnt from and counted without what looks like hidden fraud.

    Where held-out groups are suspected, `NOT_LEARNT` times as many a day are left out of the training days, and all is
    trained again: `AGAIN` times at most, while more are suspected each time.
    """
    whole, before = span.fitting, 0
    detectors = fit(span)
    hidden = suspected(detectors, span)
    for _ in range(AGAIN):
        if len(hidden.groups) <= before:
            break
        before = len(hidden.groups)
        boosted = next(detector for detector in detectors if detector.spec.form == "boosting")
        a_day = NOT_LEARNT * before / span.held_out_days
        span = span._replace(fitting=_without_highest(boosted, whole, a_day, hidden.events))
        detectors = fit(span)
        hidden = suspected(detectors, span)
    held_out = span.held_out
    left = ~np.isin(_numbered(held_out.account, held_out.day), hidden.groups)
    return Cleaned(detectors, span._replace(held_out=held_out.select(left)), max(before, len(hidden.groups)))


def suspected(detectors: tuple[Detector, ...], span: Span) -> Excess:
    """The held-out groups that look like fraud nobody labelled, as `_numbered` numbers them.

    None without a detector that learnt from cases and others held out, or where there are too few groups to tell.
    """
    held_out, cases, found = span.held_out, span.held_out_cases, NOTHING
    boosted = any(detector.spec.form == "boosting" for detector in detectors)
    if not boosted or cases is None or not len(cases.case):
        return found
    group, case = _numbered(held_out.account, held_out.day), _numbered(cases.case, cases.day)
    for _ in range(ROUNDS):
        counted = held_out.select(~np.isin(group, found.groups))
        calibrations = calibrate(detectors, span._replace(held_out=counted))
        alarm, of_cases = (alarm_of(detectors, calibrations, data) for data in (held_out, cases))
        found = excess(alarm, group, of_cases, case)
    return found


def excess(
    alarm: npt.NDArray[np.float64],
    group: npt.NDArray[np.intp],
    of_cases: npt.NDArray[np.float64],
    case: npt.NDArray[np.intp],
) -> Excess:
    """The groups that honest life does not explain.

    `alarm` float64 (n,) of events, lower = more anomalous, `group` intp (n,) of each, from 0 on; `of_cases`, `case`
    (m,) likewise of simulated cases. No group for fewer than `FEWEST`. What chance explains is taken for honest.
    """
    levels = _nth_least(alarm, group, 1)
    order = np.argsort(levels, kind="stable")
    if len(order) < 2 * FAR or not len(case):
        return NOTHING
    near, far = levels[order[NEAR - 1]], levels[order[FAR - 1]]
    times, times_far, times_case = _times(alarm, group, near), _times(alarm, group, far), _times(of_cases, case, near)
    top, honest, caught = times[times > 0], times_far[times_far > 0], times_case[times_case > 0]
    if not len(caught):
        return NOTHING
    found = NOTHING
    for events in EVENTS:
        usual, apart = np.mean(honest >= events), np.mean(caught >= events) - np.mean(honest >= events)
        if apart < LEAST_APART:
            continue
        explained = len(top) * usual + 2 * np.sqrt(len(top) * usual * (1 - usual))
        more = int(min(((top >= events).sum() - explained) / apart, (top >= events).sum()))
        if more > len(found.groups):
            found = Excess(order[times[order] >= events][:more], events)
    return found if len(found.groups) >= FEWEST else NOTHING


def _without_highest(detector: Detector, data: Dataset, a_day: float, events: int) -> Dataset:
    """`data` without so many groups a day: those with so many events of the highest scores."""
    group = _numbered(data.account, data.day)
    levels = _nth_least(-np.nan_to_num(detector.score_many(data.X, data.kind)), group, events)
    highest = np.argsort(levels, kind="stable")[: round(a_day * len(np.unique(data.day)))]
    return data.select(~np.isin(group, highest[np.isfinite(levels[highest])]))


def _numbered(owner: npt.NDArray[np.int64 | np.uint64], day: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """The number of each event's (owner, day), from 0 on."""
    of_owner = np.unique(owner, return_inverse=True)[1]
    number: npt.NDArray[np.intp] = np.unique(of_owner * (int(day.max()) + 1) + day, return_inverse=True)[1]
    return number


def _nth_least(alarm: npt.NDArray[np.float64], number: npt.NDArray[np.intp], n: int) -> npt.NDArray[np.float64]:
    """The n-th least alarm of each number, infinite where it has fewer."""
    order = np.lexsort((alarm, number))
    times = np.bincount(number)
    nth = np.full(len(times), np.inf)
    nth[times >= n] = alarm[order][(np.cumsum(times) - times)[times >= n] + n - 1]
    return nth


def _times(alarm: npt.NDArray[np.float64], number: npt.NDArray[np.intp], level: float) -> npt.NDArray[np.intp]:
    """How many events of each number reach a level."""
    return np.bincount(number[alarm <= level], minlength=int(number.max()) + 1)
