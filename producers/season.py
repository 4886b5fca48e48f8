"""When people act: hours of the day, days of the month, campaigns. All weights are *assumed*; the shapes are known."""

import datetime as dt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from producers import jst
from producers.draws import Rng, pick


class Campaign(NamedTuple):
    """Days on which an offer draws people, with the factors on charges and on new wallets."""

    first: dt.date
    last: dt.date
    charges: float
    newcomers: float
    why: str


CAMPAIGNS: tuple[Campaign, ...] = (
    Campaign(dt.date(2019, 5, 8), dt.date(2019, 5, 12), 1.3, 1.8, "20 % back at drugstores (assumed)"),
    Campaign(dt.date(2020, 7, 1), dt.date(2020, 7, 3), 1.3, 1.5, "start of entries for the state's reward points"),
    Campaign(dt.date(2020, 8, 8), dt.date(2020, 8, 10), 1.4, 1.6, "summer week-end offer (assumed)"),
    Campaign(dt.date(2020, 9, 1), dt.date(2020, 9, 12), 1.2, 2.0, "5,000 reward points for a charge of 20,000 yen"),
    Campaign(dt.date(2020, 10, 17), dt.date(2020, 10, 18), 1.4, 1.5, "autumn week-end offer (assumed)"),
    Campaign(dt.date(2020, 12, 11), dt.date(2020, 12, 13), 1.5, 1.4, "year-end offer (assumed)"),
    Campaign(dt.date(2021, 3, 19), dt.date(2021, 3, 28), 1.2, 1.7, "first wallets of a new school year (assumed)"),
)

#: Weight of each hour of the day in Japan: quiet nights, commuting, lunch, evening.
HOURS = (10, 5, 3, 2, 2, 4, 14, 32, 42, 38, 40, 46, 62, 48, 44, 44, 48, 58, 66, 68, 64, 56, 42, 24)
PAY_DAY = 25
PAY_DAY_FACTOR = 2.2
MONTH_START_FACTOR = 1.5  # standing orders and a fresh monthly cap
WEEK_END_FACTOR = 1.12


def pay_day(month: int) -> dt.date:
    """The day wages arrive: the 25th, or the Friday before it."""
    day = jst.first_day(month).replace(day=PAY_DAY)
    return day - dt.timedelta(days=max(0, day.weekday() - 4))


def campaign(day: dt.date) -> Campaign | None:
    """The campaign that `day` belongs to."""
    return next((offer for offer in CAMPAIGNS if offer.first <= day <= offer.last), None)


def charges(day: dt.date) -> float:
    """Weight of `day` for charges; an ordinary weekday is 1."""
    weight = 1.0
    if day == pay_day(jst.month_of(day)):
        weight *= PAY_DAY_FACTOR
    if day.day == 1:
        weight *= MONTH_START_FACTOR
    if day.weekday() >= 5:
        weight *= WEEK_END_FACTOR
    offer = campaign(day)
    return weight * offer.charges if offer else weight


def newcomers(day: dt.date) -> float:
    """Weight of `day` for new wallets; an ordinary weekday is 1."""
    weight = WEEK_END_FACTOR if day.weekday() >= 5 else 1.0
    offer = campaign(day)
    return weight * offer.newcomers if offer else weight


def times_of_day(rng: Rng, size: int) -> npt.NDArray[np.int64]:
    """Times of day as most people keep them, ms after midnight in Japan."""
    hours: npt.NDArray[np.int64] = pick(rng, np.arange(24, dtype=np.int64), HOURS, size)
    return hours * jst.HOUR_MS + rng.integers(0, jst.HOUR_MS, size)
