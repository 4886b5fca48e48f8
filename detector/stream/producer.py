"""Faust's producer as the worker needs it: idempotent, patient, and able to send whole batches."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, cast

from aiokafka import AIOKafkaProducer
from faust.transport.drivers import aiokafka as driver

from detector.stream.packed import Record
from detector.stream.produce_requests import ProducingClient
from detector.stream.record_batches import send_as_one, send_in_batches

#: Years, and still a time that an event loop can wait.
FOR_EVER_S = 100_000_000


class PatientProducer(AIOKafkaProducer):  # type: ignore[misc]  # aiokafka ships no types
    """Gives no message up while Kafka is away: who waits for it decides when that is too long.

    The idempotent producer repeats requests for ever by itself, but not a batch whose partition has no leader when the
    broker comes back, nor one that waits behind another.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # No public way: the option would set the patience of single requests too.
        self._request_timeout_ms = FOR_EVER_S * 1000
        self._message_accumulator._batch_ttl = FOR_EVER_S  # noqa: SLF001
        self._sender.client = ProducingClient(self.client)


class Producer(driver.Producer):
    """Faust's producer made idempotent, with a way to send many small records as whole batches."""

    _producer_type = PatientProducer

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    async def send_one(self, topic: str, key: bytes, value: bytes) -> "asyncio.Future[Any]":
        """Send a record to the partition of its key; its future."""
        future = await self.send(topic, key, value, None, None, None)
        return cast("asyncio.Future[Any]", future)

    async def send_batch(self, topic: str, partition: int, values: list[bytes]) -> "asyncio.Future[Any]":
        """Send `values` to a partition as one batch; its future. ValueError where they do not fit."""
        return await send_as_one(self._ensure_producer(), topic, partition, values)

    async def send_records(
        self, topic: str, partition: int, records: Iterable[Record], *, compressed: bool = False
    ) -> "list[asyncio.Future[Any]]":
        """Send `(key, value)` records in batches filled to the limit; one future a batch, in order."""
        return await send_in_batches(self._ensure_producer(), topic, partition, records, compressed=compressed)
