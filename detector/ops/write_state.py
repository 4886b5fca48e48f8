"""Writes a state that was made elsewhere: headers, rows, commits, so that a worker goes on from it or refuses it.

A worker refuses what is half done: every changelog first gets a header that says so, and a whole one at the end.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from detector.core.rows import Rows
from detector.errors import UserError
from detector.kafka.clients import admin_client
from detector.kafka.groups import store_offsets
from detector.kafka.security import client_options
from detector.settings import Settings
from detector.stream.app import PRODUCER_REQUEST_BYTES
from detector.stream.batch_writer import PRODUCER_BATCH_BYTES
from detector.stream.changelog import Header, encode_header, encode_rows
from detector.stream.packed import Record
from detector.stream.record_batches import send_in_batches

#: Called with rows written so far and in all.
Progress = Callable[[int, int], None]


class Share(NamedTuple):
    """What is written for one input partition; `header` None where its node keeps no rows, `commit` where it is left
    new."""

    place: TopicPartition
    changelog: str
    header: Header | None
    rows: Rows | None
    commit: OffsetAndMetadata | None

    @property
    def size(self) -> int:
        """Number of rows."""
        return 0 if self.rows is None else len(self.rows)


class Log(Protocol):
    """Where a state is written to."""

    async def send_records(self, topic: str, partition: int, records: Iterable[Record]) -> "list[asyncio.Future[Any]]":
        """Send `(key, value)` records; their futures."""

    async def commit(self, commits: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Commit for the group, which has no members; `UserError` where Kafka does not."""


async def write_state(log: Log, shares: Sequence[Share], writer: int, progress: Progress) -> None:
    """Write the rows under the id `writer`, then commit, each durable before the next.

    Before the first row every changelog has a header that says that it is half warm, and behind the commit a whole
    one: interrupted in between, no worker starts.
    """
    await _headers(log, shares, warming=True)
    total, done = sum(share.size for share in shares), 0
    for share in shares:
        if share.rows is not None:
            await _durable(log, share, encode_rows(share.rows, writer))
            done += share.size
            progress(done, total)
    await log.commit({share.place: share.commit for share in shares if share.commit is not None})
    await _headers(log, shares, warming=False)


async def _headers(log: Log, shares: Sequence[Share], *, warming: bool) -> None:
    for share in shares:
        if share.header is not None:
            header = msgspec.structs.replace(share.header, warming=warming)
            await _durable(log, share, [encode_header(header)])


async def _durable(log: Log, share: Share, records: Iterable[Record]) -> None:
    for future in await log.send_records(share.changelog, share.place.partition, records):
        await future


class _KafkaLog:
    def __init__(self, settings: Settings, producer: AIOKafkaProducer) -> None:
        self._settings = settings
        self._producer = producer

    async def send_records(self, topic: str, partition: int, records: Iterable[Record]) -> "list[asyncio.Future[Any]]":
        return await send_in_batches(self._producer, topic, partition, records)

    async def commit(self, commits: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        with admin_client(self._settings) as client:
            store_offsets(client, self._settings.group, commits)


async def write(settings: Settings, shares: Sequence[Share], progress: Progress) -> None:
    """Write all shares to Kafka. Raises UserError where it does not take them."""
    try:
        async with AIOKafkaProducer(
            **client_options(settings),
            acks="all",
            enable_idempotence=True,
            max_batch_size=PRODUCER_BATCH_BYTES,
            max_request_size=PRODUCER_REQUEST_BYTES,
        ) as producer:
            await write_state(_KafkaLog(settings, producer), shares, secrets.randbits(64), progress)
    except KafkaError as error:
        raise UserError(f"Kafka did not take the rows ({type(error).__name__}): run again") from error
