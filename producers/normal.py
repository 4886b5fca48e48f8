"""One month of normal life, put together from its parts; depends on population and month alone."""

import numpy as np
import numpy.typing as npt

from producers import events
from producers.charges import debits_of
from producers.circles import circles_of
from producers.delivery import deliver
from producers.draws import mix64, stream
from producers.events import Events
from producers.links import links_of
from producers.payments import payments_after
from producers.payouts import payouts_of
from producers.population import Population
from producers.transfers import transfers_of

#: What began in a month arrives at most this many days into the next: a link locked for a day, then the latest delay.
SPILL_DAYS = 2


def month_of_life(population: Population, month: int) -> Events:
    """All events that normal life sends in the numbered month, with arrival times, in no particular order."""
    ties = population.until(month)
    seed = population.seed
    links = links_of(stream(seed, "links", month), ties, month)
    debits = debits_of(stream(seed, "debits", month), ties, month)
    payments = payments_after(stream(seed, "payments", month), debits, month, population.accounts)
    circles = circles_of(ties)
    transfers = transfers_of(stream(seed, "transfers", month), circles, debits, month)
    payouts = payouts_of(stream(seed, "payouts", month), circles, transfers, month)
    sent = events.concatenate([*links, debits, payments, transfers, payouts])
    sent = sent._replace(event=event_numbers(seed, month, sent.size))
    return deliver(stream(seed, "delivery", month), sent, month)


def event_numbers(seed: int, series: int, size: int) -> npt.NDArray[np.uint64]:
    """Unique numbers for `size` events of one series (a month, or the attacks): a bijection, so none repeats."""
    serial = np.arange(size, dtype=np.uint64) | np.uint64(series << 36)
    return mix64(serial ^ mix64(np.array([seed], np.uint64)))
