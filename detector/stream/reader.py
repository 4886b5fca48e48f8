"""Reads logs with a plain consumer outside the group: what a look at a log needs beside the worker's own consumer."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from faust.types import TP

log = structlog.get_logger(__name__)

POLL_MS = 1_000
#: Closing sockets waits for nobody; what takes longer hangs.
STOP_S = 5.0


@asynccontextmanager
async def reader(connection: Mapping[str, Any], **options: Any) -> AsyncIterator[AIOKafkaConsumer]:
    """A started consumer without a group. What goes wrong while it is stopped never replaces an error of the body.

    `connection` holds aiokafka's keyword arguments for brokers and security.
    """
    consumer = AIOKafkaConsumer(**connection, group_id=None, enable_auto_commit=False, **options)
    try:
        await consumer.start()
        yield consumer
    finally:
        await _stop(consumer)


async def _stop(consumer: AIOKafkaConsumer) -> None:
    # A task of its own: aiokafka's stop awaits fetches that it cancelled itself, and where one was waiting to try
    # again, their CancelledError comes out of it.
    stopping = asyncio.ensure_future(consumer.stop())
    await asyncio.wait({stopping}, timeout=STOP_S)
    if not stopping.done():
        stopping.cancel()
        log.warning("a reader did not stop in time", seconds=STOP_S)
    elif not stopping.cancelled() and (error := stopping.exception()) is not None:
        log.warning("a reader did not stop in order", error=repr(error))


async def first_offset(connection: Mapping[str, Any], tp: TP, offset: int) -> int | None:
    """Offset of the first record of `tp` at or after `offset`; None where there is none within a few seconds."""
    async with reader(connection, max_poll_records=1) as consumer:
        partition = TopicPartition(*tp)
        consumer.assign([partition])
        consumer.seek(partition, offset)
        found = await consumer.getmany(partition, timeout_ms=10 * POLL_MS)
    return found[partition][0].offset if found else None


async def without_records(connection: Mapping[str, Any], spans: Mapping[TP, tuple[int, int]]) -> set[TP]:
    """Those partitions that hold no record within their span, [begin, end): offsets there are transaction markers.

    Asks until every span has shown a record or was read to its end; `KafkaError` where the log begins behind it.
    """
    ends = {TopicPartition(*tp): end for tp, (_, end) in spans.items()}
    empty: set[TP] = set()
    async with reader(connection, auto_offset_reset="none") as consumer:
        consumer.assign(list(ends))
        for tp, (begin, _) in spans.items():
            consumer.seek(TopicPartition(*tp), begin)
        while ends:
            found = await consumer.getmany(*ends, timeout_ms=POLL_MS)
            for tp, records in found.items():
                if records[0].offset >= ends[tp]:
                    empty.add(TP(*tp))
                del ends[tp]
            passed = {tp for tp in ends if await consumer.position(tp) >= ends[tp]}
            empty |= {TP(*tp) for tp in passed}
            ends = {tp: end for tp, end in ends.items() if tp not in passed}
    return empty
