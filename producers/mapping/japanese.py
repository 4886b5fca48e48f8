"""Times and amounts as Japanese systems write them: eras, 24:xx hours, ￥, 円, ▲, full-width digits."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

#: How a mapping asks for these forms.
JAPANESE = "japanese"
#: The year before the first one of each era.
ERAS = {"令和": 2018, "R": 2018, "平成": 1988, "H": 1988, "昭和": 1925, "S": 1925}
#: A business day may end after midnight: 25:30 is half past one of the next day.
LAST_HOUR = 47
DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS = 86_400_000, 3_600_000, 60_000, 1000

_ERA = r"(?P<era>令和|平成|昭和|[RHSrhs])"
_WEEKDAY = r"(?:\s*\([月火水木金土日]\))?"
_DATES = (
    # 2020/09/01, 2020年9月1日, 令和2年9月1日, 令和元年5月1日, R02.9.1
    rf"{_ERA}?\s*(?P<year>元|\d{{1,4}})\s*[年/.-]\s*(?P<month>\d{{1,2}})\s*[月/.-]\s*(?P<day>\d{{1,2}})\s*日?{_WEEKDAY}",
    # 20200901, R020901
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
    rf"{_ERA}(?P<year>\d{{2}})(?P<month>\d{{2}})(?P<day>\d{{2}})",
)
#: 14:05, 14:05:06.789, 24時05分, 午後2時5分6秒
_SIGNED_CLOCK = (
    r"[T\s]*(?P<half>午前|午後|AM|PM|am|pm)?\s*(?P<hour>\d{1,2})\s*[:時]\s*(?P<minute>\d{1,2})"
    r"(?:\s*[:分]\s*(?P<second>\d{1,2})(?:\.(?P<fraction>\d{1,9}))?\s*秒?)?分?"
)
#: 140506, 1405. Not 90506, which lost a zero: one that lost more, 506, has two readings.
_PACKED_CLOCK = r"[T\s]*(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})?"
_CLOCKS = ("", _SIGNED_CLOCK, _PACKED_CLOCK)
_PATTERNS = tuple(rf"^\s*{date}{clock}\s*$" for date in _DATES for clock in _CLOCKS)
_AMOUNT = (
    r"^(?P<open>\()?\s*[¥\\]?\s*(?P<sign>[▲△−+-]?)\s*[¥\\]?\s*(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?P<rest>\.\d+)?"
    r"\s*円?\s*(?P<close>\))?$"
)


class _Part(NamedTuple):
    """What one pattern found: `names` to texts, of the rows `at`."""

    at: npt.NDArray[np.int64]
    names: dict[str, pa.Array]

    def number(self, name: str) -> npt.NDArray[np.int64]:
        """The numbers under a name, 0 where it has none."""
        texts = self.names.get(name)
        if texts is None:
            return np.zeros(len(self.at), np.int64)
        numbers: npt.NDArray[np.int64] = pc.cast(_or(texts, "0"), pa.int64()).to_numpy(zero_copy_only=False)
        return numbers

    def words(self, name: str) -> npt.NDArray[Any]:
        """The texts under a name, "" where it has none."""
        texts = self.names.get(name)
        if texts is None:
            return np.full(len(self.at), "", object)
        words: npt.NDArray[Any] = pc.fill_null(texts, "").to_numpy(zero_copy_only=False)
        return words


def plain(texts: pa.Array) -> pa.Array:
    """Full-width digits, letters and signs, and half-width kana, in their usual form (Unicode NFKC)."""
    return pc.utf8_normalize(texts, "NFKC")


def local_times(texts: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Milliseconds since 1970 by the clock on the wall, int64 (n,), 0 where not understood; and where they are."""
    left = plain(texts)
    ms, good = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.bool_)
    for pattern in _PATTERNS:
        at = np.flatnonzero(~good)
        if not len(at):
            break
        found = pc.extract_regex(left.take(pa.array(at)), pattern)
        matched = pc.is_valid(found).to_numpy(zero_copy_only=False)
        if not matched.any():
            continue
        rows = found.filter(pa.array(matched))
        part = _Part(at[matched], {field.name: pc.struct_field(rows, field.name) for field in rows.type})
        ms[part.at], good[part.at] = _ms(part)
    return np.where(good, ms, 0), good


def plain_amounts(texts: pa.Array) -> pa.Array:
    """The amounts as plain numbers ("-1000.5"), null where they are none."""
    found = pc.extract_regex(plain(texts), _AMOUNT)
    part = {name: pc.fill_null(pc.struct_field(found, name), "") for name in ("open", "sign", "whole", "rest", "close")}
    brackets = pc.equal(part["open"], "(")
    good = pc.and_(pc.is_valid(found), pc.equal(brackets, pc.equal(part["close"], ")")))
    minus = pc.or_(brackets, pc.is_in(part["sign"], pa.array(["▲", "△", "−", "-"])))
    digits = pc.replace_substring(part["whole"], ",", "")
    number = pc.binary_join_element_wise(pc.if_else(minus, "-", ""), digits, part["rest"], "")
    return pc.if_else(good, number, None)


def _ms(part: _Part) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Local milliseconds of what a pattern found, and where there is such a day and time."""
    before = _years_before(part)
    first = np.array([word == "元" for word in part.words("year")], np.bool_)
    if "year" in part.names:
        part.names["year"] = pc.if_else(pa.array(first), "1", part.names["year"])
    year, month, day = part.number("year"), part.number("month"), part.number("day")
    # Two digits without an era may be anything.
    good = (year >= 1) & np.where(before > 0, ~first | (year == 1), (year >= 1000) & ~first)
    year = year + before
    good &= (month >= 1) & (month <= 12) & (day >= 1) & (year < 3000)
    months = np.where(good, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (np.where(good, day, 1) - 1)
    good &= days.astype("datetime64[M]") == months
    hour, minute, second = part.number("hour"), part.number("minute"), part.number("second")
    half = part.words("half")
    after, early = np.isin(half, ["午後", "PM", "pm"]), np.isin(half, ["午前", "AM", "am"])
    good &= (~(after | early) | (hour <= 12)) & (hour <= LAST_HOUR) & (minute < 60) & (second < 60)
    hour = np.where(early & (hour == 12), 0, np.where(after & (hour < 12), hour + 12, hour))
    fraction = np.array([int(f"{word:0<3}"[:3]) if word else 0 for word in part.words("fraction")], np.int64)
    ms = days.astype(np.int64) * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS + fraction
    return ms, good


def _years_before(part: _Part) -> npt.NDArray[np.int64]:
    """The year before each era's first; 0 where a row has no era."""
    return np.array([ERAS.get(word.upper(), 0) for word in part.words("era")], np.int64)


def _or(texts: pa.Array, otherwise: str) -> pa.Array:
    return pc.if_else(pc.equal(pc.fill_null(texts, ""), ""), otherwise, texts)
