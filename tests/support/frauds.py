"""Cases of fraud without the normal life around them, for tests of typologies."""

import datetime as dt
from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt

from producers import campaigns
from producers.attacks import attacks
from producers.cases import is_campaign
from producers.events import Events
from producers.population import EMAIL_ERA, Era, Population

#: Two ends of a month are among them, for the typology that needs one.
FIRST_DAY, DAYS = dt.date(2020, 8, 10), 60
ACCOUNTS = 2_000


@cache
def population(seed: int, accounts: int = ACCOUNTS, era: Era = EMAIL_ERA) -> Population:
    """The people among whom the cases hide; made once, as it is only read."""
    return Population(seed, accounts, era)


@cache
def played(typology: str, seed: int, cases: int, accounts: int = ACCOUNTS) -> Events:
    """All events of `cases` cases of one typology on `DAYS` days, also those after them, by case and event time."""
    dates = [FIRST_DAY + dt.timedelta(days=day) for day in range(DAYS)]
    events = attacks(population(seed, accounts), dates, campaigns.usual((typology,)), cases)
    return events.select(np.lexsort((events.occurred_at_ms, events.case)))


def by_case(events: Events) -> Iterator[Events]:
    """The events of each case, campaigns left out, in the order they are in."""
    for case in np.unique(events.case[~is_campaign(events.case)]):
        yield events.select(events.case == case)


def of_campaigns(events: Events) -> Events:
    """What belongs to no single case."""
    return events.select(is_campaign(events.case))


def day_of(moment_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Number of the day in Japan of each moment."""
    return (moment_ms + 9 * 3_600_000) // 86_400_000
