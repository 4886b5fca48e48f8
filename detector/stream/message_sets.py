"""A fetch's message set to columns: record batches of magic 2, in all codecs, without a Python object a record.

What is read, and where reading goes on, is what aiokafka's `PartitionRecords` yields: without control batches and,
where only committed records are wanted, without those of aborted transactions; a batch cut at the end is left out.
Layouts: https://kafka.apache.org/documentation/#recordbatch. Headers of records are passed over.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from aiokafka import codec
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.control_record import ABORT_MARKER, ControlRecord
from aiokafka.record.memory_records import MemoryRecords
from crc32c import crc32c
from numba import njit

from detector.contract.records import Records

_HEAD = struct.Struct(">qiibIhiqqqhii")
_LENGTH = struct.Struct(">i")
#: Bytes before a batch's length counts; up to what the checksum covers; of the least batch of any magic.
_BEFORE, _CHECKED, _LEAST = 12, 21, 26
_MAGIC_AT = 16
_CODEC, _LOG_APPEND, _TRANSACTIONAL, _CONTROL = 0x07, 0x08, 0x10, 0x20
_DECODE: Mapping[int, Callable[[bytes], bytes]] = {
    1: codec.gzip_decode,
    2: codec.snappy_decode,
    3: codec.lz4_decode,
    4: codec.zstd_decode,
}
#: Of a record: length, attributes, two deltas, two lengths, number of headers; a byte each.
_LEAST_RECORD = 7
#: Rows of a batch in the table that the kernel reads: where its records are in the buffer, their number, base offset,
#: offset behind it, timestamp that the deltas add to or that all have, and whether they add.
_TABLE = 7


class OldFormatError(Exception):
    """A batch of magic 0 or 1."""


class Read(NamedTuple):
    """The records of a message set, and the offset of the next fetch."""

    records: Records
    next_offset: int


def read_message_set(
    raw: bytes,
    fetch_offset: int,
    aborted: Sequence[tuple[int, int]] | None,
    *,
    committed: bool,
    check_crcs: bool = True,
) -> Read:
    """The records from `fetch_offset` on; where `committed`, without those of the transactions `aborted`.

    `aborted`: (producer id, first offset) of each, as the broker's answer lists them. Raises CorruptRecordException, or
    OldFormatError where an older parser is needed.
    """
    table: list[tuple[int, ...]] = []
    bodies, size = [raw], len(raw)
    skipped = _Aborted(aborted or ())
    at = 0
    while len(raw) - at >= _BEFORE:
        stop = at + _BEFORE + _LENGTH.unpack_from(raw, at + 8)[0]
        if stop > len(raw):
            break
        base, _, _, _, crc, attributes, last, first_ms, most_ms, producer, _, _, count = _head(raw, at, stop)
        if check_crcs and crc32c(memoryview(raw)[at + _CHECKED : stop]) != crc:
            raise CorruptRecordException("Invalid CRC")
        end = base + last + 1
        left_out = committed and skipped.leaves_out(raw, at, base, producer, attributes)
        if left_out or attributes & _CONTROL:
            table.append((0, 0, 0, base, end, 0, 0))
        else:
            begin, close = at + _HEAD.size, stop
            if attributes & _CODEC:
                bodies.append(_unpacked(raw[begin:close], attributes & _CODEC))
                begin, close = size, size + len(bodies[-1])
                size = close
            fixed = bool(attributes & _LOG_APPEND)
            table.append((begin, close, max(count, 0), base, end, most_ms if fixed else first_ms, not fixed))
        at = stop
    return _columns(raw if len(bodies) == 1 else b"".join(bodies), table, fetch_offset)


def _head(raw: bytes, at: int, stop: int) -> tuple[Any, ...]:
    if stop - at < _LEAST:
        raise CorruptRecordException(f"a batch of {stop - at} bytes")
    if raw[at + _MAGIC_AT] < 2:
        raise OldFormatError
    if stop - at < _HEAD.size:
        raise CorruptRecordException(f"a batch of {stop - at} bytes")
    return _HEAD.unpack_from(raw, at)


def _unpacked(body: bytes, number: int) -> bytes:
    decode = _DECODE.get(number)
    if decode is None:
        raise UnsupportedCodecError(f"Unknown compression codec {number:#04x}")
    return decode(body)


class _Aborted:
    """Which batches belong to aborted transactions, as they are met in the log's order."""

    def __init__(self, aborted: Sequence[tuple[int, int]]) -> None:
        self._coming = sorted(aborted, key=lambda one: one[1], reverse=True)
        self._producers: set[int] = set()

    def leaves_out(self, raw: bytes, at: int, base: int, producer: int, attributes: int) -> bool:
        """Whether the batch at `at` is of one."""
        while self._coming and self._coming[-1][1] <= base:
            self._producers.add(self._coming.pop()[0])
        if attributes & _CONTROL and producer in self._producers and _is_abort(raw[at:]):
            self._producers.discard(producer)
        return bool(attributes & _TRANSACTIONAL) and producer in self._producers


def _is_abort(batch: bytes) -> bool:
    for record in MemoryRecords(batch).next_batch():
        return bool(ControlRecord.parse(record.key) == ABORT_MARKER)
    return False


def _columns(data: bytes, table: list[tuple[int, ...]], fetch_offset: int) -> Read:
    batches = np.array(table, np.int64).reshape(-1, _TABLE)
    if (batches[:, 2] * _LEAST_RECORD > batches[:, 1] - batches[:, 0]).any():
        raise CorruptRecordException("a batch is shorter than its records")
    out = np.empty((6, int(batches[:, 2].sum())), np.int64)
    buffer = np.frombuffer(data, np.uint8)
    kept, next_offset = _read_records(buffer, batches, fetch_offset, out)
    if kept < 0:
        raise CorruptRecordException("a record does not end where it should")
    out = np.ascontiguousarray(out[:, :kept])
    return Read(Records(buffer, out[0], out[1], out[2:]), int(next_offset))


@njit(cache=True, nogil=True)
def _read_records(data: Any, batches: Any, next_offset: int, out: Any) -> tuple[int, int]:
    """Write offset, timestamp, and spans of key and value of the records from `next_offset` on to `out` int64 (6, n).

    Their number, -1 where a batch has another structure, and the offset behind the last batch.
    """
    kept = 0
    for b in range(len(batches)):
        p, close, count, base, end, first_ms, adds = batches[b]
        for _ in range(count):
            size, p = _varint(data, p, close)
            stop = p + size
            if p < 0 or size < 1 or stop > close:
                return -1, next_offset
            # Attributes are a byte of zero; aiokafka reads them as a number.
            _, p = _varint(data, p, stop)
            delta_ms, p = _varint(data, p, stop)
            if p < 0:
                return -1, next_offset
            delta, p = _varint(data, p, stop)
            if p < 0:
                return -1, next_offset
            key_length, key_begin = _varint(data, p, stop)
            p = key_begin + max(key_length, 0)
            if key_begin < 0 or p > stop:
                return -1, next_offset
            value_length, value_begin = _varint(data, p, stop)
            p = value_begin + max(value_length, 0)
            if value_begin < 0 or p > stop:
                return -1, next_offset
            if _headers_end(data, p, stop) != stop:
                return -1, next_offset
            p = stop
            offset = base + delta
            if offset < next_offset:
                continue
            next_offset = offset + 1
            out[0, kept] = offset
            out[1, kept] = first_ms + adds * delta_ms
            out[2, kept], out[3, kept] = key_begin, max(key_length, -1)
            out[4, kept], out[5, kept] = value_begin, max(value_length, -1)
            kept += 1
        if p != close:
            return -1, next_offset
        next_offset = end
    return kept, next_offset


@njit(cache=True, nogil=True)
def _headers_end(data: Any, p: int, stop: int) -> int:
    """Where the headers of a record end, -1 where they are none."""
    count, p = _varint(data, p, stop)
    if p < 0 or not 0 <= count <= stop - p:
        return -1
    for _ in range(2 * count):
        length, p = _varint(data, p, stop)
        if p < 0 or max(length, 0) > stop - p:
            return -1
        p += max(length, 0)
    return p


@njit(cache=True, nogil=True)
def _varint(data: Any, p: Any, stop: int) -> tuple[Any, Any]:
    """A number in zigzag code at `p`, and where the next one is; -1 where it is not whole before `stop`."""
    value, shift = np.int64(0), 0
    while 0 <= p < stop and shift <= 63:
        byte = np.int64(data[p])
        value |= (byte & 127) << shift
        p += 1
        shift += 7
        if byte < 128:
            return ((value >> 1) & np.int64(0x7FFFFFFFFFFFFFFF)) ^ -(value & 1), p
    return np.int64(0), -1
