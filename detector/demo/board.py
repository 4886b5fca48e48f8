"""What the live view shows, kept up to date from alerts and measurements; knows no screen and no clock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from detector.contract.alerts import Alert


@dataclass(slots=True)
class Line:
    """One alerted account: its first alert, how many events alerted in 24 h, whether the account really was robbed.

    The first alert, because at the speed of a replay the later ones hide it at once.
    """

    alert: Alert
    attack: bool
    alerts: int = 1


@dataclass(slots=True)
class Board:
    """The replay so far. `case_of` maps the events of cases to their case; times are event time, epoch ms."""

    begins_at_ms: int
    ends_at_ms: int
    case_of: Mapping[str, str]
    clock_ms: int = 0
    events_per_s: float = 0.0
    lag: int = 0
    alerts: int = 0
    cases_found: set[str] = field(default_factory=set)
    _lines: dict[str, Line] = field(default_factory=dict)

    def take(self, alerts: Iterable[Alert]) -> list[Line]:
        """Count the next alerts; returns the lines of accounts that alert for the first time within 24 h."""
        opened = []
        for alert in alerts:
            self.alerts += 1
            case = self.case_of.get(alert.event_id)
            if case is not None:
                self.cases_found.add(case)
            line = self._lines.get(alert.case_id)
            if line is None:
                self._lines[alert.case_id] = line = Line(alert, attack=case is not None, alerts=alert.events)
                opened.append(line)
            else:
                line.alerts += alert.events
                line.attack = line.attack or case is not None
        return opened

    def measure(self, clock_ms: int, events_per_s: float, lag: int) -> None:
        """Note how far the worker is; `clock_ms` never goes back."""
        self.clock_ms = max(self.clock_ms, min(clock_ms, self.ends_at_ms))
        self.events_per_s = events_per_s
        self.lag = lag

    @property
    def share(self) -> float:
        """How much of the days has passed, 0 … 1."""
        span = self.ends_at_ms - self.begins_at_ms
        return min(1.0, max(0.0, (self.clock_ms - self.begins_at_ms) / span))

    def latest(self, count: int) -> list[Line]:
        """The lines that were opened last, the newest first."""
        return list(self._lines.values())[: -count - 1 : -1]
