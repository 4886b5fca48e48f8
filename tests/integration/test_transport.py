"""Chunks of a real Kafka are delivered in order, and what was not processed is delivered again."""

import asyncio
import secrets
from typing import Any

import pytest
from aiokafka.structs import TopicPartition
from confluent_kafka import Producer
from faust.types import TP
from kafka import KafkaProducer
from support.shared_kafka import Cluster

from detector.kafka.topics import create
from detector.settings import Settings
from detector.stream.app import build_app
from detector.stream.columnar_fetch import ColumnConsumer
from detector.stream.same_model import Runs

RECORDS = 40
CHUNK = 10
PATIENCE_S = 60.0


async def test_what_was_not_taken_is_read_again_although_later_chunks_came_meanwhile(kafka: Cluster) -> None:
    name = f"again-{secrets.token_hex(3)}"
    settings = Settings(
        bootstrap=(kafka.bootstrap,), prefix=f"{name}.", deployment=name, partitions=1, max_chunk_records=CHUNK
    )
    create(settings, 1, 1)
    with KafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        for _ in range(RECORDS):
            producer.send(settings.account_events, b"x", partition=0)
    tp = TP(settings.account_events, 0)
    delivered: list[int] = []
    begins: list[int] = []
    done = asyncio.Event()

    async def take(message: Any) -> None:
        offsets = [record.offset for record in message.value.records]
        begins.append(message.value.begin)
        if delivered.count(RECORDS - 1) == 0 and offsets[-1] == RECORDS - 1:
            await app.chunk_consumer.read_again(tp, CHUNK)
        delivered.extend(offsets)
        if delivered.count(RECORDS - 1) == 2:
            done.set()

    async def nothing() -> None:
        pass

    app = build_app(
        settings,
        {"account": settings.account_events},
        topics_with_rows=frozenset(),
        runs=Runs(),
        on_chunk=take,
        on_assigned=nothing,
        on_revoked=nothing,
    )
    await app.start()
    try:
        await asyncio.wait_for(done.wait(), PATIENCE_S)
        await app.chunk_consumer.read_again(TP(settings.account_events, 7), 0)  # held by nobody: nothing happens
    finally:
        await app.stop()
    assert [*range(RECORDS), *range(CHUNK, RECORDS)] == delivered
    assert delivered[::CHUNK] == begins


def write_in_every_way(bootstrap: str, topic: str) -> None:
    """Batches in all codecs, records without key or value, one transaction committed and one aborted in the middle."""
    for number, codec in enumerate(("none", "gzip", "snappy", "lz4", "zstd")):
        options = {"bootstrap.servers": bootstrap, "compression.type": codec, "linger.ms": 50}
        producer = Producer(options | {"transactional.id": f"{topic}-{codec}"})
        producer.init_transactions(PATIENCE_S)
        for end in (producer.abort_transaction, producer.commit_transaction):
            producer.begin_transaction()
            for i in range(RECORDS):
                key = None if i % 7 == 0 else b"k%d" % i
                value = None if i % 11 == 0 else b"v%d" % i * (1 + i * number)
                producer.produce(topic, value, key, 0, headers={"h": "x"} if i % 5 == 0 else None)
            producer.flush(PATIENCE_S)
            end(PATIENCE_S)


async def read_all(bootstrap: str, topic: str, isolation: str, *, columnar: bool) -> tuple[list[Any], int]:
    """All records, half of them a second time after going back, and where the reader is then."""
    tp = TopicPartition(topic, 0)
    consumer = ColumnConsumer(
        columnar=columnar,
        bootstrap_servers=bootstrap,
        group_id=None,
        isolation_level=isolation,
        max_poll_records=CHUNK,
        max_partition_fetch_bytes=4096,
    )
    await consumer.start()
    found: list[Any] = []
    try:
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        consumer.seek(tp, 0)
        again = True
        while (position := await consumer.position(tp)) < end:
            if again and position > end // 2:
                again = False
                consumer.seek(tp, end // 4)
            for records in (await consumer.getmany(tp, timeout_ms=1000)).values():
                assert 0 < len(records) <= CHUNK
                found += records
        return found, position
    finally:
        await consumer.stop()


@pytest.mark.parametrize("isolation", ["read_committed", "read_uncommitted"])
async def test_columns_are_the_records_that_aiokafka_reads_one_by_one(kafka: Cluster, isolation: str) -> None:
    name = f"columns-{secrets.token_hex(3)}"
    settings = Settings(bootstrap=(kafka.bootstrap,), prefix=f"{name}.", deployment=name, partitions=1)
    create(settings, 1, 1)
    topic = settings.account_events
    await asyncio.to_thread(write_in_every_way, kafka.bootstrap, topic)
    expected = await read_all(kafka.bootstrap, topic, isolation, columnar=False)
    assert expected == await read_all(kafka.bootstrap, topic, isolation, columnar=True)
    distinct = {record.offset for record in expected[0]}
    assert (5 if isolation == "read_committed" else 10) * RECORDS == len(distinct) < len(expected[0])
