"""What interrupts habits: trips, expensive months, dormancy, a move, a new phone. An account has at most one of each.

They are the honest look-alikes: whatever a thief changes for an account, some owner changes too.
"""

from typing import NamedTuple

import numpy as np

from models.worlds.settled.log import DAY_MS, Bools, Floats, Ints, Rng
from models.worlds.settled.people import MONTH_DAYS, People

NEVER = 10**9
#: Of the accounts, a month: a trip of 2 to 10 days; an expensive month (moving house, a wedding), in which 2 to 6 times
#: as much is charged at once and 1.5 times as often; a new address at home; a new phone (one in three years). Assumed.
TRIPS, DEAR_MONTHS, NEW_HOMES, NEW_PHONES = 0.06, 0.02, 0.03, 0.028
TRIP_DAYS, DEAR_DAYS, DEAR_FACTOR, DEAR_PACE = (2, 10), (10, 35), (2.0, 6.0), 1.5
#: On a trip people charge more often, and by other hours (up to nine: abroad).
AWAY_PACE, AWAY_H = 1.6, 9.0
#: One account in ten falls asleep at some time around the days played, for 45 days (median), and returns. Assumed.
SLEEPERS, SLEEP_DAYS, SLEEP_SPREAD = 0.10, 45, 0.8
#: So long before the first day a sleep may have begun.
LONG_AGO_DAYS = 120


class Episodes(NamedTuple):
    """When, in days since the first midnight, float64 (n,); `NEVER` without one."""

    away_from: Floats
    away_until: Floats
    away_h: Floats
    dear_from: Floats
    dear_until: Floats
    dear_ln: Floats  # ln of the factor of amounts
    sleep_from: Floats
    sleep_until: Floats
    new_home: Floats
    new_phone: Floats
    new_shop: Floats  # the favourites change their order

    def away(self, account: Ints, at_ms: Ints) -> Bools:
        """Whether each account is on its trip at each moment."""
        day = at_ms / DAY_MS
        return (self.away_from[account] <= day) & (day < self.away_until[account])

    def dear(self, account: Ints, at_ms: Ints) -> Bools:
        """Whether each account is in its expensive month at each moment."""
        day = at_ms / DAY_MS
        return (self.dear_from[account] <= day) & (day < self.dear_until[account])


def episodes(n: int, first_day: int, last_day: int, rng: Rng) -> Episodes:
    """Episodes of `n` accounts; they begin from `first_day` until before `last_day`, a sleep earlier too."""
    months = (last_day - first_day) / MONTH_DAYS

    def some(share_a_month: float) -> Floats:
        begins = rng.uniform(first_day, last_day, n)
        return np.where(rng.random(n) < share_a_month * months, begins, NEVER)

    away, dear = some(TRIPS), some(DEAR_MONTHS)
    sleep = np.where(rng.random(n) < SLEEPERS, rng.uniform(first_day - LONG_AGO_DAYS, last_day, n), NEVER)
    return Episodes(
        away_from=away,
        away_until=away + rng.uniform(*TRIP_DAYS, n),
        away_h=rng.uniform(-AWAY_H, AWAY_H, n) * (rng.random(n) < 0.5),
        dear_from=dear,
        dear_until=dear + rng.uniform(*DEAR_DAYS, n),
        dear_ln=np.log(rng.uniform(*DEAR_FACTOR, n)),
        sleep_from=sleep,
        sleep_until=sleep + SLEEP_DAYS * np.exp(SLEEP_SPREAD * rng.standard_normal(n)),
        new_home=some(NEW_HOMES),
        new_phone=some(NEW_PHONES),
        new_shop=rng.uniform(first_day, last_day, n),
    )


def pace(people: People, episodes: Episodes, day: int, weekday: int) -> Floats:
    """Expected debits of each account on a day, float64 (n,)."""
    away = (episodes.away_from < day + 1) & (day < episodes.away_until)
    dear = (episodes.dear_from < day + 1) & (day < episodes.dear_until)
    asleep = (episodes.sleep_from < day) & (day < episodes.sleep_until)
    factor = np.where(away, AWAY_PACE, 1.0) * np.where(dear, DEAR_PACE, 1.0) * ~asleep
    begun = people.begins_ms < (day + 1) * DAY_MS
    return np.asarray(7 * people.weekday[:, weekday] * people.rate * factor * begun, np.float64)
