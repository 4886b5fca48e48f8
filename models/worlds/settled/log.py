"""Events of the world as columns of numbers, before they become texts."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import WRONG_CREDENTIALS

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Rng = np.random.Generator

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1000, 60_000, 3_600_000, 86_400_000
NONE = -1

#: A link attempt in ten is preceded by a mistyped number or PIN; assumed, the same for owners and thieves, who read
#: the numbers from a list and mistype as owners do.
MISTYPED = 0.10
#: People try again after 10 s to 2 minutes; assumed.
RETRY_MS = (10 * SECOND_MS, 120 * SECOND_MS)


class Log(NamedTuple):
    """`n` events; int64 (n,) each, `NONE` where an event has no such field.

    `at_ms` since the first midnight; `account`, `wallet`, `source`, `shop`, `counterparty` are indices; `case` is that
    of a thief's event.
    """

    at_ms: Ints
    kind: Ints
    account: Ints
    wallet: Ints
    source: Ints
    result: Ints
    amount_yen: Ints
    purpose: Ints
    shop: Ints
    counterparty: Ints
    case: Ints

    @property
    def size(self) -> int:
        """Number of events."""
        return len(self.at_ms)

    def where(self, rows: Any) -> "Log":
        """The events at indices, or where a mask is true."""
        return Log(*(column[rows] for column in self))


def log(at_ms: npt.ArrayLike, kind: npt.ArrayLike, **columns: npt.ArrayLike) -> Log:
    """A log of the given columns; one value stands for all events, and `NONE` for a column left out."""
    at = np.atleast_1d(np.asarray(at_ms, np.int64))
    given = dict.fromkeys(Log._fields, np.int64(NONE)) | {"at_ms": at, "kind": kind} | columns
    return Log(**{name: np.broadcast_to(np.asarray(value, np.int64), at.shape) for name, value in given.items()})


def join(*logs: Log) -> Log:
    """The events of all logs, one log after the other."""
    return Log(*(np.concatenate(columns) for columns in zip(*logs, strict=True)))


def with_mistakes(links: Log, rng: Rng) -> Log:
    """The successful links, and failed attempts before some of them."""
    first = links.where(rng.random(links.size) < MISTYPED)
    second = first.where(rng.random(first.size) < MISTYPED)
    failed = [
        mistaken._replace(
            at_ms=mistaken.at_ms - attempt * rng.integers(*RETRY_MS, mistaken.size),
            result=np.full(mistaken.size, WRONG_CREDENTIALS),
        )
        for attempt, mistaken in ((1, first), (2, second))
    ]
    return join(links, *failed)
