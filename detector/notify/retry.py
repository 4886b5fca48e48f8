"""When to try again: exponential back-off with full jitter, and a circuit; pure, the clock and chance are arguments.

Full jitter: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. Circuit: Nygard, "Release It!".
"""

from dataclasses import dataclass
from random import Random
from typing import Literal

State = Literal["closed", "half-open", "open"]
#: What a receiver asks for (`Retry-After`) counts up to here: none may silence its own alerts for a day.
LONGEST_WISH_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How long is waited, for an answer and before the next attempt.

    `first_s` and `longest_s`: the range of the wait after the first failure, doubled with each, and its bound.
    `failures`: in a row, after which the circuit opens: some ten seconds, so that a restart of the receiver does not.
    `open_s`: at least so long nothing is sent to it then. All in all one that is back hears within 45 s.
    """

    first_s: float = 0.5
    longest_s: float = 30.0
    failures: int = 5
    open_s: float = 15.0
    connect_s: float = 5.0
    answer_s: float = 10.0  # between two packets
    exchange_s: float = 20.0  # all of it, for one that answers a byte at a time


class Circuit:
    """Failures of one receiver in a row. Closed: each message is sent. Open: nothing is. Half-open: one attempt."""

    def __init__(self, pace: Pace, chance: Random) -> None:
        self._pace = pace
        self._chance = chance
        self._failures = 0
        self._trying = False

    @property
    def state(self) -> State:
        """What it is now."""
        if self._failures < self._pace.failures:
            return "closed"
        return "half-open" if self._trying else "open"

    def attempts(self) -> None:
        """Note that an attempt begins."""
        self._trying = True

    def delivered(self) -> None:
        """Note that one succeeded: all is well again."""
        self._failures, self._trying = 0, False

    def failed(self, wish_s: float = 0.0) -> float:
        """Note that one failed; seconds until the next, at least those that the receiver wishes for, within reason."""
        # Beyond 2^30 the bound has long been reached, and a float would overflow in the end.
        bound_s = min(self._pace.longest_s, self._pace.first_s * 2.0 ** min(self._failures, 30))
        self._failures, self._trying = self._failures + 1, False
        wait_s = self._chance.uniform(0.0, bound_s)
        if self.state == "open":
            wait_s += self._pace.open_s
        return max(wait_s, min(wish_s, LONGEST_WISH_S))
