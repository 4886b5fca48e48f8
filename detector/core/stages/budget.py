"""The budget controller: keeps the rate of alert groups at the budget while normal events drift.

A row is a budget: the shared one, or that of one bank. Its multiplier scales the limit of its banks, between `LOWEST`
and `HIGHEST`, and moves by at most a factor `STEP` a day. An event arrives with its alarm as a fraction of its limit,
and alerts if that is within the multiplier. Days are Japanese calendar days of event time; a day's groups count when
the next day is over, so that late events, or those of a lagging partition, are included.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.core.admission import APPLY_FRESH
from detector.core.budgets import BANKS
from detector.core.stage import HEADER, OF_LIMIT, TURNED_DOWN, WHOLE, Keys, Stage
from detector.core.stages.jst import day_of

#: Bounds of the multiplier. Beyond them the model no longer fits the data: train it again.
LOWEST, HIGHEST = 0.5, 2.0
#: Greatest change a day. A campaign that no single day reveals needs two weeks to halve the limit.
STEP = 1.05
#: Time constant of the average in days: two weeks have every weekday twice. A small budget needs longer to collect as
#: many groups; their rate is then known to 7 %: 1 / sqrt(2 n) of n Poisson events in an exponential average.
MEMORY_DAYS, MEMORY_GROUPS = 14.0, 100.0
#: A day counts as a campaign, or an outage, if its groups are this many standard deviations (of a Poisson count) and
#: two groups off the usual: at 20 a day one normal day in a thousand is misjudged.
STRANGE_SIGMAS, STRANGE_GROUPS = 3.0, 2.0
#: Longest run of days without an event that counts as normal; a longer one is an outage, and none of its days count.
SILENT_DAYS = 7
#: `learnt_until` of a model without training dates.
NEVER = 0
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # as in `detector.core.hop`
_HIGH = np.uint64(32)
_ONE = np.uint32(1)

ROW = np.dtype(
    [
        *HEADER,
        ("learnt_until", "<i4"),  # last day of the model's training data
        ("first_day", "<i4"),  # days up to it do not count: the first one met, seen in part, or learnt_until
        ("day", "<i4"),  # newest day met
        ("groups", "<u4"),  # alert groups of that day
        ("groups_before", "<u4"),  # of the day before it
        ("multiplier", "<f8"),  # of that day
        ("multiplier_before", "<f8"),
        ("life", "<f8"),  # slow average of normal groups, as a multiple of the model's expectation
        ("seen", "<u4", (32,)),  # hashes of the last subjects and days that counted as groups
        ("seen_next", "u1"),  # slot of seen to overwrite next
        ("_room", "u1", (3,)),
    ]
)


def budget_stage(keys: Keys, set_points: npt.NDArray[np.float64], learnt_until: int = NEVER) -> Stage:
    """The stage of the budgets with these `keys`; `set_points` float64 (BANKS + 1,): groups a day, by bank.

    `learnt_until` is the last day of the model's training data. Days up to it do not count, because the model alerts
    less on them. Another value means another model, for which a budget starts anew.
    """

    def kernel(rows: Any, row_ids: Any, status: Any, batch: Any, start: int, stop: int, X: Any, facts: Any) -> None:
        del X
        budget_kernel(rows, row_ids, status, batch, start, stop, facts, set_points, learnt_until)

    decide: Callable[..., None] = kernel
    reads = frozenset({"account", "bank", "occurred_at_ms", "wallet"})
    return Stage("budget", keys, ROW, 1, decide, (), reads, recorded_hash=(1, 0xBDF7EA04))


#: One group a day for all banks. Its rows have the layout of every model's budget stage.
BUDGET = budget_stage(lambda batch: np.zeros(batch.size, np.uint64), np.ones(BANKS + 1))


@njit(cache=True)
def budget_kernel(
    rows: Any,
    row_ids: Any,
    status: Any,
    batch: Any,
    start: int,
    stop: int,
    facts: Any,
    set_points: Any,
    learnt_until: int,
) -> None:
    """See `detector.core.stage.Stage`; events not let through get the fact `OF_LIMIT` = `TURNED_DOWN`."""
    for i in range(start, stop):
        if status[i] > APPLY_FRESH:
            continue
        row = rows[row_ids[i]]
        day = day_of(batch.occurred_at_ms[i] // 1000)
        if status[i] == APPLY_FRESH or row.learnt_until != learnt_until:
            _begin(row, day, learnt_until)
        _turn(row, day, set_points[batch.bank[i]])
        if facts[i, OF_LIMIT] > row.multiplier * WHOLE:
            facts[i, OF_LIMIT] = TURNED_DOWN
        else:
            _count(row, batch.account[i] if batch.account[i] != 0 else batch.wallet[i], day)


@njit(cache=True)
def _begin(row: Any, day: int, learnt_until: int) -> None:
    row.learnt_until = learnt_until
    row.first_day, row.day = max(day, learnt_until), day
    row.groups, row.groups_before = 0, 0
    row.multiplier, row.multiplier_before, row.life = 1.0, 1.0, 1.0
    row.seen[:] = 0
    row.seen_next = 0


@njit(cache=True)
def _turn(row: Any, day: int, set_point: float) -> None:
    """End the days before `day`."""
    if day - row.day > SILENT_DAYS + 1:
        row.first_day, row.day = max(day, row.learnt_until), day
        row.groups, row.groups_before = 0, 0
    while row.day < day:
        _end_day(row, set_point)


@njit(cache=True)
def _end_day(row: Any, set_point: float) -> None:
    multiplier = row.multiplier
    closes = row.day - 1 > row.first_day
    usual_before = row.life * row.multiplier_before * set_point
    usual = row.life * multiplier * set_point
    if closes and not _strange(row.groups_before, usual_before):
        memory = max(MEMORY_DAYS, MEMORY_GROUPS / set_point)
        row.life += (row.groups_before / (row.multiplier_before * set_point) - row.life) / memory
        if row.groups <= usual or not _strange(row.groups, usual):  # else a campaign may have begun
            wanted = min(max(1.0 / row.life, LOWEST), HIGHEST)
            row.multiplier = min(max(wanted, multiplier / STEP), multiplier * STEP)
    row.multiplier_before = multiplier
    row.groups_before = row.groups
    row.groups = 0
    row.day += 1


@njit(cache=True)
def _strange(groups: int, usual: float) -> bool:
    return abs(groups - usual) > STRANGE_SIGMAS * math.sqrt(usual) + STRANGE_GROUPS


@njit(cache=True)
def _count(row: Any, subject: Any, day: int) -> None:
    """Count one group on its day, unless subject and day are among the last counted."""
    if day < row.day - 1:
        return
    mixed = (subject ^ (np.uint64(day) * _GOLDEN)) * _GOLDEN
    mark = np.uint32(mixed >> _HIGH) | _ONE  # never 0, which is an empty slot
    for seen in row.seen:
        if seen == mark:
            return
    row.seen[row.seen_next] = mark
    row.seen_next = (row.seen_next + 1) % len(row.seen)
    if day == row.day:
        row.groups += 1
    else:
        row.groups_before += 1
