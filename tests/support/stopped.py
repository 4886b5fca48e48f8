"""What a worker leaves that was stopped in order half-way, without the seconds that a real one takes."""

from kafka import KafkaProducer
from kafka.structs import OffsetAndMetadata
from support.deployments import header, send
from support.nodes import Nodes, in_chunks
from support.replays import read_all, wiring_of

from detector.core.model import Model
from detector.core.topology import Node
from detector.jst import DAY_MS
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
    wiring = wiring_of(settings, model)
    nodes, topology = Nodes(wiring, ttl_ms=settings.ttl_days * DAY_MS), wiring.topology
    commits: dict[str, dict[int, OffsetAndMetadata]] = {}
    for node in topology.nodes:
        topic = settings.input_topic(node)
        head = header(settings, node)
        rows, commits[topic] = {}, {}
        for partition, records in read_all(settings, topic).items():
            taken = records[: len(records) // 2] if node.source is not None else records
            for chunk in in_chunks(taken, 1000):
                nodes.take(node.name, partition, chunk)
            processor = nodes.processor(node.name, partition)
            rows[partition] = [encode_header(head), *encode_rows(processor.pipeline.rows.take_dirty(), WRITER)]
            high_water, crc = tuple(processor.marks.marks.tolist()), topology.upstreams_crc(node.name)
            marks = Marks(processor.pipeline.watermark_ms, head.topic_id, high_water, crc)
            commits[topic][partition] = OffsetAndMetadata(len(taken), encode_marks(marks), -1)
        if node.stage is not None:
            send(settings, settings.rows_topic(node.name), rows)
        for edge in node.edges:
            _fill_hop(settings, nodes, topology.node(edge.target))
    with admin_client(settings) as client:
        active_members(client, settings.group)  # waits until a new broker can answer questions about groups
        for topic, offsets in commits.items():
            commit_offsets(client, settings.group, topic, offsets)
    return {partition: commit.offset for partition, commit in commits[settings.account_events].items()}


def _fill_hop(settings: Settings, nodes: Nodes, node: Node) -> None:
    """Send what is waiting for the node's hop."""
    producer = KafkaProducer(bootstrap_servers=list(settings.bootstrap))
    try:
        for partition in range(nodes.wiring.partitions):
            for record in nodes.hops.pop((node.name, partition), []):
                producer.send(settings.input_topic(node), record.value, partition=partition)
        producer.flush()
    finally:
        producer.close()
