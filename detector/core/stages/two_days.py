"""Counters of the newest day (or hour) and the one before it, `counts[0]` and `counts[1]`, as rows hold them.

Late events count on the newest day.
"""

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True)
def begin(counts: Any, days: int) -> None:
    """Begin a day that is `days` > 0 after the newest."""
    if days == 1:
        counts[1] = counts[0]
    else:
        counts[1] = 0
    counts[0] = 0


@njit(cache=True)
def of_two(counts: Any, counted: int, now: int) -> Any:
    """The sum of the counts that belong to day `now` and the day before it; `counted` is the newest day."""
    age = max(0, now - counted)
    if age == 0:
        return np.int64(counts[0]) + counts[1]
    return np.int64(counts[0]) if age == 1 else 0
