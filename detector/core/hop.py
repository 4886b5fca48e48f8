"""The hop: events with all that earlier stages made of them, in messages of whole columns, keyed anew.

A message is a header and `n` fixed-size records behind it, then the events' JSON, end to end: an alert is built from
the strings. Events enter each target partition in the order of their upstream's log; `Seen` drops what a replay of an
upstream sends again (PROTOCOL rules 6 and 7).
"""

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.contract.batch import DTYPES, Batch
from detector.core.stage import FACTS, HOP_FACTS
from detector.errors import UserError

MAGIC = 0x3148_5A4B  # "KZH1"
#: A batch of messages is one Kafka record batch, which brokers limit to 1 MiB; half of it leaves room for others.
MAX_MESSAGE_BYTES = 448 * 1024
#: Events a message holds: a position is an offset and a place below this.
MAX_EVENTS = 1 << 16

#: Magic; layout: CRC-32 of what a record is made of (another release, or another chain of stages); upstream: see
#: `slot_of`; number of events.
HEADER = struct.Struct("<4I")
#: Columns of a batch that say where it lies, not what happened.
_WHERE = ("offset", "record", "place")
#: Multiplier of Fibonacci hashing (Knuth, The Art of Computer Programming 3, section 6.4), on mixed keys.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


Column = npt.NDArray[Any]


class ForeignHopError(UserError):
    """A hop message that this release, or this chain of stages, did not write."""


class Carried(NamedTuple):
    """What earlier stages made of `n` events: `X` float32 (n, F), `facts` int64 (n, len(FACTS))."""

    X: npt.NDArray[np.float32]
    facts: npt.NDArray[np.int64]

    def select(self, which: Any) -> "Carried":
        """The events at `which`."""
        return Carried(self.X[which], self.facts[which])


def nothing_carried(n: int, width: int) -> Carried:
    """For events no stage has seen: `width` features without a value."""
    return Carried(np.full((n, width), np.nan, np.float32), np.zeros((n, len(FACTS)), np.int64))


class Hopped(NamedTuple):
    """Events read from a hop, `record` counting them; `values[i]` is event i's JSON."""

    batch: Batch
    carried: Carried
    values: "Values"


class Values:
    """The JSON of a chunk's events, cut out of its messages only where wanted."""

    def __init__(self, messages: Sequence[bytes], message: Column, begin: Column, length: Column) -> None:
        self._messages = messages
        self._message = message
        self._begin = begin
        self._length = length

    def __getitem__(self, i: int) -> bytes:
        begin = int(self._begin[i])
        message: bytes = self._messages[self._message[i]]
        return message[begin : begin + int(self._length[i])]

    def many(self, which: npt.NDArray[Any]) -> list[bytes]:
        """The JSON of the events at `which`, one after another."""
        begins, lengths = self._begin[which].tolist(), self._length[which].tolist()
        sources = self._message[which].tolist()
        messages = self._messages
        return [
            messages[source][begin : begin + length]
            for source, begin, length in zip(sources, begins, lengths, strict=True)
        ]

    def select(self, which: Any) -> "Values":
        """The values at `which`."""
        return Values(self._messages, self._message[which], self._begin[which], self._length[which])


def slot_of(upstream: int, partition: int, partitions: int) -> int:
    """An upstream's number and partition as one: its place in `Seen`."""
    return upstream * partitions + partition


class Seen:
    """The greatest position met of every upstream partition: `marks` int64 (slots,), −1 where none.

    A position is `offset * MAX_EVENTS + place` in the upstream's input.
    """

    def __init__(self, slots: int, marks: Sequence[int] = ()) -> None:
        self.marks = np.full(slots, -1, np.int64)
        self.marks[: len(marks)] = marks

    def take(self, slot: npt.NDArray[np.int32], position: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which of the next events, (n,), are new; raises their marks."""
        fresh = np.empty(len(slot), np.bool_)
        _take(self.marks, slot, position, fresh)
        return fresh


class HopCodec:
    """Messages of a hop whose events carry `width` features, between stages of `partitions` partitions each.

    The chain's name keeps messages of another chain apart.
    """

    def __init__(self, chain: str, width: int, partitions: int) -> None:
        self.width = width
        self.partitions = partitions
        self.record = np.dtype(
            [
                *((name, np.dtype(dtype).str) for name, dtype in DTYPES.items() if name not in _WHERE),
                ("position", "<i8"),
                ("length", "<u4"),
                ("facts", "<i8", (HOP_FACTS,)),
                ("X", "<f4", (width,)),
            ]
        )
        self.layout = zlib.crc32(repr((chain, self.record.descr)).encode())

    def encode(
        self, slot: int, batch: Batch, carried: Carried, key: npt.NDArray[np.uint64], values: Sequence[bytes]
    ) -> Iterator[tuple[int, bytes]]:
        """(target partition, message) of all events, in order within a partition.

        `slot` names the upstream partition, `key` uint64 (n,) decides the target, `values` are the events' JSON, by
        place in the batch. Raises ValueError for an event beyond the size of a message.
        """
        if batch.size == 0:
            return
        packed = np.zeros(batch.size, self.record)
        for name in DTYPES:
            if name not in _WHERE:
                packed[name] = getattr(batch, name)
        packed["position"] = batch.offset * MAX_EVENTS + batch.place
        packed["length"] = lengths = np.fromiter(map(len, values), np.uint32, batch.size)
        packed["facts"] = carried.facts[:, :HOP_FACTS]
        packed["X"] = carried.X
        as_bytes = packed.view(np.uint8).reshape(batch.size, self.record.itemsize)
        target = target_partitions(key, self.partitions)
        order = np.argsort(target, kind="stable")
        sizes = lengths[order].astype(np.int64) + self.record.itemsize
        for begin, end in _cut(target[order], sizes):
            places = order[begin:end]
            head = HEADER.pack(MAGIC, self.layout, slot, end - begin)
            texts = b"".join([values[i] for i in places.tolist()])
            yield int(target[places[0]]), head + np.take(as_bytes, places, axis=0).tobytes() + texts

    def decode(self, messages: Sequence[bytes], offsets: Sequence[int], seen: Seen) -> Hopped:
        """The new events of `messages`, at `offsets` of the hop, raising the marks of `seen`.

        Raises ForeignHopError for a message that is not of this codec.
        """
        parts, slots, counts, firsts = [], [], [], []
        for message in messages:
            upstream, count = self._open(message)
            first = HEADER.size + count * self.record.itemsize
            parts.append(memoryview(message)[HEADER.size : first])
            slots.append(upstream)
            counts.append(count)
            firsts.append(first)
        # Joined as bytes: numpy would work out the common type of structured arrays anew for each message.
        events = np.frombuffer(parts[0] if len(parts) == 1 else b"".join(parts), self.record)
        length = events["length"].astype(np.int64)
        before = np.cumsum(length) - length  # of all messages' JSON
        starts = np.cumsum(counts) - counts
        slot = np.repeat(np.array(slots, np.int32), counts)
        place = np.arange(len(events), dtype=np.int32) - np.repeat(starts, counts).astype(np.int32)
        fresh = seen.take(slot, _column(events, "position"))
        source = np.repeat(np.arange(len(counts)), counts)
        offset = np.repeat(np.array(offsets, np.int64), counts)
        begin = before + np.repeat(firsts - before[starts], counts)
        if not fresh.all():
            events, place, offset = events[fresh], place[fresh], offset[fresh]
            source, begin = source[fresh], begin[fresh]
        where: dict[str, Column] = {"offset": offset, "record": np.arange(len(events), dtype=np.int32), "place": place}
        batch = Batch(*(where[name] if name in where else _column(events, name) for name in Batch._fields))
        facts = np.zeros((len(events), len(FACTS)), np.int64)
        facts[:, :HOP_FACTS] = events["facts"]
        carried = Carried(_column(events, "X"), facts)
        return Hopped(batch, carried, Values(messages, source, begin, _column(events, "length")))

    def _open(self, message: bytes) -> tuple[int, int]:
        """Its upstream and number of events."""
        if len(message) < HEADER.size:
            raise ForeignHopError(f"{len(message)} bytes, not a hop message")
        magic, layout, upstream, events = HEADER.unpack_from(message)
        if (magic, layout) != (MAGIC, self.layout):
            raise ForeignHopError(
                "a hop holds messages of another release or another model's stages: let a worker with those finish"
                " them, or begin anew with `kozamori state reset`"
            )
        return upstream, events


def events_in(messages: Sequence[bytes]) -> int:
    """Number of events in messages that were decoded, those met before included."""
    return sum(HEADER.unpack_from(message)[-1] for message in messages)


def target_partitions(key: npt.NDArray[np.uint64], partitions: int) -> npt.NDArray[np.int64]:
    """The hop partition of each key, int64 (n,): by its upper bits after a multiplication, so that all bits count."""
    mixed = (key ^ (key >> np.uint64(32))) * _GOLDEN
    return ((mixed >> np.uint64(33)) % np.uint64(partitions)).astype(np.int64)


def _column(events: npt.NDArray[Any], name: str) -> Column:
    # A copy also of a single event, whose column counts as contiguous as it is: to numba a view of the message, which
    # is read-only, is another type, and a kernel would be compiled for it in the middle of a chunk.
    return np.array(events[name])


def _cut(target: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> Iterable[tuple[int, int]]:
    """Stretches of one target that fit into a message, as (begin, end); `target` (n,) is sorted."""
    largest = int(sizes.max())
    if largest + HEADER.size > MAX_MESSAGE_BYTES:
        raise ValueError(f"an event of {largest} bytes does not fit into a hop message of {MAX_MESSAGE_BYTES}")
    bounds = np.flatnonzero(np.diff(target, prepend=-1, append=-1))
    for begin, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        ends = np.cumsum(sizes[begin:stop])
        start = 0
        while start < stop - begin:
            before = int(ends[start - 1]) if start else 0
            fits = int(np.searchsorted(ends, before + MAX_MESSAGE_BYTES - HEADER.size, side="right"))
            yield begin + start, begin + min(fits, start + MAX_EVENTS - 1)
            start = min(fits, start + MAX_EVENTS - 1)


@njit(cache=True)
def _take(marks: Any, slot: Any, position: Any, fresh: Any) -> None:
    for i in range(len(slot)):
        fresh[i] = position[i] > marks[slot[i]]
        if fresh[i]:
            marks[slot[i]] = position[i]
