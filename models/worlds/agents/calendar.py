"""The days of a world, and what is decided for each of them in advance: campaigns, when banks turn to codes."""

import calendar
import datetime as dt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import OTP
from detector.jst import JST
from models.worlds.agents import assumptions as a

Ints = npt.NDArray[np.int64]


class Day(NamedTuple):
    """A calendar day in Japan; `number` counts the days played from 0, `left` those after it."""

    number: int
    left: int
    date: dt.date
    begin_ms: int
    end_ms: int

    @property
    def last_of_month(self) -> int:
        """The number of the month's last day."""
        return calendar.monthrange(self.date.year, self.date.month)[1]

    @property
    def weekend(self) -> bool:
        """Whether this is a Saturday or Sunday."""
        return self.date.weekday() >= 5


def days_of(history: int, judged: int) -> list[Day]:
    """All days of a life, the judged ones from `JUDGED_FROM` on."""
    first = a.JUDGED_FROM - dt.timedelta(days=history)
    begins = [dt.datetime.combine(first + dt.timedelta(days=i), dt.time(), JST) for i in range(history + judged + 1)]
    ms = [int(begin.timestamp() * 1000) for begin in begins]
    count = history + judged
    return [Day(i, count - 1 - i, begins[i].date(), ms[i], ms[i + 1]) for i in range(count)]


class Plans:
    """What services and banks have planned. `bonus[s, d]`: yen to charge for a bonus on day d, 0 without a campaign."""

    def __init__(self, rng: np.random.Generator, days: int) -> None:
        services = len(a.SERVICES)
        self.bonus: Ints = np.zeros((services, days), np.int64)
        for service in range(services):
            for day in np.flatnonzero(rng.random(days) < a.CAMPAIGNS_A_DAY).tolist():
                length = int(rng.integers(a.CAMPAIGN_DAYS[0], a.CAMPAIGN_DAYS[1] + 1))
                self.bonus[service, day : day + length] = rng.choice(a.CAMPAIGN_YEN)
        turns = np.array([bank.wavers for bank in a.BANKS]) & (rng.random(len(a.BANKS)) < a.TURNING_BANKS)
        self._codes_from = np.where(turns, rng.integers(0, days, len(a.BANKS)), days)
        self._auth = np.array([bank.auth for bank in a.BANKS])

    def auth(self, bank: Ints, day: Day) -> Ints:
        """How each of the banks checks who links an account, that day."""
        return np.where(day.number >= self._codes_from[bank], OTP, self._auth[bank])
