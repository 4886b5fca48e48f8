"""Many small records as whole batches, through any aiokafka producer."""

import asyncio
from collections.abc import Iterator
from typing import Any

from aiokafka import AIOKafkaProducer


async def send_in_batches(
    producer: AIOKafkaProducer, topic: str, partition: int, records: Iterator[tuple[bytes, bytes | None]]
) -> "list[asyncio.Future[Any]]":
    """Send `(key, value)` records in batches filled to the limit; one future a batch, in order.

    Raises ValueError for a record that is larger than a batch.
    """
    futures = []
    batch = producer.create_batch()
    for key, value in records:
        if batch.append(key=key, value=value, timestamp=None) is None:
            futures.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            if batch.append(key=key, value=value, timestamp=None) is None:
                raise ValueError(f"a record of {len(key) + len(value or b'')} bytes does not fit into a batch")
    if batch.record_count():
        futures.append(await producer.send_batch(batch, topic, partition=partition))
    return futures
