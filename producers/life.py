"""One month of normal life, looked at from several sides. Pure."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import CHARGE, DEBIT, OK
from producers import jst
from producers.events import Events
from producers.normal import month_of_life
from producers.population import Population

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Life:
    """Normal life as it arrived in the numbered month, from a population that began with `accounts`."""

    arrived: Events
    month: int
    accounts: int

    @cached_property
    def once(self) -> Events:
        """Each event once, in order of time."""
        once = self.arrived.select(np.unique(self.arrived.event, return_index=True)[1])
        return once.select(np.argsort(once.occurred_at_ms, kind="stable"))

    def of(self, kind: int) -> Events:
        """The events of one kind, each once."""
        return self.once.select(self.once.kind == kind)

    @cached_property
    def charges(self) -> Events:
        """Debits carried out that charged a wallet."""
        debits = self.of(DEBIT)
        return debits.select((debits.result == OK) & (debits.purpose == CHARGE))

    @property
    def days(self) -> int:
        """Days of the month."""
        return len(jst.days_of(self.month))

    def per_day(self, kind: int) -> Numbers:
        """Events of a kind on each day of the month."""
        day = (self.of(kind).occurred_at_ms - jst.midnight_ms(jst.first_day(self.month))) // jst.DAY_MS
        return np.bincount(day[day >= 0], minlength=self.days)


def share(mask: npt.NDArray[np.bool_]) -> float:
    """Share of what the mask holds; 0 of nothing."""
    return float(mask.mean()) if len(mask) else 0.0


def partners(one: npt.NDArray[np.uint64], other: npt.NDArray[np.uint64]) -> Numbers:
    """For each distinct value of `one`, with how many values of `other` it goes together."""
    pairs = np.unique(np.stack([one, other]), axis=1)
    return np.unique(pairs[0], return_counts=True)[1]


def lived(population: Population, month: int) -> Life:
    """What arrives in the numbered month of what begins in it."""
    events = month_of_life(population, month)
    ends_ms = jst.midnight_ms(jst.first_day(month + 1))
    return Life(events.select(events.arrival_ms < ends_ms), month, population.accounts)
