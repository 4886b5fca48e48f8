"""Record batches written over buffers against aiokafka's own builder, byte for byte; and read again.

`KOZAMORI_FUZZ` is the number of batches; some hundreds, unless told otherwise.
"""

import os
import random

import numpy as np
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from detector.stream.batch_writer import WrittenBatch, batch_of, batches_of
from detector.stream.message_sets import read_message_set
from detector.stream.packed import Packed, Part, Record

CASES = int(os.environ.get("KOZAMORI_FUZZ", "300"))
NOW_MS = 1_600_000_000_000
#: Lengths of a record, of a key, of a value and of an offset at which their numbers take one byte more.
EDGES = (0, 1, 40, 62, 63, 64, 65, 130, 8_191, 8_192)


def part_of(rng: random.Random, n: int, key: int, value: int | None) -> Part:
    def some(width: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
        return np.frombuffer(rng.randbytes(n * width), np.uint8).reshape(n, width)

    return Part(some(key), None if value is None else some(value))


def parts(rng: random.Random, most: int) -> Packed:
    """Up to three parts, whose records fit into a batch of `most` bytes."""
    widths = [edge for edge in EDGES if edge <= most - 150]
    return Packed(
        part_of(rng, rng.randrange(90), rng.choice((0, 16, 70)), rng.choice([None, *widths]))
        for _ in range(rng.randrange(1, 4))
    )


def by_aiokafka(records: list[Record], most: int, state: tuple[int, int, int] | None) -> list[bytes]:
    """The batches of its builder."""
    found = []
    left = records
    while left:
        builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, most)
        taken = 0
        while taken < len(left) and builder.append(taken, NOW_MS, *left[taken], []) is not None:
            taken += 1
        if state is not None:
            builder.set_producer_state(*state)
        found.append(bytes(builder.build()))
        left = left[taken:]
    return found


def built(batch: WrittenBatch, state: tuple[int, int, int] | None) -> bytes:
    if state is not None:
        batch._set_producer_state(*state)
    assert batch.size() == len(batch._build())
    return bytes(batch._build())


def test_rows_and_tombstones_are_the_batches_that_aiokafka_builds() -> None:
    rng = random.Random(1)
    several = 0
    for _ in range(CASES):
        most = rng.choice((400, 3_000, 20_000))
        packed, state = parts(rng, most), rng.choice((None, (2**40, 3, 77)))
        expected = by_aiokafka(list(packed), most, state)
        batches = list(batches_of(packed, NOW_MS, most))
        assert expected == [built(batch, state) for batch in batches]
        assert len(list(packed)) == sum(batch.record_count() for batch in batches)
        several += len(batches) > 1
    assert several > CASES // 10


def test_messages_are_the_batch_that_aiokafka_builds() -> None:
    rng = random.Random(2)
    for _ in range(CASES):
        values = [rng.randbytes(rng.choice(EDGES)) for _ in range(rng.randrange(1, 80))]
        (expected,) = by_aiokafka([(None, value) for value in values], 1 << 20, (9, 1, 5))  # type: ignore[misc]
        assert expected == built(batch_of(values, NOW_MS, 1 << 20), (9, 1, 5))


def test_what_was_written_is_what_is_read() -> None:
    rng = random.Random(3)
    packed = parts(rng, 20_000)
    raw = b"".join(built(batch, None) for batch in batches_of(packed, NOW_MS, 20_000))
    records = read_message_set(raw, 0, (), committed=True).records
    assert list(packed) == list(zip(records.keys(), records.values(), strict=True))[: len(records)]
    assert {NOW_MS} == set(records.timestamp_ms.tolist())


def test_a_record_or_messages_too_large_for_a_batch_are_refused() -> None:
    rng = random.Random(4)
    with pytest.raises(ValueError, match="a record of 416 bytes does not fit"):
        list(batches_of(Packed([part_of(rng, 2, 16, 400)]), NOW_MS, 400))
    with pytest.raises(ValueError, match="3 messages of 390 bytes do not fit"):
        batch_of([b"x" * 130] * 3, NOW_MS, 400)


def test_a_written_batch_takes_no_more() -> None:
    batch = batch_of([b"x"], NOW_MS)
    appended: object = batch.append(timestamp=None, key=b"k", value=b"v")  # type: ignore[func-returns-value]
    assert (True, None, 1) == (batch.closed(), appended, batch.record_count())
