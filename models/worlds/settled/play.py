"""The settled world: everybody has long been known, and a thief differs only by what is usual for the account."""

import numpy as np

from models.worlds.settled.debits import owners_debits, within_cap
from models.worlds.settled.links import owners_links
from models.worlds.settled.log import DAY_MS, HOUR_MS, Log, Rng, join
from models.worlds.settled.loot import thieves_spending
from models.worlds.settled.spending import owners_spending
from models.worlds.settled.tables import events, labels
from models.worlds.settled.thieves import thefts
from models.worlds.settled.town import town
from models.worlds.world import Life, Size

#: Events arrive two seconds after they happen, on average; one in 500 late, by up to an hour. Assumed.
DELAY_MS, LATE, LATE_MS = 2_000, 1 / 500, HOUR_MS
#: Parts of the world draw from streams of their own, so that more thieves change no owner.
_TOWN, _DEBITS, _LINKS, _THEFTS, _SPENDING, _LOOT, _ARRIVAL = range(7)


def play(size: Size) -> Life:
    """The world's life; the same size gives the same bytes."""

    def rng(stream: int) -> Rng:
        return np.random.default_rng([size.seed, stream])

    last_day = size.days + size.judged_days
    owners = town(size.accounts, last_day, rng(_TOWN))
    stolen = thefts(owners, size.accounts, size.cases, (size.days, last_day), rng(_THEFTS))
    debits = within_cap(join(owners_debits(owners, rng(_DEBITS)), stolen.debits))
    spending = owners_spending(owners, debits.where(debits.case < 0), rng(_SPENDING))
    everybody, loot = thieves_spending(stolen, debits, rng(_LOOT))
    life = join(owners_links(owners, rng(_LINKS)), debits, spending, stolen.links, loot)
    history, judged = (
        _arrived(life.where((life.at_ms >= first * DAY_MS) & (life.at_ms < last * DAY_MS)), rng(_ARRIVAL))
        for first, last in ((0, size.days), (size.days, last_day))
    )
    return Life(
        history=events(history, everybody, 0, size.seed),
        judged=events(judged, everybody, history.size, size.seed),
        labels=labels(judged, stolen.plans, history.size),
    )


def _arrived(life: Log, rng: Rng) -> Log:
    """The events in order of arrival."""
    delay_ms = rng.exponential(DELAY_MS, life.size)
    delay_ms += np.where(rng.random(life.size) < LATE, rng.uniform(0, LATE_MS, life.size), 0)
    return life.where(np.argsort(life.at_ms + delay_ms, kind="stable"))
