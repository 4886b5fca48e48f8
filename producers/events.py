"""Simulated events as columns of numbers; converted to strings only when written."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import ABSENT

NO_CASE = -1


class Events(NamedTuple):
    """`n` simulated events; every array has shape `(n,)`.

    Identifiers are numbers: an account is `bank << 40 | number`, 0 where the kind has none; wallets and sources are
    numbered through, source 0 is unknown; `shop` is 0 where absent. `counterparty` is the receiving wallet of a
    transfer and means nothing in other kinds. `case` is `NO_CASE` in normal life; `stage` is an index in
    `cases.STAGES`, `ABSENT` in normal life.
    """

    event: npt.NDArray[np.uint64]  # unique, except for redelivered events
    arrival_ms: npt.NDArray[np.int64]  # when it reaches the bus
    kind: npt.NDArray[np.int8]
    occurred_at_ms: npt.NDArray[np.int64]
    service: npt.NDArray[np.int8]
    wallet: npt.NDArray[np.uint64]
    opened_at_ms: npt.NDArray[np.int64]
    verified: npt.NDArray[np.bool_]
    source: npt.NDArray[np.uint64]
    account: npt.NDArray[np.uint64]
    auth: npt.NDArray[np.int8]
    result: npt.NDArray[np.int8]
    amount_yen: npt.NDArray[np.int64]
    purpose: npt.NDArray[np.int8]
    shop: npt.NDArray[np.uint64]
    counterparty: npt.NDArray[np.uint64]
    case: npt.NDArray[np.int32]
    stage: npt.NDArray[np.int8]

    @property
    def size(self) -> int:
        """Number of events."""
        return len(self.kind)

    def select(self, which: Any) -> "Events":
        """The events at `which` (slice, index array or mask), in that order."""
        return Events(*(column[which] for column in self))


DTYPES: dict[str, type[np.generic]] = {
    "event": np.uint64,
    "arrival_ms": np.int64,
    "kind": np.int8,
    "occurred_at_ms": np.int64,
    "service": np.int8,
    "wallet": np.uint64,
    "opened_at_ms": np.int64,
    "verified": np.bool_,
    "source": np.uint64,
    "account": np.uint64,
    "auth": np.int8,
    "result": np.int8,
    "amount_yen": np.int64,
    "purpose": np.int8,
    "shop": np.uint64,
    "counterparty": np.uint64,
    "case": np.int32,
    "stage": np.int8,
}
BLANK: dict[str, int] = {"auth": ABSENT, "result": ABSENT, "purpose": ABSENT, "case": NO_CASE, "stage": ABSENT}


def build(size: int, **columns: Any) -> Events:
    """Events of the given columns (arrays or one value for all); the others are blank."""
    values = {name: columns.get(name, BLANK.get(name, 0)) for name in DTYPES}
    return Events(
        **{
            name: np.ascontiguousarray(np.broadcast_to(np.asarray(value).astype(DTYPES[name]), size))
            for name, value in values.items()
        }
    )


def concatenate(parts: list[Events]) -> Events:
    """All events of `parts`, in order."""
    return Events(*(np.concatenate(columns) for columns in zip(build(0), *parts, strict=True)))
