"""The checker at the end of whatever was done to workers: every source event counts once, and everything is as if
nothing had happened."""

from collections.abc import Mapping
from contextlib import closing
from typing import NamedTuple

from kafka import KafkaConsumer, TopicPartition
from support.nodes import NodePartition
from support.replays import Result, left_in_kafka, offline, partitions_of, same, wiring_of

from detector.core.model import Model
from detector.kafka.clients import admin_client
from detector.kafka.marks import decode_marks
from detector.kafka.security import client_options
from detector.settings import Settings


class Checked(NamedTuple):
    """Figures of a deployment that was found to be right."""

    source_records: int
    dead_letters: int
    alerts: int
    sent_again: int
    rows: int

    def __str__(self) -> str:
        return (
            f"{self.source_records:,} source records, {self.dead_letters:,} of them dead letters, {self.rows:,} rows,"
            f" {self.alerts:,} alerts: all as in an uninterrupted run; {self.sent_again:,} outputs were sent again"
        )


def check(settings: Settings, model: Model, *, least_alerts: int = 11) -> Checked:
    """Fail unless all logs are committed to their ends and all that the workers left is what the logs come to.

    The logs as they are, hops included, are run through the same nodes in memory, never stopped. Compared are: of each
    partition the committed offset with the log's end, and the marks of the commit (the watermark, and how far each
    upstream was met); the events in each hop by upstream, each once; every row; alerts and dead letters, by id and to
    the last byte.
    """
    expected, left = offline(settings, model), left_in_kafka(settings, model)
    same(expected, left, least_alerts=least_alerts)
    ends = _check_commits(settings, model, expected)
    sources = [node.name for node in wiring_of(settings, model).topology.nodes if node.source is not None]
    return Checked(
        sum(end for (name, _), end in ends.items() if name in sources),
        len(left.dead_letters),
        len(left.alerts),
        sum(left.times.values()) - len(left.times),
        sum(map(len, left.rows.values())),
    )


def _check_commits(settings: Settings, model: Model, expected: Result) -> Mapping[NodePartition, int]:
    """The end of each input partition, found committed with the marks of an uninterrupted run."""
    nodes = wiring_of(settings, model).topology.nodes
    inputs = {
        (node.name, part): TopicPartition(settings.input_topic(node), part)
        for node in nodes
        for part in partitions_of(settings, settings.input_topic(node))
    }
    with admin_client(settings) as client, closing(KafkaConsumer(**client_options(settings))) as consumer:
        commits = client.list_group_offsets({settings.group: None})[settings.group]
        ends = consumer.end_offsets(list(inputs.values()))
    for node_partition, tp in inputs.items():
        marks = decode_marks(commits[tp].metadata)
        assert ends[tp] == commits[tp].offset, f"{node_partition} is not committed to its end"
        watermark_ms, high_water = expected.marks[node_partition]
        # The first commit of a task has no marks yet.
        met = marks.high_water or (-1,) * len(high_water)
        assert (watermark_ms, high_water) == (marks.watermark_ms, met), f"marks of {node_partition} differ"
    return {node_partition: ends[tp] for node_partition, tp in inputs.items()}
