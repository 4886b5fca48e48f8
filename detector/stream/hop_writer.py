"""Bodies of hop messages, written into one buffer by two kernels: no Python object an event, a column or a string.

The first cuts a chunk's events into messages, the second writes their bodies. What a body is: see `hop_codec`.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.stream.high_water import MAX_EVENTS

#: A batch of messages is one Kafka record batch, which brokers limit to 1 MiB; half of it leaves room for others.
MAX_BODY_BYTES = 448 * 1024
#: Of a message, in a table: target partition; first event and the one behind the last, by `order`; number of events
#: with features and strings; where its body begins and how long it is, in bytes.
TARGET, BEGIN, END, SCORED, AT, SIZE = range(6)
COLUMNS_OF_CUTS = 6
#: Multiplier of Fibonacci hashing (Knuth, The Art of Computer Programming 3, section 6.4), on mixed keys.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_HALF, _UPPER = np.uint64(32), np.uint64(33)
#: Events whose features are copied together: their rows stay in the first cache.
_TILE = 16
#: Bodies begin where numbers of eight bytes may.
_ALIGNED = 8


def target_partitions(key: npt.NDArray[np.uint64], partitions: int) -> npt.NDArray[np.int64]:
    """The hop partition of each key, int64 (n,): by its upper bits after a multiplication, so that all bits count."""
    target = np.empty(len(key), np.int64)
    _targets(np.ascontiguousarray(key), partitions, target)
    return target


@njit(cache=True)
def _targets(key: Any, partitions: int, target: Any) -> None:
    for i in range(len(key)):
        mixed = (key[i] ^ (key[i] >> _HALF)) * _GOLDEN
        target[i] = (mixed >> _UPPER) % np.uint64(partitions)


@njit(cache=True)
def cut(
    which: Any,
    key: Any,
    partitions: int,
    kind: Any,
    scored: Any,
    facts: Any,
    fact_bits: Any,
    lengths: Any,
    fixed: int,
    of_scored: int,
    order: Any,
    cuts: Any,
) -> int:
    """Sort the events `which` int64 (k,) by target partition, and cut them into messages; the number of these.

    `key` uint64 (k,) decides the target. `kind` int8 (n,) and `facts` int64 (n, facts) are of all events, `lengths`
    int64 (fields, n) of their strings; `scored` bool (kinds,) says which kinds carry features and strings. An event
    takes `fixed` bytes and eight for each fact that any of them has, a scored one `of_scored` and its strings more.
    Written: `order` int64 (k,), indices of the events; `cuts` int64 (k, 6), a row a message; `fact_bits` bool, which
    facts there are.
    """
    n = len(which)
    target = np.empty(n, np.int64)
    _targets(key, partitions, target)
    after = np.zeros(partitions + 1, np.int64)
    for i in range(n):
        after[target[i] + 1] += 1
    for p in range(partitions):
        after[p + 1] += after[p]
    for i in range(n):
        order[after[target[i]]] = i
        after[target[i]] += 1
    for f in range(len(fact_bits)):
        fact_bits[f] = False
        for i in range(n):
            if facts[which[i], f] != 0:
                fact_bits[f] = True
                fixed += 8
                break
    count, at, last = -1, 0, np.int64(-1)
    for place in range(n):
        own = target[order[place]]
        i = which[order[place]]
        order[place] = i
        size, is_scored = fixed, np.int64(scored[kind[i]])
        if is_scored:
            size += of_scored
            for field in range(len(lengths)):
                size += lengths[field, i]
        if own != last or cuts[count, SIZE] + size > MAX_BODY_BYTES or place - cuts[count, BEGIN] >= MAX_EVENTS - 1:
            if count >= 0:
                at += (cuts[count, SIZE] + _ALIGNED - 1) // _ALIGNED * _ALIGNED
            count += 1
            last = own
            cuts[count, TARGET], cuts[count, BEGIN], cuts[count, END] = own, place, place
            cuts[count, SCORED], cuts[count, AT], cuts[count, SIZE] = 0, at, 0
        cuts[count, END] += 1
        cuts[count, SCORED] += is_scored
        cuts[count, SIZE] += size
    return count + 1


@njit(cache=True)
def write(
    cuts: Any,
    order: Any,
    kind: Any,
    scored: Any,
    eights: Any,
    position: Any,
    facts: Any,
    fact_bits: Any,
    X: Any,
    features: Any,
    fours: Any,
    begins: Any,
    lengths: Any,
    twos: Any,
    ones: Any,
    data: Any,
    body: Any,
) -> None:
    """Write the bodies of the messages `cuts` to `body` int64, end to end in order, each aligned.

    `eights` … `ones` are the columns by width, (columns, n); `position` int64 (n,); `X` float32 (n, F); `features`
    int64: columns of it; `begins`, `lengths` int64 (fields, n), `data` a tuple of as many uint8 buffers.
    """
    floats, body4 = body.view(np.float32), body.view(np.int32)
    body2, body1 = body.view(np.int16), body.view(np.int8)
    for message in range(len(cuts)):
        events = order[cuts[message, BEGIN] : cuts[message, END]]
        n, m = len(events), cuts[message, SCORED]
        rows = np.empty(m, np.int64)
        j = 0
        for i in events:
            if scored[kind[i]]:
                rows[j] = i
                j += 1
        at = cuts[message, AT] // 8
        for c in range(len(eights)):
            at = _gather(eights[c], events, body, at)
        at = _gather(position, events, body, at)
        for f in range(len(fact_bits)):
            if fact_bits[f]:
                for i in range(n):
                    body[at + i] = facts[events[i], f]
                at += n
        at *= 2
        for first in range(0, m, _TILE):
            stop = min(first + _TILE, m)
            for f in range(len(features)):
                for i in range(first, stop):
                    floats[at + f * m + i] = X[rows[i], features[f]]
        at += len(features) * m
        for c in range(len(fours)):
            at = _gather(fours[c], events, body4, at)
        at *= 2
        for field in range(len(lengths)):
            for i in range(m):
                body2[at + i] = np.uint16(lengths[field, rows[i]])
            at += m
        for c in range(len(twos)):
            at = _gather(twos[c], events, body2, at)
        at *= 2
        for c in range(len(ones)):
            at = _gather(ones[c], events, body1, at)
        for field in range(len(data)):
            at = _copy(data[field], begins[field], lengths[field], rows, body1, at)


@njit(cache=True)
def _gather(column: Any, events: Any, out: Any, at: int) -> Any:
    for i in range(len(events)):
        out[at + i] = column[events[i]]
    return at + len(events)


@njit(cache=True)
def _copy(data: Any, begin: Any, length: Any, rows: Any, out: Any, at: int) -> Any:
    for i in rows:
        for k in range(length[i]):
            out[at + k] = data[begin[i] + k]
        at += length[i]
    return at
