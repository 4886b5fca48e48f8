"""Kafka's record batches (magic 2) over whole buffers, as aiokafka's producer takes them: the same bytes as its own.

aiokafka makes a Python object a record and takes the checksum in software; here a kernel writes the records, and the
checksum is the processor's. Layouts: https://kafka.apache.org/documentation/#recordbatch.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from crc32c import crc32c
from numba import njit

from detector.stream.packed import Packed, Part

#: Of a batch at most: a broker's default limit for one is 1 MiB.
PRODUCER_BATCH_BYTES = 512 * 1024
_HEAD = struct.Struct(">qiibIhiqqqhii")
#: Bytes before a batch's length counts; up to the checksum, and up to what it covers.
_BEFORE, _CRC_AT, _CHECKED = 12, 17, 21
_MAGIC, _NO_EPOCH = 2, -1
#: Of a record around key and value: its length, the attributes, two deltas, two lengths, the number of headers.
_AROUND = 5 + 1 + 1 + 5 + 5 + 5 + 1
_NOTHING = np.empty((0, 0), np.uint8)


class WrittenBatch:
    """A batch whose records are written, in place of aiokafka's `BatchBuilder`: the same methods.

    `buffer`: place for the head, then `count` records, `size` bytes in all; their time is `timestamp_ms`.
    """

    def __init__(self, buffer: bytearray, size: int, count: int, timestamp_ms: int) -> None:
        self._buffer = memoryview(buffer)[:size]
        self._count, self._timestamp_ms = count, timestamp_ms
        self._producer = -1, -1, 0
        self._built = False

    def append(self, **_: Any) -> None:
        """None: it takes no more."""

    def close(self) -> None:
        """Nothing: it takes no more."""

    def closed(self) -> bool:
        """Whether it takes no more."""
        return True

    def size(self) -> int:
        """Bytes."""
        return len(self._buffer)

    def record_count(self) -> int:
        """Number of records."""
        return self._count

    def _set_producer_state(self, producer_id: int, epoch: int, sequence: int) -> None:
        self._producer = producer_id, epoch, sequence

    def _build(self) -> memoryview:
        if not self._built:
            length, time_ms = len(self._buffer) - _BEFORE, self._timestamp_ms
            _HEAD.pack_into(
                self._buffer, 0, 0, length, _NO_EPOCH, _MAGIC, 0, 0, self._count - 1, time_ms, time_ms,
                *self._producer, self._count,
            )  # fmt: skip
            struct.pack_into(">I", self._buffer, _CRC_AT, crc32c(self._buffer[_CHECKED:]))
            self._built = True
        return self._buffer


def batches_of(records: Packed, timestamp_ms: int, most: int = PRODUCER_BATCH_BYTES) -> Iterator[WrittenBatch]:
    """The records in order, in batches filled to `most` bytes.

    Raises ValueError for a record that does not fit into one.
    """
    room = min(most, _HEAD.size + sum(len(part.keys) * (_sizes(part) + _AROUND) for part in records.parts))
    buffer, at, count = bytearray(room), _HEAD.size, 0
    for part in records.parts:
        values = _NOTHING if part.values is None else part.values
        first = 0
        while first < len(part.keys):
            written, at, count = _write(part.keys, values, first, np.frombuffer(buffer, np.uint8), at, count)
            first += written
            if first < len(part.keys):
                if not count:
                    raise ValueError(f"a record of {_sizes(part)} bytes does not fit into a batch")
                yield WrittenBatch(buffer, at, count, timestamp_ms)
                buffer, at, count = bytearray(room), _HEAD.size, 0
    if count:
        yield WrittenBatch(buffer, at, count, timestamp_ms)


def batch_of(values: Sequence[bytes], timestamp_ms: int, most: int = PRODUCER_BATCH_BYTES) -> WrittenBatch:
    """One batch of all values, without keys. Raises ValueError where they do not fit."""
    if _HEAD.size + sum(len(value) + _AROUND for value in values) > most:
        raise ValueError(f"{len(values)} messages of {sum(map(len, values))} bytes do not fit into a batch")
    buffer = bytearray(_HEAD.size)
    for offset, value in enumerate(values):
        # Attributes and time are those of the batch; no key; behind the value no headers.
        front = b"\0\0" + _varint(offset) + b"\1" + _varint(len(value))
        buffer += _varint(len(front) + len(value) + 1) + front
        buffer += value
        buffer += b"\0"
    return WrittenBatch(buffer, len(buffer), len(values), timestamp_ms)


def _sizes(part: Part) -> int:
    return int(part.keys.shape[1]) + (0 if part.values is None else int(part.values.shape[1]))


def _varint(number: int) -> bytes:
    """A number of 0 or more in zigzag code."""
    number <<= 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


@njit(cache=True)
def _write(keys: Any, values: Any, first: int, out: Any, at: int, count: int) -> tuple[int, int, int]:
    """Write records from number `first` on to `out` from `at`, behind `count` others, while they fit.

    How many, where the next one goes, and how many there are. No `values`: tombstones.
    """
    key_width, value_width, tombstones = keys.shape[1], values.shape[1], len(values) == 0
    i = first
    while i < len(keys):
        # Attributes, time and number of headers are a byte each; a value that is not there has a length of -1.
        size = 3 + _varint_size(count) + _varint_size(key_width) + key_width
        size += 1 if tombstones else _varint_size(value_width) + value_width
        if at + _varint_size(size) + size >= len(out):  # as aiokafka cuts
            break
        p = _put(out, at, size)
        out[p] = 0
        out[p + 1] = 0
        p = _put(out, p + 2, count)
        p = _put(out, p, key_width)
        out[p : p + key_width] = keys[i]
        p += key_width
        if tombstones:
            out[p] = 1
            p += 1
        else:
            p = _put(out, p, value_width)
            out[p : p + value_width] = values[i]
            p += value_width
        out[p] = 0
        at = p + 1
        count += 1
        i += 1
    return i - first, at, count


@njit(cache=True)
def _varint_size(number: int) -> int:
    size, left = 1, number >> 6
    while left:
        size += 1
        left >>= 7
    return size


@njit(cache=True)
def _put(out: Any, at: int, number: int) -> Any:
    """A number of 0 or more in zigzag code at `at`; where the next byte goes."""
    left = number << 1
    while left > 127:
        out[at] = left & 127 | 128
        at += 1
        left >>= 7
    out[at] = left
    return at + 1
