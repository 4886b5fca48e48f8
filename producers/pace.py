"""How fast events are published: as fast as possible, so many a second, or at a multiple of event time."""

import re
import time
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from detector.errors import UserError

_SPEED = re.compile(r"(\d+(?:\.\d+)?)x?", re.ASCII)


class Clock(Protocol):
    """Clock of a run; tests pass a fake one."""

    def now_s(self) -> float:
        """Seconds since some moment in the past, never falling."""

    def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""


class SystemClock:
    """The machine's clock."""

    def now_s(self) -> float:
        """See `Clock`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """See `Clock`."""
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Pace:
    """`events_per_s`, or `speed` seconds of event time in a second; both None: as fast as possible.

    Raises UserError where both are given, or one is not positive.
    """

    events_per_s: float | None = None
    speed: float | None = None

    def __post_init__(self) -> None:
        if self.events_per_s is not None and self.speed is not None:
            raise UserError("got both --rate and --speed: give one of them")
        for name, value in (("--rate", self.events_per_s), ("--speed", self.speed)):
            if value is not None and not 0 < value < float("inf"):
                raise UserError(f"got {name} {value}, expected a number above 0")


def speed_of(text: str) -> float:
    """The number of a speed such as `600x`; raises UserError for another form."""
    found = _SPEED.fullmatch(text.strip())
    if found is None:
        raise UserError(f"got --speed {text!r}, expected a multiple of event time such as 600x")
    return float(found[1])


class Schedule:
    """When each event of a run is due, in seconds after the run's first."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.count = 0
        self.first_ms: int | None = None
        self.latest_ms = 0

    def due(self, occurred_at_ms: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Seconds after the run's start at which each of the next events is due, never falling.

        At a multiple of event time a late event is due with the events around it.
        """
        size = len(occurred_at_ms)
        before, self.count = self.count, self.count + size
        if self.pace.events_per_s is not None:
            return (before + np.arange(size)) / self.pace.events_per_s
        if self.pace.speed is None or not size:
            return np.zeros(size)
        if self.first_ms is None:
            self.first_ms = self.latest_ms = int(occurred_at_ms[0])
        reached = np.maximum(np.maximum.accumulate(occurred_at_ms), self.latest_ms)
        self.latest_ms = int(reached[-1])
        return (reached - self.first_ms) / (1000.0 * self.pace.speed)
