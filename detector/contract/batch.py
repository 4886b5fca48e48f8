"""The unit of all processing: events of one partition in offset order, as columns."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.contract.hashing import P1, P2, P3  # odd numbers that mix well


class Batch(NamedTuple):
    """`n` valid events in offset order; every array has shape `(n,)`, is C-contiguous and read-only by convention.

    Identifiers are 64-bit hashes of the strings on the bus (`hash64`), 0 for "" or absent; those of wallets and
    counterparties are of the wallet at its service (`keys.wallet_key`).
    Enumerated fields are codes of `vocabulary`, `ABSENT` where the kind does not have the field.
    A named tuple, so that numba takes it as one argument and reads columns by name.
    """

    offset: npt.NDArray[np.int64]  # in the source partition; offline: the row number
    record: npt.NDArray[np.int32]  # index in the fetch (or frame slice) this batch was decoded from
    kind: npt.NDArray[np.int8]
    occurred_at_ms: npt.NDArray[np.int64]  # epoch ms UTC
    event_id: npt.NDArray[np.uint64]
    service: npt.NDArray[np.uint16]  # of a known service its index in `vocabulary.SERVICES`: see `services`
    wallet: npt.NDArray[np.uint64]
    wallet_opened_at_ms: npt.NDArray[np.int64]
    wallet_verified: npt.NDArray[np.int8]  # 0 or 1
    source: npt.NDArray[np.uint64]
    bank: npt.NDArray[np.int16]  # Zengin code as a number, ABSENT on wallet events
    account: npt.NDArray[np.uint64]
    auth: npt.NDArray[np.int8]
    result: npt.NDArray[np.int8]
    amount_yen: npt.NDArray[np.int64]  # 0 where absent
    purpose: npt.NDArray[np.int8]
    shop: npt.NDArray[np.uint64]
    shop_category: npt.NDArray[np.uint64]
    counterparty: npt.NDArray[np.uint64]
    hop_index: npt.NDArray[np.int32]  # index in the hop message; 0 in a source topic
    role: npt.NDArray[np.int8]  # OWN, or RECEIVING: the other side of a transfer
    origin: npt.NDArray[np.int32]  # source topic and partition: see `origin_of`
    origin_offset: npt.NDArray[np.int64]  # of the source record; alert ids derive from it

    @property
    def subject(self) -> npt.NDArray[np.uint64]:
        """Hash of the account an alert is about, or of the wallet if there is no account."""
        return np.where(self.account != 0, self.account, self.wallet)

    @property
    def identity(self) -> npt.NDArray[np.uint64]:
        """Identity for deduplication: a hash of the event's id, service, kind and account (or wallet).

        uint64 (n,), 0 where `event_id` is 0. Both sides of a transfer have the sending wallet's.
        """
        found = np.empty(self.size, np.uint64)
        _identify(
            self.event_id, self.service, self.kind, self.account, self.wallet, self.counterparty, self.role, found
        )
        return found

    @property
    def address(self) -> npt.NDArray[np.uint64]:
        """The source, or the subject if the source is unknown: an unknown source shares no row."""
        return np.where(self.source != 0, self.source, self.subject)

    @property
    def size(self) -> int:
        """Number of events."""
        return len(self.offset)

    def select(self, which: Any) -> "Batch":
        """The events at `which` (slice, index array or mask), in that order, contiguous."""
        return Batch(*(np.ascontiguousarray(column[which]) for column in self))


DTYPES: dict[str, type[np.generic]] = {
    "offset": np.int64,
    "record": np.int32,
    "kind": np.int8,
    "occurred_at_ms": np.int64,
    "event_id": np.uint64,
    "service": np.uint16,
    "wallet": np.uint64,
    "wallet_opened_at_ms": np.int64,
    "wallet_verified": np.int8,
    "source": np.uint64,
    "bank": np.int16,
    "account": np.uint64,
    "auth": np.int8,
    "result": np.int8,
    "amount_yen": np.int64,
    "purpose": np.int8,
    "shop": np.uint64,
    "shop_category": np.uint64,
    "counterparty": np.uint64,
    "hop_index": np.int32,
    "role": np.int8,
    "origin": np.int32,
    "origin_offset": np.int64,
}

#: Roles. On the receiving side `wallet` is the receiver and `counterparty` the sender; `wallet_opened_at_ms` and
#: `wallet_verified` are the sender's.
OWN, RECEIVING = 0, 1
_PARTITIONS = 1 << 16
_SERVICE_BITS, _HALF = np.uint64(8), np.uint64(32)


@njit(cache=True)
def _identify(
    event_id: Any, service: Any, kind: Any, account: Any, wallet: Any, counterparty: Any, role: Any, found: Any
) -> None:
    for i in range(len(event_id)):
        found[i] = 0
        if event_id[i] != 0:
            whose = account[i] if account[i] != 0 else wallet[i]
            if role[i] == RECEIVING:
                whose = counterparty[i]
            what = np.uint64(service[i]) << _SERVICE_BITS | np.uint64(kind[i])
            # Products, because plain XOR collides for ids that differ by the same bits as their kinds.
            at = whose * P1 + what * P2
            found[i] = event_id[i] ^ ((at ^ (at >> _HALF)) * P3)


def origin_of(topic: int, partition: int) -> int:
    """A source partition as one number."""
    return topic * _PARTITIONS + partition


def topic_and_partition(origin: int) -> tuple[int, int]:
    """The source topic's code and the partition of an origin."""
    return divmod(origin, _PARTITIONS)


def concatenate(batches: list[Batch]) -> Batch:
    """One batch of all events of `batches`, in order."""
    return Batch(*(np.concatenate(columns) for columns in zip(*batches, strict=True)))
