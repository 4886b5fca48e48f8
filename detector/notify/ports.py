"""What a courier needs: a way to its receiver, and an inbox of what that has not got; what a delivery comes to."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from detector.kafka.subscription import LogRecord
from detector.notify.messages import Notice, Wanted
from detector.notify.retry import Circuit

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The receiver will never take this message; `cause` for people, nothing of the message in it."""

    cause: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The receiver did not take it now; it wishes for nothing during `wish_s`."""

    cause: str
    wish_s: float = 0.0


Outcome = Delivered | Refused | Failed
#: Of a record that is no message to this release, maybe of a newer schema.
UNREADABLE = Refused("this release cannot read it")


class Deliverer(Protocol):
    """A way to a receiver."""

    def deliver(self, notice: Notice, wall_s: float) -> Outcome:
        """Send it once, at a time in seconds since 1970; bounded in time."""

    def abort(self) -> None:
        """End the delivery that is under way, if any; called from another thread."""


class Inbox(Protocol):
    """What a receiver has not got yet: records of its group, one in hand at a time; used by one thread."""

    def next(self) -> LogRecord | None:
        """The next record that is not finished; None where there was none for a moment."""

    def stay(self, limit_s: float) -> bool:
        """Wait up to `limit_s` with the record in hand; False where its partition was taken away meanwhile."""

    def done(self, record: LogRecord) -> None:
        """The record in hand is finished; `commit` makes that last."""

    def commit(self) -> None:
        """Make last what is finished; where that fails, it comes again."""

    def close(self) -> None:
        """Commit, and leave the group."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who gets what, by which way; `read` makes a message of a record, None of one that is none."""

    name: str
    wanted: Wanted
    way: Deliverer
    circuit: Circuit
    read: Callable[[LogRecord], Notice | None]


def send(receiver: Receiver, notice: Notice, wall_s: float) -> Outcome:
    """Send it once. A defect that one message meets must not hold up those behind it: that message is refused."""
    try:
        return receiver.way.deliver(notice, wall_s)
    except Exception as error:
        log.exception("a message cannot be sent for a reason of our own", receiver=receiver.name, id=notice.id)
        return Refused(f"a defect: {type(error).__name__}")


@dataclass(frozen=True, slots=True)
class Clock:
    """`steady_s` only grows; `wall_s` is seconds since 1970."""

    steady_s: Callable[[], float] = time.monotonic
    wall_s: Callable[[], float] = time.time
