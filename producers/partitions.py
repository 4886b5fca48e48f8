"""Partitions as Kafka's clients choose them: murmur2 of the key, for many keys at once.

kafka-python hashes byte by byte in Python, which costs more than everything else in sending an event.
"""

from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from detector.contract.vocabulary import ACCOUNT_KINDS
from producers.columns import at_service, text

SEED = np.uint32(0x9747B28C)  # of org.apache.kafka.common.utils.Utils.murmur2
M = np.uint32(0x5BD1E995)


def partitions_of(keys: list[bytes], count: int) -> npt.NDArray[np.int64]:
    """The partition of each key in a topic of `count` partitions, int64 `(len(keys),)`."""
    ends = np.fromiter(accumulate(map(len, keys)), np.int64, len(keys))
    hashes = _murmur2(np.frombuffer(b"".join(keys), np.uint8), ends)
    # Without the sign bit, as the Java client takes it.
    partitions: npt.NDArray[np.int64] = (hashes & np.uint32(0x7FFFFFFF)).astype(np.int64) % count
    return partitions


def event_partitions(table: pa.Table, count: int) -> npt.NDArray[np.int64]:
    """The partition of each event of a table in its topic, both topics of `count` partitions, int64 (n,)."""
    account, wallet = text(table, "account", "events"), text(table, "wallet", "events")
    wallet = at_service(text(table, "service", "events"), wallet)
    of_account, of_wallet = (
        partitions_of([word.encode() for word in key.words], count)[key.indices] for key in (account, wallet)
    )
    on_account = text(table, "kind", "events").each(lambda word: word in ACCOUNT_KINDS).astype(np.bool_)
    return np.where(on_account, of_account, of_wallet)


@njit(cache=True)
def _murmur2(data: Any, ends: Any) -> Any:
    out = np.empty(len(ends), np.uint32)
    at = 0
    for i in range(len(ends)):
        end = ends[i]
        h = SEED ^ np.uint32(end - at)
        while at + 4 <= end:
            k = np.uint32(0)
            for j in range(4):
                k |= np.uint32(data[at + j]) << np.uint32(8 * j)
            k = np.uint32(k * M)
            k ^= k >> np.uint32(24)
            h = np.uint32(np.uint32(h * M) ^ np.uint32(k * M))
            at += 4
        if at < end:
            for j in range(end - at):
                h ^= np.uint32(data[at + j]) << np.uint32(8 * j)
            h = np.uint32(h * M)
            at = end
        h ^= h >> np.uint32(13)
        h = np.uint32(h * M)
        out[i] = h ^ (h >> np.uint32(15))
    return out
