"""The calendar of Japan: banks and services count days and months in JST, which is UTC+9 and has no summer time.

`detector.core.stages.jst` has it compiled, for kernels.
"""

import datetime as dt
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # whoever only shows alerts has no numpy
    import numpy as np
    import numpy.typing as npt

HOUR_S, DAY_S = 3_600, 86_400
JST_S = 9 * HOUR_S
DAY_MS, JST_MS = 1000 * DAY_S, 1000 * JST_S
JST = dt.timezone(dt.timedelta(seconds=JST_S), "JST")


def day_of(moment_ms: "npt.NDArray[np.int64]") -> "npt.NDArray[np.int64]":
    """The calendar day in Japan of each moment (epoch ms), counted from 1970-01-01."""
    return (moment_ms + JST_MS) // DAY_MS


def date_of(day: int) -> dt.date:
    """The date of a day counted from 1970-01-01."""
    return dt.date(1970, 1, 1) + dt.timedelta(days=day)
