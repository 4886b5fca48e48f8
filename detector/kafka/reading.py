"""Reads what a topic holds: all of it once, or the records at some positions. Committed records only."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from detector.errors import UserError
from detector.kafka.clients import TIMEOUT_S, admin_client, existing, open_client
from detector.kafka.errors import address_of, kafka_errors
from detector.kafka.security import client_options
from detector.settings import Settings

POLL_MS = 500
POLL_RECORDS = 5_000
#: Between two positions; what lies farther apart is not read through.
GAP_RECORDS = 5_000


@contextmanager
def reader(settings: Settings, **options: Any) -> Iterator[KafkaConsumer]:
    """A consumer without a group, closed on leaving; `options` as KafkaConsumer's own, such as sizes of a poll.

    Raises UserError for whatever Kafka refuses, also while it is used.
    """
    connection = client_options(settings)
    with kafka_errors(address_of(connection)):
        consumer = open_client(
            KafkaConsumer,
            connection,
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            **{"max_poll_records": POLL_RECORDS, **options},
        )
        try:
            yield consumer
        finally:
            consumer.close()


def records_of(settings: Settings, topic: str) -> Iterator[Any]:
    """The committed records of a topic, partition by partition, up to the end there was; none where there is no topic.

    Raises UserError where Kafka gives nothing for a while, or may not show the topic.
    """
    with reader(settings) as consumer:
        partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        if not partitions:
            with admin_client(settings) as client:
                existing(client, [topic])  # to a consumer, one that it may not read is none
        begins, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        for tp in partitions:
            if begins[tp] < ends[tp]:
                consumer.assign([tp])
                consumer.seek(tp, begins[tp])
                yield from _until(consumer, tp, ends[tp])


def records_at(settings: Settings, wanted: Mapping[TopicPartition, Iterable[int]]) -> Iterator[Any]:
    """The records at these offsets of each partition, in order, without those that Kafka no longer has."""
    with reader(settings) as consumer:
        begins, ends = consumer.beginning_offsets(list(wanted)), consumer.end_offsets(list(wanted))
        for tp, offsets in wanted.items():
            held = sorted({offset for offset in offsets if begins[tp] <= offset < ends[tp]})
            for span in spans(held):
                consumer.assign([tp])
                consumer.seek(tp, span[0])
                found = set(span)
                yield from (record for record in _until(consumer, tp, span[-1] + 1) if record.offset in found)


def _until(consumer: KafkaConsumer, tp: TopicPartition, end: int) -> Iterator[Any]:
    deadline = time.monotonic() + TIMEOUT_S
    while consumer.position(tp) < end:
        records = consumer.poll(POLL_MS).get(tp, [])
        if records:
            deadline = time.monotonic() + TIMEOUT_S
        elif time.monotonic() > deadline:
            raise UserError(f"Kafka gives nothing of topic {tp.topic} partition {tp.partition}: try again")
        yield from (record for record in records if record.offset < end)


def spans(offsets: list[int]) -> Iterator[list[int]]:
    """The offsets in order, apart where a gap between two is large."""
    span: list[int] = []
    for offset in offsets:
        if span and offset - span[-1] > GAP_RECORDS:
            yield span
            span = []
        span.append(offset)
    if span:
        yield span
