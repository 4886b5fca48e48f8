"""Reads changelog partitions to their end, with a plain consumer outside the group."""

from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from faust.types import TP

from detector.core.stage import Stage
from detector.stream.changelog import Recovery

#: Records handed over at once: long enough to be fed in bulk, short enough to leave the event loop its turns.
SLICE_RECORDS = 20_000
#: A slice's bytes: 20,000 rows of 256 bytes with their keys, as one fetch.
FETCH_BYTES = 8 * 1024 * 1024
POLL_MS = 1_000


async def restore(
    connection: Mapping[str, Any], stages: Mapping[TP, Stage], still_wanted: Callable[[], bool]
) -> dict[TP, Recovery] | None:
    """The rows of every changelog partition, of the stage it is given with; None when `still_wanted()` turns false.

    `connection` holds aiokafka's keyword arguments for brokers and security. `UserError` where a row or header is
    not of a kind this release reads.
    """
    recoveries = {TopicPartition(*tp): Recovery(stage) for tp, stage in stages.items()}
    consumer = AIOKafkaConsumer(
        **connection,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
        max_poll_records=SLICE_RECORDS,
    )
    await consumer.start()
    try:
        consumer.assign(list(recoveries))
        ends = await consumer.end_offsets(list(recoveries))
        begins = await consumer.beginning_offsets(list(recoveries))
        open_partitions = {tp for tp in recoveries if begins[tp] < ends[tp]}
        while open_partitions:
            for tp, records in (await consumer.getmany(*open_partitions, timeout_ms=POLL_MS)).items():
                recoveries[tp].feed([record.key for record in records], [record.value for record in records])
            if not still_wanted():
                return None
            open_partitions = {tp for tp in open_partitions if await consumer.position(tp) < ends[tp]}
    finally:
        await consumer.stop()
    return {TP(tp.topic, tp.partition): recovery for tp, recovery in recoveries.items()}


async def first_offset(connection: Mapping[str, Any], tp: TP, offset: int) -> int | None:
    """Offset of the first record of `tp` at or after `offset`; None where there is none within a few seconds."""
    consumer = AIOKafkaConsumer(**connection, group_id=None, enable_auto_commit=False, max_poll_records=1)
    await consumer.start()
    try:
        partition = TopicPartition(*tp)
        consumer.assign([partition])
        consumer.seek(partition, offset)
        found = await consumer.getmany(partition, timeout_ms=10 * POLL_MS)
    finally:
        await consumer.stop()
    return found[partition][0].offset if found else None
