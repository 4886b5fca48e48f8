"""Many small records as whole batches, through any aiokafka producer."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch

from detector.stream.batch_writer import PRODUCER_BATCH_BYTES, batch_of, batches_of
from detector.stream.packed import Packed, Record

#: What the producer takes as a batch: aiokafka's own, or one with the same methods.
Batch = Any


async def send_in_batches(
    producer: AIOKafkaProducer, topic: str, partition: int, records: Iterable[Record], *, compressed: bool = False
) -> "list[asyncio.Future[Any]]":
    """Send `(key, value)` records in batches filled to the limit, `compressed` by zstd; one future a batch, in order.

    Raises ValueError for a record that is larger than a batch.
    """
    if isinstance(records, Packed) and not compressed:
        batches: Iterator[Batch] = batches_of(records, _now_ms())
    else:
        batches = _appended(producer, records, compressed=compressed)
    return [await producer.send_batch(batch, topic, partition=partition) for batch in batches]


async def send_as_one(
    producer: AIOKafkaProducer, topic: str, partition: int, values: list[bytes]
) -> "asyncio.Future[Any]":
    """Send `values` as one batch, without keys; its future. ValueError where they do not fit."""
    future: asyncio.Future[Any] = await producer.send_batch(batch_of(values, _now_ms()), topic, partition=partition)
    return future


def _now_ms() -> int:
    """The time that records get, as aiokafka gives it."""
    return int(time.time() * 1000)


def _appended(producer: AIOKafkaProducer, records: Iterable[Record], *, compressed: bool) -> Iterator[Batch]:
    new_batch = _compressed_batch if compressed else producer.create_batch
    batch = new_batch()
    for key, value in records:
        if batch.append(key=key, value=value, timestamp=None) is None:
            yield batch
            batch = new_batch()
            if batch.append(key=key, value=value, timestamp=None) is None:
                raise ValueError(f"a record of {len(key) + len(value or b'')} bytes does not fit into a batch")
    if batch.record_count():
        yield batch


def _compressed_batch() -> BatchBuilder:
    # What does not compress still fits.
    return BatchBuilder(PRODUCER_BATCH_BYTES, DefaultRecordBatch.CODEC_ZSTD)
