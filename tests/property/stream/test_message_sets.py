"""Message sets as columns against aiokafka's own records: same offsets, times, keys and values, same next fetch.

`KOZAMORI_FUZZ` is the number of message sets; some hundreds, unless told otherwise.
"""

import os
import random
import struct
import time
from typing import Any

import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from crc32c import crc32c

from detector.contract.records import Records
from detector.stream.columnar_fetch import Slices
from detector.stream.message_sets import read_message_set

SETS = int(os.environ.get("KOZAMORI_FUZZ", "400"))
TP = TopicPartition("t", 0)
START_MS = 1_600_000_000_000
NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
TRANSACTIONAL, CONTROL, APPEND_TIME = 0x10, 0x20, 0x08

Plain = tuple[list[tuple[int, int, bytes | None, bytes | None]], int]


def sealed(batch: bytearray) -> bytes:
    """The batch with the checksum it should have."""
    struct.pack_into(">I", batch, 17, crc32c(bytes(batch[21:])))
    return bytes(batch)


def batch_of(rng: random.Random, base: int, count: int, codec: int, *, producer: int = -1, bits: int = 0) -> bytes:
    """A batch of records with and without keys, values and headers."""
    builder = DefaultRecordBatchBuilder(2, codec, int(bool(bits & TRANSACTIONAL)), producer, 0, 0, 1 << 24)
    for i in range(count):
        key = rng.choice((None, b"", b"k%d" % i, rng.randbytes(rng.randrange(40))))
        value = rng.choice((None, b"", b"v%d" % i, rng.randbytes(rng.randrange(300))))
        headers = rng.choice(([], [], [("h", b"x"), ("店", None)], [("", rng.randbytes(70))]))
        builder.append(i, START_MS + rng.randrange(-5, 500), key, value, headers)
    batch = bytearray(builder.build())
    struct.pack_into(">q", batch, 0, base)
    (attributes,) = struct.unpack_from(">h", batch, 21)
    struct.pack_into(">h", batch, 21, attributes | bits)
    return sealed(batch)


def marker(base: int, producer: int, *, commits: bool) -> bytes:
    """The control batch that ends a transaction."""
    builder = DefaultRecordBatchBuilder(2, NONE, 1, producer, 0, 0, 1 << 16)
    builder.append(0, START_MS, struct.pack(">hh", 0, int(commits)), b"\0" * 6, [])
    batch = bytearray(builder.build())
    struct.pack_into(">q", batch, 0, base)
    struct.pack_into(">h", batch, 21, CONTROL | TRANSACTIONAL)
    return sealed(batch)


def log_of(rng: random.Random) -> tuple[bytes, list[tuple[int, int]], int]:
    """A message set, its aborted transactions, and an offset in or before its first batch."""
    base = start = rng.randrange(10**12)
    parts, aborted = [], []
    for producer in range(rng.randrange(1, 6)):
        count, codec = rng.randrange(1, 40), rng.choice((NONE, NONE, GZIP, SNAPPY, LZ4, ZSTD))
        if rng.random() < 0.3:
            commits = rng.random() < 0.5
            if not commits:
                aborted.append((producer, base))
            parts.append(batch_of(rng, base, count, codec, producer=producer, bits=TRANSACTIONAL))
            base += count
            if rng.random() < 0.8:
                parts.append(marker(base, producer, commits=commits))
                base += 1
        else:
            parts.append(batch_of(rng, base, count, codec, bits=rng.choice((0, 0, APPEND_TIME))))
            base += count
        base += rng.choice((0, 0, 3))  # what compaction left out
    cut = batch_of(rng, base, 5, NONE)
    return b"".join(parts) + cut[: rng.randrange(len(cut))], aborted, start + rng.randrange(-3, 20)


def plainly(raw: bytes, aborted: Any, start: int, isolation: int) -> Plain:
    """What aiokafka reads."""
    records = PartitionRecords(TP, MemoryRecords(raw), aborted, start, None, None, True, isolation)
    found = [(one.offset, one.timestamp, one.key, one.value) for one in records]
    return found, records.next_fetch_offset


def by_columns(raw: bytes, aborted: Any, start: int, isolation: int) -> Plain:
    read = read_message_set(raw, start, aborted, committed=isolation == READ_COMMITTED)
    return [(one.offset, one.timestamp, one.key, one.value) for one in read.records], read.next_offset


@pytest.mark.parametrize("isolation", [READ_COMMITTED, READ_UNCOMMITTED])
def test_a_message_set_is_read_as_aiokafka_reads_it(isolation: int) -> None:
    rng = random.Random(isolation)
    for _ in range(SETS // 4):
        raw, aborted, start = log_of(rng)
        assert plainly(raw, aborted, start, isolation) == by_columns(raw, aborted, start, isolation)


def test_a_damaged_message_set_is_corrupt_or_read_as_before_and_ends_nothing() -> None:
    rng = random.Random(3)
    corrupt, slowest_s = 0, 0.0
    for _ in range(SETS):
        batch = bytearray(batch_of(rng, 5, rng.randrange(1, 8), NONE))
        for _ in range(rng.randrange(1, 4)):
            batch[rng.randrange(17, len(batch))] = rng.choice((0, 1, 2, 127, 128, 255, rng.randrange(256)))
        struct.pack_into(">h", batch, 21, rng.choice((0, APPEND_TIME, CONTROL)))
        raw = sealed(batch) if rng.random() < 0.8 else bytes(batch)
        try:
            expected = plainly(raw, [], 5, READ_COMMITTED)
        except (CorruptRecordException, TypeError, ValueError, struct.error):  # also headers that are no text
            expected = None
        began = time.thread_time()
        try:
            found = by_columns(raw, [], 5, READ_COMMITTED)
        except CorruptRecordException:
            found = None
        slowest_s = max(slowest_s, time.thread_time() - began)
        corrupt += expected is None
        # Headers are passed over: a name that is not UTF-8 is no reason to stop.
        assert expected is None or expected == found
    print(f"{corrupt} of {SETS} corrupt; slowest {slowest_s * 1e6:.0f} us")
    assert SETS * 0.2 < corrupt < SETS


def test_a_checksum_that_does_not_fit_is_corrupt() -> None:
    raw = bytearray(batch_of(random.Random(1), 0, 3, NONE))
    raw[-1] ^= 1
    with pytest.raises(CorruptRecordException):
        by_columns(bytes(raw), [], 0, READ_COMMITTED)


@pytest.mark.parametrize("raw", [True, False], ids=["columns", "record by record"])
@pytest.mark.parametrize("magic", [0, 1, 2])
def test_slices_of_any_format_hold_all_records_and_end_where_they_do(magic: int, raw: bool) -> None:
    if magic == 2:
        message_set = batch_of(random.Random(1), 0, 25, GZIP)
    else:
        builder = LegacyRecordBatchBuilder(magic, NONE, 1 << 16)
        for i in range(25):
            builder.append(i, START_MS, b"k", b"v%d" % i)
        message_set = bytes(builder.build())
    plain = PartitionRecords(TP, MemoryRecords(message_set), [], 0, None, None, True, READ_COMMITTED)
    slices = Slices(plain, message_set if raw else None, 10)
    parts, positions = [], []
    while not slices.read:
        parts.append(next(slices))
        positions.append(slices.next_fetch_offset)
    assert [10, 10, 5] == list(map(len, parts))
    assert [10, 20, 25] == positions
    expected, _ = plainly(message_set, [], 0, READ_COMMITTED)
    # Records of magic 0 have no time.
    got = [(one.offset, one.key, one.value) for part in parts for one in Records.of(part)]
    assert [(offset, key, value) for offset, _, key, value in expected] == got
    with pytest.raises(StopIteration):
        next(slices)
