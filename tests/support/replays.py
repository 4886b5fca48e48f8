"""What a log ought to come to, from a pipeline in memory, and what a deployment left in Kafka."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy.typing as npt
from kafka import KafkaConsumer, TopicPartition

from detector.core.pipeline import DAY_MS, Pipeline
from detector.core.policy import Model
from detector.core.stages.account import ACCOUNT
from detector.settings import Settings
from detector.stream.changelog import Recovery
from detector.stream.processor import process
from detector.stream.security import client_options

CHUNK = 1000


@dataclass(frozen=True)
class Result:
    """Rows by partition, sorted by key; alerts and dead letters by id with their content and how often they came."""

    rows: dict[int, npt.NDArray[Any]]
    alerts: dict[str, bytes]
    dead_letters: dict[str, bytes]
    times: Counter[str]


def read_all(settings: Settings, topic: str) -> dict[int, list[Any]]:
    """All records of a topic by partition, in order."""
    consumer = KafkaConsumer(
        **client_options(settings), enable_auto_commit=False, max_poll_records=10_000, fetch_max_bytes=64 << 20
    )
    partitions = [TopicPartition(topic, partition) for partition in sorted(consumer.partitions_for_topic(topic) or ())]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    ends = consumer.end_offsets(partitions)
    records: dict[int, list[Any]] = {partition.partition: [] for partition in partitions}
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        for partition, found in consumer.poll(timeout_ms=1000).items():
            records[partition.partition] += found
    consumer.close()
    return records


def offline(settings: Settings, model: Model) -> Result:
    """Run the input log through pipelines in memory, never stopped."""
    rows: dict[int, npt.NDArray[Any]] = {}
    alerts: dict[str, bytes] = {}
    dead_letters: dict[str, bytes] = {}
    for partition, records in read_all(settings, settings.account_events).items():
        pipeline = Pipeline(
            ACCOUNT,
            model,
            topic=settings.account_events,
            partition=partition,
            ttl_ms=settings.ttl_days * DAY_MS,
        )
        for start in range(0, len(records), CHUNK):
            for output in process(pipeline, records[start : start + CHUNK]).outputs:
                found, kept = identify(output.topic == "alerts", output.value)
                (alerts if output.topic == "alerts" else dead_letters)[found] = kept
        rows[partition] = pipeline.rows.snapshot()
    return Result(rows, alerts, dead_letters, Counter())


def left_in_kafka(settings: Settings) -> Result:
    """What the deployment's workers wrote: rows as a recovery would see them, alerts and dead letters."""
    rows = {}
    for partition, records in read_all(settings, settings.rows_topic(ACCOUNT.name)).items():
        recovery = Recovery(ACCOUNT)
        recovery.feed([record.key for record in records], [record.value for record in records])
        rows[partition] = recovery.rows.snapshot()
    times: Counter[str] = Counter()
    alerts: dict[str, bytes] = {}
    dead_letters: dict[str, bytes] = {}
    for topic, found in ((settings.alerts, alerts), (settings.dead_letters, dead_letters)):
        for records in read_all(settings, topic).values():
            for record in records:
                key, kept = identify(topic == settings.alerts, record.value)
                assert found.setdefault(key, kept) == kept, f"{key} came with two contents"
                times[key] += 1
    return Result(rows, alerts, dead_letters, times)


def identify(is_alert: bool, value: bytes) -> tuple[str, bytes]:
    """An output's id and its content."""
    fields = msgspec.json.decode(value)
    return fields["alert_id" if is_alert else "dead_letter_id"], value
