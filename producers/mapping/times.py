"""Times of foreign files as epoch milliseconds: numbers since an origin, or texts by a pattern, local times too."""

import zoneinfo
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from producers.mapping.amounts import floats
from producers.mapping.japanese import JAPANESE, local_times

UNITS_MS = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3, "min": 6e4, "h": 3.6e6, "d": 8.64e7}
#: Meaning of a local time that occurs twice, at the end of summer time.
AMBIGUOUS = ("refuse", "earliest", "latest")
OFFSET = r"[T ].*(Z|z|[+-]\d{2}:?\d{2})$"  # at the end of an ISO 8601 time
_FINEST = (
    ("second", ("%S", "%T", "%X", "%c", "%s", "%f")),
    ("minute", ("%M", "%R")),
    ("hour", ("%H", "%I")),
)


@dataclass(frozen=True, slots=True)
class Time:
    """Numbers of `unit` since `origin_ms`, or texts by `pattern` ("iso8601" or as strptime) in `zone`.

    Without a zone the texts have an offset each. `precision`: what the times are fine enough for.
    """

    unit: str | None
    origin_ms: int
    pattern: str | None
    zone: str | None
    ambiguous: str
    precision: str

    @property
    def expected(self) -> str:
        """What a text of the column must be, for people."""
        if self.unit is not None:
            return f"a number of {self.unit}, a time of the years 2000 to 2099"
        zone = "with an offset" if self.zone is None else f"a clock in {self.zone} showed once"
        pattern = (
            "as in Japan (2020/9/1 14:05, 令和2年9月1日, R02.09.01)"
            if self.pattern == JAPANESE
            else (f"by the pattern {self.pattern}")
        )
        return f"a time {pattern}, {zone}, of the years 2000 to 2099"


def precision_of(unit: str | None, pattern: str | None) -> str:
    """What times of that unit or pattern are fine enough for."""
    if unit is not None:
        return {"min": "minute", "h": "hour", "d": "day"}.get(unit, "second")
    if pattern in {"iso8601", JAPANESE}:
        return "second"
    return next((name for name, signs in _FINEST if any(sign in str(pattern) for sign in signs)), "day")


def zone_of(name: str) -> zoneinfo.ZoneInfo | None:
    """The time zone of that name, None where there is none."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def times(texts: pa.Array, how: Time) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Epoch milliseconds int64 (n,) of the texts (null: none), 0 where not understood; and where they are."""
    if how.unit is not None:
        values, good = floats(texts)
        ms = how.origin_ms + np.where(good, values, 0.0) * UNITS_MS[how.unit]
        return np.rint(np.clip(ms, -(2.0**62), 2.0**62)).astype(np.int64), good
    stamps = _stamps(texts, how).dt.tz_convert("UTC").dt.tz_localize(None)
    found = stamps.to_numpy("datetime64[ms]")
    good = ~np.isnat(found)
    return np.where(good, found.astype(np.int64), 0), good


def _stamps(texts: pa.Array, how: Time) -> "pd.Series[Any]":
    """Times with their zone, NaT where not understood."""
    layout: Any = "ISO8601" if how.pattern == "iso8601" else how.pattern
    if how.pattern == "iso8601":
        offset = pc.match_substring_regex(texts, OFFSET)
        texts = pc.if_else(pc.equal(offset, how.zone is None), texts, None)
    series = _japanese(texts) if how.pattern == JAPANESE else texts.to_pandas()
    if how.zone is None:
        aware: pd.Series[Any] = pd.to_datetime(series, format=layout, errors="coerce", utc=True)
        return aware
    parsed = series if how.pattern == JAPANESE else pd.to_datetime(series, format=layout, errors="coerce")
    local: pd.Series[Any] = parsed
    twice: Any = "NaT" if how.ambiguous == "refuse" else np.full(len(local), how.ambiguous == "earliest")
    found: pd.Series[Any] = local.dt.tz_localize(how.zone, ambiguous=twice, nonexistent="NaT")
    return found


def _japanese(texts: pa.Array) -> "pd.Series[Any]":
    """Times of the clock on the wall, NaT where not understood."""
    ms, good = local_times(texts)
    found: pd.Series[Any] = pd.Series(np.where(good, ms, np.iinfo(np.int64).min).astype("datetime64[ms]"))
    return found
