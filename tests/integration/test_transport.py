"""Chunks of a real Kafka are delivered in order, and what was not processed is delivered again."""

import asyncio
import secrets
from typing import Any

from faust.types import TP
from kafka import KafkaProducer
from support.shared_kafka import Cluster

from detector.kafka.topics import create
from detector.settings import Settings
from detector.stream.app import build_app

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
        settings, {"account": settings.account_events}, on_chunk=take, on_assigned=nothing, on_revoked=nothing
    )
    await app.start()
    try:
        await asyncio.wait_for(done.wait(), PATIENCE_S)
        await app.chunk_consumer.read_again(TP(settings.account_events, 7), 0)  # held by nobody: nothing happens
    finally:
        await app.stop()
    assert [*range(RECORDS), *range(CHUNK, RECORDS)] == delivered
    assert delivered[::CHUNK] == begins
