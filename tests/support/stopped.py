"""What a worker leaves that was stopped in order half-way, without the seconds that a real one takes."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from kafka import KafkaProducer
from kafka.structs import OffsetAndMetadata
from support.deployments import header, send
from support.replays import NodeRuns, read_all

from detector.core.model import Model
from detector.core.topology import Node
from detector.kafka.clients import admin_client
from detector.kafka.groups import active_members, commit_offsets
from detector.kafka.marks import Marks, encode_marks
from detector.settings import Settings
from detector.stream.changelog import encode_header, encode_rows

WRITER = 7


def stop_half_way(settings: Settings, model: Model) -> dict[int, int]:
    """Process the first half of every partition of a source topic and all that comes of it.

    Header, rows, hop messages and offsets of every node as a worker writes them; the offsets of the account events.
    """
    runs = NodeRuns(settings, model, keep_sent=True)
    commits: dict[str, dict[int, OffsetAndMetadata]] = {}
    for node in runs.wiring.flow.nodes:
        topic = settings.input_topic(node)
        head = header(settings, node)
        rows, commits[topic] = {}, {}
        for partition, records in read_all(settings, topic).items():
            taken = records[: len(records) // 2] if node.source is not None else records
            runs.run_one(node, partition, _chunks(taken))
            machine = runs.machines[node.name, partition]
            rows[partition] = [encode_header(head), *encode_rows(machine.pipeline.rows.take_dirty(), WRITER)]
            marks = Marks(machine.pipeline.watermark_ms, head.topic_id, tuple(machine.seen.marks.tolist()))
            commits[topic][partition] = OffsetAndMetadata(len(taken), encode_marks(marks), -1)
        if node.stage is not None:
            send(settings, settings.rows_topic(node.name), rows)
        if node.target is not None:
            _fill_hop(settings, runs, runs.wiring.flow.node(node.target))
    with admin_client(settings) as client:
        active_members(client, settings.group)  # waits until a new broker can answer questions about groups
        for topic, offsets in commits.items():
            commit_offsets(client, settings.group, topic, offsets)
    return {partition: commit.offset for partition, commit in commits[settings.account_events].items()}


def _chunks(records: list[Any]) -> Iterator[list[Any]]:
    left = iter(records)
    while chunk := list(islice(left, 1000)):
        yield chunk


def _fill_hop(settings: Settings, runs: NodeRuns, node: Node) -> None:
    """Send what is waiting for the node's hop."""
    producer = KafkaProducer(bootstrap_servers=list(settings.bootstrap))
    try:
        for partition in runs.partitions:
            for value in runs.sent.pop((node.name, partition), []):
                producer.send(settings.input_topic(node), value, partition=partition)
        producer.flush()
    finally:
        producer.close()
