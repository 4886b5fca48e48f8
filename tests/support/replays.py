"""The expected result of a log, by a worker's own nodes in memory, and what a deployment left in Kafka."""

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy.typing as npt
from confluent_kafka import OFFSET_BEGINNING, TopicPartition
from kafka import KafkaConsumer
from support.lanes import Lane, Lanes
from support.nodes import NodePartition, Nodes

from detector.bench.clients import open_consumer
from detector.contract.records import Records
from detector.core.model import Model
from detector.core.topology import Node, topology_for
from detector.jst import DAY_MS
from detector.kafka.security import client_options
from detector.settings import Settings
from detector.stream.changelog import Recovery
from detector.stream.processor import ALERTS, BULLETINS, DEAD_LETTERS, Wiring

CHUNK = 1000
PATIENCE_S = 30.0


class Record(NamedTuple):
    """What a node reads of a Kafka record."""

    key: bytes | None
    value: bytes
    offset: int
    timestamp: int = -1


@dataclass(frozen=True)
class Result:
    """What all nodes of a topology came to.

    Rows, sorted by key; what lies in each hop, by upstream; alerts, dead letters and bulletins for all by id with their
    content and how often they came; of a run in memory each partition's watermark and high-water marks.
    """

    rows: dict[NodePartition, npt.NDArray[Any]]
    hops: dict[tuple[str, int, int], Lane]
    alerts: dict[str, bytes]
    dead_letters: dict[str, bytes]
    bulletins: dict[str, bytes]
    times: Counter[str] = field(default_factory=Counter)
    marks: dict[NodePartition, tuple[int, tuple[int, ...]]] = field(default_factory=dict)

    def rows_of(self, node: str) -> dict[int, bytes]:
        """The rows' bytes of one node by partition."""
        return {partition: rows.tobytes() for (name, partition), rows in self.rows.items() if name == node}


def same(expected: Result, got: Result, *, least_alerts: int = 11) -> None:
    """Fail where anything but the number of times an output came differs, or where nothing much was compared."""
    assert expected.alerts.keys() == got.alerts.keys()
    assert expected.alerts == got.alerts
    assert expected.dead_letters == got.dead_letters
    assert expected.bulletins == got.bulletins
    assert expected.hops == got.hops, "a hop's events are not those that were applied, each once"
    assert expected.rows.keys() == got.rows.keys()
    for tp, rows in expected.rows.items():
        assert rows.tobytes() == got.rows[tp].tobytes(), f"rows of {tp} differ"
    assert all(sum(map(len, expected.rows_of(node).values())) > 0 for node, _ in expected.rows)
    assert len(expected.alerts) >= least_alerts, "a run without alerts shows nothing about alerts"


def read_all(settings: Settings, topic: str) -> dict[int, list[Any]]:
    """All records of a topic by partition, in order."""
    return {
        partition: [record for records in read(settings, topic, partition) for record in records]
        for partition in partitions_of(settings, topic)
    }


def read(settings: Settings, topic: str, partition: int, end: int | None = None) -> Iterator[list[Any]]:
    """The records of a partition below offset `end`, None: all there are, in order and chunk by chunk."""
    consumer = open_consumer(",".join(settings.bootstrap), f"reader-{secrets.token_hex(4)}")
    try:
        begin = TopicPartition(topic, partition, OFFSET_BEGINNING)
        position, known = consumer.get_watermark_offsets(begin, timeout=PATIENCE_S)
        stop = known if end is None else end
        consumer.assign([begin])
        while position < stop:
            # It waits for as many as it is asked for, and brings what has come by then, which may be nothing.
            messages = consumer.consume(min(CHUNK, stop - position), timeout=0.2)
            found = [_record(message) for message in messages]
            position = max(position, *(reached.offset for reached in consumer.position([begin])))
            if found:
                yield [record for record in found if record.offset < stop]
    finally:
        consumer.close()


def _record(message: Any) -> Record:
    assert message.error() is None, message.error()
    return Record(message.key(), message.value(), message.offset(), message.timestamp()[1])


def partitions_of(settings: Settings, topic: str) -> list[int]:
    """The partitions of a topic."""
    consumer = KafkaConsumer(**client_options(settings))
    try:
        return sorted(consumer.partitions_for_topic(topic) or ())
    finally:
        consumer.close()


def offline(settings: Settings, model: Model, ends: Mapping[tuple[str, int], int] | None = None) -> Result:
    """Run the logs as they are in Kafka, hops included, through a worker's nodes in memory, never stopped.

    `ends` has an offset for each topic and partition to stop before; None: to the end.
    """

    def log(node: Node, partition: int) -> Iterator[list[Any]]:
        topic = settings.input_topic(node)
        return read(settings, topic, partition, ends[topic, partition] if ends is not None else None)

    wiring = wiring_of(settings, model)
    lanes = Lanes(wiring)
    nodes = Nodes(wiring, ttl_ms=settings.ttl_days * DAY_MS, sink=lanes.add)
    nodes.run(log)
    return _result(nodes, lanes)


def in_memory(settings: Settings, model: Model) -> Result:
    """The same with hops in memory: what a worker could make of the source topics, in one of many orders."""
    nodes = Nodes(wiring_of(settings, model), ttl_ms=settings.ttl_days * DAY_MS)

    def log(node: Node, partition: int) -> Iterator[list[Any]]:
        if node.source is None:
            return nodes.hop(node, partition, CHUNK)
        return read(settings, settings.input_topic(node), partition)

    nodes.run(log)
    lanes = Lanes(nodes.wiring)
    for (hop, partition), records in nodes.hops.items():
        for record in records:
            lanes.add(hop, partition, record.value)
    return _result(nodes, lanes)


def wiring_of(settings: Settings, model: Model) -> Wiring:
    """What the workers of a deployment share."""
    topics = (settings.account_events, settings.wallet_events)
    return Wiring(topology_for(model), model, len(partitions_of(settings, settings.account_events)), topics)


def _result(nodes: Nodes, lanes: Lanes) -> Result:
    rows = {
        (node.name, partition): found
        for node in nodes.wiring.topology.nodes
        if node.stage is not None
        for partition, found in enumerate(nodes.rows(node.name))
    }
    found: dict[str, dict[str, bytes]] = {ALERTS: {}, DEAD_LETTERS: {}, BULLETINS: {}}
    for output in nodes.outputs:
        found[output.topic][identify(output.topic, output.value)] = output.value
    marks = {
        (node.name, partition): (processor.pipeline.watermark_ms, tuple(processor.marks.marks.tolist()))
        for node in nodes.wiring.topology.nodes
        for partition in range(nodes.wiring.partitions)
        for processor in [nodes.processor(node.name, partition)]
    }
    return Result(rows, lanes.result(), found[ALERTS], found[DEAD_LETTERS], found[BULLETINS], marks=marks)


def left_in_kafka(settings: Settings, model: Model) -> Result:
    """What the deployment's workers wrote: rows as a recovery would see them, hops, alerts, dead letters, bulletins."""
    rows, hops = rows_and_hops(settings, model)
    times = Counter[str]()
    found: dict[str, dict[str, bytes]] = {ALERTS: {}, DEAD_LETTERS: {}, BULLETINS: {}}
    for kind, contents in found.items():
        topic = getattr(settings, kind)
        for partition in partitions_of(settings, topic):
            for records in read(settings, topic, partition):
                for record in records:
                    key = identify(kind, record.value)
                    assert contents.setdefault(key, record.value) == record.value, f"{key} came with two contents"
                    times[key] += 1
    return Result(rows, hops, found[ALERTS], found[DEAD_LETTERS], found[BULLETINS], times)


def rows_and_hops(
    settings: Settings, model: Model
) -> tuple[dict[NodePartition, npt.NDArray[Any]], dict[tuple[str, int, int], Lane]]:
    """The rows and hops of what `left_in_kafka` returns."""
    rows, wiring = {}, wiring_of(settings, model)
    lanes = Lanes(wiring)
    for node in wiring.topology.nodes:
        for partition in range(wiring.partitions):
            if node.stage is not None:
                recovery = Recovery(node.stage)
                for records in read(settings, settings.rows_topic(node.name), partition):
                    recovery.take(Records.of(records))
                rows[node.name, partition] = recovery.rows.snapshot()
            if node.source is None:
                for records in read(settings, settings.input_topic(node), partition):
                    for record in records:
                        lanes.add(node.name, partition, record.value)
    return rows, lanes.result()


_IDS = {ALERTS: "alert_id", DEAD_LETTERS: "dead_letter_id", BULLETINS: "bulletin_id"}


def identify(kind: str, value: bytes) -> str:
    """An output's id."""
    return str(msgspec.json.decode(value)[_IDS[kind]])
