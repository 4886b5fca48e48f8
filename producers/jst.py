"""Japanese calendar time: every moment is epoch ms UTC, every day and hour is meant in JST."""

import datetime as dt
from typing import Any

import numpy as np
import numpy.typing as npt

from detector import jst as calendar

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS, OFFSET_MS = calendar.DAY_MS, calendar.JST_MS

_EPOCH = dt.date(1970, 1, 1)


def midnight_ms(day: dt.date) -> int:
    """The moment `day` begins in Japan, epoch ms UTC."""
    return (day - _EPOCH).days * DAY_MS - OFFSET_MS


def date_of(moment_ms: int) -> dt.date:
    """The date in Japan at `moment_ms`."""
    return _EPOCH + dt.timedelta(days=(moment_ms + OFFSET_MS) // DAY_MS)


def month_of(day: dt.date) -> int:
    """Number of the month of `day`, counted from year 0."""
    return day.year * 12 + day.month - 1


def first_day(month: int) -> dt.date:
    """The first day of the numbered month."""
    return dt.date(month // 12, month % 12 + 1, 1)


def days_of(month: int) -> list[dt.date]:
    """All days of the numbered month."""
    first, after = first_day(month), first_day(month + 1)
    return [first + dt.timedelta(days=i) for i in range((after - first).days)]


def hour_of(moments_ms: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """The hour of the day in Japan, 0 … 23, of each moment."""
    return (moments_ms + OFFSET_MS) // HOUR_MS % 24
