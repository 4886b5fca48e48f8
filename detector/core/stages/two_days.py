"""Counters of the newest day (or hour) and the one before it, `counts[0]` and `counts[1]`, as rows hold them.

Late events count on the newest day.
"""

from typing import Any

import numpy as np
from numba import njit

_U1 = 2**8 - 1


@njit(cache=True)
def begin(counts: Any, days: int) -> None:
    """Begin a day that is `days` > 0 after the newest."""
    if days == 1:
        counts[1] = counts[0]
    else:
        counts[1] = 0
    counts[0] = 0


@njit(cache=True)
def count_attempt(row: Any, day: int, succeeded: bool) -> None:  # noqa: FBT001 - numba passes by position
    """Count a link attempt in a row with `day`, `attempts`, `failures` and `streak`, the failures since a success."""
    days = day - row.day
    if days > 0:
        begin(row.attempts, days)
        begin(row.failures, days)
        row.day = day
    row.attempts[0] = min(np.int64(row.attempts[0]) + 1, _U1)
    if succeeded:
        row.streak = 0
    else:
        row.failures[0] = min(np.int64(row.failures[0]) + 1, _U1)
        row.streak = min(np.int64(row.streak) + 1, _U1)


@njit(cache=True)
def of_two(counts: Any, counted: int, now: int) -> Any:
    """The sum of the counts that belong to day `now` and the day before it; `counted` is the newest day."""
    age = max(0, now - counted)
    if age == 0:
        return np.int64(counts[0]) + counts[1]
    return np.int64(counts[0]) if age == 1 else 0
