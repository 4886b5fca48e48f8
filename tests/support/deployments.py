"""A deployment of its own topics on a real Kafka, and what a worker would have left in it."""

import secrets
import time
from collections.abc import Mapping, Sequence

from kafka import KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from detector.settings import Settings
from detector.stream.admin import admin_client
from detector.stream.changelog import Header, encode_header
from detector.stream.groups import commit_offsets
from detector.stream.marks import Marks, encode_marks
from detector.stream.topics import create, inspect

PARTITIONS = 2
WATERMARK_MS = 1_598_936_706_000
STAGE = "account"


def new_deployment(bootstrap: str, *, partitions: int = PARTITIONS) -> Settings:
    """Settings with a prefix and group never used before; the topics are there, empty."""
    name = secrets.token_hex(4)
    settings = Settings(bootstrap=(bootstrap,), prefix=f"{name}.", deployment=name, partitions=partitions)
    create(settings, partitions, 1)
    return settings


def header(settings: Settings) -> Header:
    """The header a worker of today would write."""
    source = inspect(settings)[settings.account_events]
    return Header(source.name, source.topic_id, source.partitions, STAGE)


def send(settings: Settings, topic: str, records: Mapping[int, list[tuple[bytes, bytes | None]]]) -> None:
    """Put (key, value) records on partitions and return when they are there."""
    producer = KafkaProducer(bootstrap_servers=list(settings.bootstrap))
    try:
        for partition, pairs in records.items():
            for key, value in pairs:
                producer.send(topic, value, key=key, partition=partition)
        producer.flush()
    finally:
        producer.close()


def events(settings: Settings, count: int, partitions: int = PARTITIONS) -> None:
    """`count` records on each partition of the input."""
    send(settings, settings.account_events, {part: [(b"account", b"{}")] * count for part in range(partitions)})


def rows(settings: Settings, head: Header, keys: Mapping[int, list[tuple[int, int]]]) -> None:
    """A changelog partition each: the header, then a row for each (key, writer)."""
    send(
        settings,
        settings.rows_topic(STAGE),
        {
            partition: [encode_header(head), *((record_key(key, writer), b"row") for key, writer in pairs)]
            for partition, pairs in keys.items()
        },
    )


def record_key(key: int, writer: int) -> bytes:
    """Changelog record key of a row."""
    return key.to_bytes(8, "little") + writer.to_bytes(8, "little")


def commit(settings: Settings, offset: int, *, metadata: str | None = None, partitions: int = PARTITIONS) -> None:
    """Commit `offset` on every partition with a worker's marks, or other `metadata`."""
    marks = encode_marks(Marks(WATERMARK_MS)) if metadata is None else metadata
    with admin_client(settings) as client:
        offsets = {partition: OffsetAndMetadata(offset, marks, -1) for partition in range(partitions)}
        commit_offsets(client, settings.group, settings.account_events, offsets)


def healthy(settings: Settings) -> None:
    """Ten events a partition, six of them committed, two accounts a partition, one of them from two writers."""
    events(settings, 10)
    rows(settings, header(settings), {part: [(1, 7), (2, 7), (2, 8)] for part in range(PARTITIONS)})
    commit(settings, 6)


def delete_records(settings: Settings, before: Sequence[int]) -> None:
    """What retention does: the log of each partition begins at `before`."""
    with admin_client(settings) as client:
        client.delete_records(
            {TopicPartition(settings.account_events, partition): offset for partition, offset in enumerate(before)}
        )


def recreate(settings: Settings, topic: str) -> None:
    """Delete a topic and declare it again."""
    with admin_client(settings) as client:
        client.delete_topics([topic])
    while topic in inspect(settings):
        time.sleep(0.1)
    create(settings, settings.partitions, 1)
