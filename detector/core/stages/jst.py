"""The calendar of Japan (`detector.jst`), compiled for kernels."""

from numba import njit

from detector.jst import DAY_S, JST_S

_ERA_DAYS = 719_468  # days from 0000-03-01 to 1970-01-01


@njit(cache=True)
def day_of(epoch_s: int) -> int:
    """Days since 1970-01-01 in JST."""
    return (epoch_s + JST_S) // DAY_S


@njit(cache=True)
def hour_of(epoch_s: int) -> int:
    """Hour of the day in JST, 0 to 23."""
    return (epoch_s + JST_S) % DAY_S // 3600


@njit(cache=True)
def month_of(day: int) -> int:
    """Months since January 1970 of a day number (Hinnant, chrono-compatible low-level date algorithms, 2013)."""
    shifted = day + _ERA_DAYS
    era = shifted // 146_097
    day_of_era = shifted - era * 146_097
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march_month = (5 * day_of_year + 2) // 153  # 0 = March
    months = (year_of_era + era * 400) * 12 + march_month + 2
    return months - 1970 * 12


@njit(cache=True)
def first_day_of(month: int) -> int:
    """Day number of the first of a month counted from January 1970 (Hinnant, as above)."""
    marched = month + 1970 * 12 - 2  # months since March of the year 0
    year, march_month = marched // 12, marched % 12
    return year * 365 + year // 4 - year // 100 + year // 400 + (153 * march_month + 2) // 5 - _ERA_DAYS
