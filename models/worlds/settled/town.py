"""The world before anything happens: people, their episodes, whereabouts and wallets, and those that they will open."""

import datetime as dt
from typing import NamedTuple

import numpy as np

from models.worlds.settled.episodes import Episodes, episodes
from models.worlds.settled.habits import moments
from models.worlds.settled.log import DAY_MS, HOUR_MS, MINUTE_MS, NONE, Bools, Ints, Rng
from models.worlds.settled.people import (
    MONTH_DAYS,
    SERVICE_SHARES,
    People,
    Wallets,
    old_wallets,
    people,
    together,
    wallets,
)
from models.worlds.settled.whereabouts import Whereabouts

#: The first day: a Monday of no year that the press wrote of; 76 days hold two pay-days and two month's turns.
FIRST_DAY = dt.date(2021, 4, 5)
#: Life is played from a week before the first day, so that payments of earlier charges are there on it.
LEAD_DAYS = 7
#: Known accounts that try another service, a month; one in three a year. Assumed.
FURTHER_WALLETS = 0.028
#: Two of three link at once, within 20 minutes; the others after up to 60 days. The same for thieves' wallets.
#: Assumed.
AT_ONCE, AT_ONCE_MS, LATER_MS = 0.67, (MINUTE_MS, 20 * MINUTE_MS), (HOUR_MS, 60 * DAY_MS)


class Town(NamedTuple):
    """`wallets`: those of old, then those opened meanwhile; `further` int64 (n,): the latter by account, or `NONE`."""

    people: People
    episodes: Episodes
    whereabouts: Whereabouts
    wallets: Wallets
    further: Ints
    days: tuple[int, int]  # from the lead-in until before the last day's end

    def sources(self, account: Ints, at_ms: Ints, rng: Rng) -> Ints:
        """Where owners are."""
        return self.whereabouts.sources(account, at_ms, rng)


def town(known: int, days: int, rng: Rng) -> Town:
    """A town of `known` accounts, for `days` days."""
    who = people(known, days, rng)
    span = (-LEAD_DAYS, days)
    times = episodes(who.size, *span, rng)
    old = old_wallets(who, rng)
    try_another = np.flatnonzero(rng.random(known) < FURTHER_WALLETS * (days + LEAD_DAYS) / MONTH_DAYS)
    linked = moments(who, times, try_another, rng.integers(*span, len(try_another)), rng)
    service = other_services(who, old, try_another, rng)
    new = wallets(try_another, service, linked - ages_at_link(len(try_another), rng), linked, rng)
    further = np.full(who.size, NONE)
    further[try_another] = old.size + np.arange(new.size)
    return Town(who, times, Whereabouts(who, times, rng), together(old, new), further, span)


def ages_at_link(n: int, rng: Rng) -> Ints:
    """Ages of wallets, in ms, at which they are linked."""
    return np.where(rng.random(n) < AT_ONCE, rng.integers(*AT_ONCE_MS, n), rng.integers(*LATER_MS, n))


def other_services(people: People, old: Wallets, account: Ints, rng: Rng) -> Ints:
    """A service for each account at which it has no wallet of old."""
    used: Bools = np.zeros((people.size, len(SERVICE_SHARES)), np.bool_)
    used[old.account, old.service] = True
    return np.asarray(np.argmax(rng.random((len(account), len(SERVICE_SHARES))) * ~used[account], axis=1), np.int64)
