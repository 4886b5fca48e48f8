"""An account's own hours and amounts at a given day: what is usual for it, and for nobody else."""

import numpy as np

from models.worlds.settled.episodes import Episodes
from models.worlds.settled.log import DAY_MS, HOUR_MS, Floats, Ints, Rng
from models.worlds.settled.people import BIG_SHARE, MONTH_DAYS, People

#: What an app lets one charge at once; assumed.
LEAST_YEN, MOST_YEN = 100, 100_000


def moments(people: People, episodes: Episodes, account: Ints, day: Ints, rng: Rng) -> Ints:
    """A moment of each day at which each account is active, by its own hours; int64 (n,), ms."""
    n = len(account)
    peak = (rng.random(n)[:, None] > people.peak_until[account]).sum(axis=1).clip(max=2)
    hour = people.peak_h[account, peak] + people.width_h[account] * rng.standard_normal(n)
    hour += people.drift_h[account] * day / MONTH_DAYS + people.weekend_h[account] * (day % 7 >= 5)
    hour += episodes.away_h[account] * episodes.away(account, day * DAY_MS)
    return np.asarray(day * DAY_MS + hour % 24 * HOUR_MS, np.int64)


def amounts(people: People, account: Ints, at_ms: Ints, rng: Rng, episodes: Episodes | None = None) -> Ints:
    """Yen as each account charges at that time, int64 (n,); without `episodes` no expensive month."""
    n = len(account)
    ln = people.usual_ln[account] + people.drift_ln[account] * at_ms / DAY_MS / MONTH_DAYS
    ln += people.spread_ln[account] * rng.standard_normal(n) + people.big[account] * (rng.random(n) < BIG_SHARE)
    if episodes is not None:
        ln += episodes.dear_ln[account] * episodes.dear(account, at_ms)
    return rounded(np.exp(ln), people.unit[account])


def rounded(yen: Floats, unit: Ints) -> Ints:
    """Multiples of the unit, at least one, within the app's limits."""
    return (np.maximum(1, np.round(yen / unit)) * unit).astype(np.int64).clip(LEAST_YEN, MOST_YEN)
