"""The budget stage as its docstring defines it, slowly: groups by day, from a plain list of what counted."""

import math
from dataclasses import dataclass, field

import numpy as np
from support.models import make_batch

from detector.contract.batch import Batch
from detector.core.stage import WHOLE

DAY_MS = 86_400_000
JST_MS = 9 * 3_600_000
REMEMBERED = 32


@dataclass(frozen=True)
class Alerting:
    """An event that might alert: whose it is, when, and its alarm as a part of its limit."""

    account: int
    at_ms: int
    of_limit: float
    bank: int = 116
    wallet: int = 9

    @property
    def day(self) -> int:
        return (self.at_ms + JST_MS) // DAY_MS


def batch_of(events: list[Alerting], first: int = 0) -> Batch:
    """The events as they come out of a hop; no event id is the same."""
    offsets = np.arange(first, first + len(events))
    names = ("account", "at_ms", "bank", "wallet")
    columns = {name: [getattr(event, name) for event in events] for name in names}
    columns["occurred_at_ms"] = columns.pop("at_ms")
    return make_batch(len(events), offset=offsets, event_id=offsets + 1, **columns)


def parts(event: Alerting) -> int:
    """The fact that an event brings along."""
    return math.ceil(event.of_limit * WHOLE)


@dataclass
class Budget:
    """One budget; `groups` are those of each day, `multipliers` those that each day had."""

    set_point: float
    learnt_until: int = 0
    first_day: int | None = None
    today: int = 0
    life: float = 1.0
    groups: dict[int, int] = field(default_factory=dict)
    multipliers: dict[int, float] = field(default_factory=dict)
    counted: list[tuple[int, int]] = field(default_factory=list)

    def take(self, event: Alerting) -> bool:
        """Whether the event alerts."""
        if self.first_day is None:
            self._begin(event.day)
        if event.day > self.today + 8:
            multiplier = self.multipliers[self.today]
            before = self.multipliers[self.today - 1]
            self._begin(event.day)
            self.multipliers |= {event.day: multiplier, event.day - 1: before}
        while self.today < event.day:
            self._end()
        if parts(event) > self.multipliers[self.today] * WHOLE:
            return False
        group = (event.account or event.wallet, event.day)
        if event.day >= self.today - 1 and group not in self.counted[-REMEMBERED:]:
            self.counted.append(group)
            self.groups[event.day] = self.groups.get(event.day, 0) + 1
        return True

    def _begin(self, day: int) -> None:
        self.first_day, self.today = max(day, self.learnt_until), day
        self.groups = {}
        self.multipliers = {day: 1.0, day - 1: 1.0}

    def _end(self) -> None:
        """The day is over: the one before it is counted, unless it is no day of normal life."""
        assert self.first_day is not None
        yesterday, multiplier = self.today - 1, self.multipliers[self.today]
        self.multipliers[self.today + 1] = multiplier
        expected = self.multipliers[yesterday] * self.set_point
        came, coming = self.groups.get(yesterday, 0), self.groups.get(self.today, 0)
        usual, usual_today = self.life * expected, self.life * multiplier * self.set_point
        if yesterday > self.first_day and abs(came - usual) <= 3 * usual**0.5 + 2:
            self.life += (came / expected - self.life) / max(14, 100 / self.set_point)
            if coming <= usual_today + 3 * usual_today**0.5 + 2:
                wanted = min(max(1 / self.life, 0.5), 2.0)
                self.multipliers[self.today + 1] = min(max(wanted, multiplier / 1.05), multiplier * 1.05)
        self.today += 1
