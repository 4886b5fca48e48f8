"""Many small records as whole batches, through any aiokafka producer."""

import asyncio
from collections.abc import Iterator
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch

#: Before compression; what does not compress still fits into a broker's default limit of 1 MiB.
COMPRESSED_BYTES = 512 * 1024


async def send_in_batches(
    producer: AIOKafkaProducer,
    topic: str,
    partition: int,
    records: Iterator[tuple[bytes, bytes | None]],
    *,
    compressed: bool = False,
) -> "list[asyncio.Future[Any]]":
    """Send `(key, value)` records in batches filled to the limit, `compressed` by zstd; one future a batch, in order.

    Raises ValueError for a record that is larger than a batch.
    """
    new_batch = _compressed_batch if compressed else producer.create_batch
    futures = []
    batch = new_batch()
    for key, value in records:
        if batch.append(key=key, value=value, timestamp=None) is None:
            futures.append(await producer.send_batch(batch, topic, partition=partition))
            batch = new_batch()
            if batch.append(key=key, value=value, timestamp=None) is None:
                raise ValueError(f"a record of {len(key) + len(value or b'')} bytes does not fit into a batch")
    if batch.record_count():
        futures.append(await producer.send_batch(batch, topic, partition=partition))
    return futures


def _compressed_batch() -> BatchBuilder:
    return BatchBuilder(COMPRESSED_BYTES, DefaultRecordBatch.CODEC_ZSTD)
