"""A deployment of its own topics on a real Kafka, and what a worker would have left in it."""

import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.structs import OffsetAndMetadata
from support.workers import wait_until

from detector.core.stage import Stage
from detector.core.topology import Node
from detector.kafka.clients import admin_client
from detector.kafka.groups import active_members, store_offsets
from detector.kafka.marks import Marks, encode_marks
from detector.kafka.topics import TopicFacts, create, inspect
from detector.ops.state import TOPOLOGY
from detector.settings import Settings
from detector.stream.changelog import Header, encode_header

PARTITIONS = 2
WATERMARK_MS = 1_598_936_706_000

#: (key, value) by partition; (row key, writer) by partition.
Records = Mapping[int, Sequence[tuple[bytes, bytes | None]]]
Keys = Mapping[int, Sequence[tuple[int, int]]]


def new_deployment(bootstrap: str, *, partitions: int = PARTITIONS) -> Settings:
    """Settings with a prefix and group never used before; the topics are there, empty."""
    name = secrets.token_hex(4)
    settings = Settings(bootstrap=(bootstrap,), prefix=f"{name}.", deployment=name, partitions=partitions)
    create(settings, partitions, 1)
    return settings


def header(settings: Settings, node: Node = TOPOLOGY.nodes[0]) -> Header:
    """The header a worker of today would write for the rows of a node."""
    return header_of(inspect(settings)[settings.input_topic(node)], node)


def header_of(source: TopicFacts, node: Node) -> Header:
    """The same, of a topic as Kafka has it."""
    return Header(source.name, source.topic_id, source.partitions, node.name)


def send(settings: Settings, topic: str, records: Records) -> None:
    """Put (key, value) records on partitions and return when they are there."""
    send_all(settings, {topic: records})


def send_all(settings: Settings, topics: Mapping[str, Records]) -> None:
    """The same, of several topics."""
    producer = KafkaProducer(bootstrap_servers=list(settings.bootstrap))

    def send_one(topic: str) -> None:
        for partition, pairs in topics[topic].items():
            for key, value in pairs:
                producer.send(topic, value, key=key, partition=partition)

    try:
        # Side by side: the first record of a topic waits a tenth of a second for the topic's metadata.
        with ThreadPoolExecutor(len(topics)) as pool:
            list(pool.map(send_one, topics))
        producer.flush()
    finally:
        producer.close()


def events(settings: Settings, count: int, topic: str = "") -> None:
    """`count` records on each partition of an input, the account events unless named."""
    send(settings, topic or settings.account_events, _events(count))


def _events(count: int) -> Records:
    return dict.fromkeys(range(PARTITIONS), [(b"key", b"{}")] * count)


def rows(settings: Settings, node: Node, keys: Keys) -> None:
    """A changelog partition each: the header, then a row for each (key, writer)."""
    send(settings, settings.rows_topic(node.name), _rows(header(settings, node), node, keys))


def _rows(head: Header, node: Node, keys: Keys) -> Records:
    assert node.stage is not None
    first, value = encode_header(head), row_of(node.stage)
    return {part: [first, *((record_key(key, writer), value) for key, writer in pairs)] for part, pairs in keys.items()}


def row_of(stage: Stage) -> bytes:
    """A row as this release writes it for `stage`, of no event."""
    row = np.zeros(1, stage.row)
    row["version"], row["kernel"] = stage.version, stage.kernel_hash
    return row.tobytes()


def record_key(key: int, writer: int) -> bytes:
    """Changelog record key of a row."""
    return key.to_bytes(8, "little") + writer.to_bytes(8, "little")


def commit(
    settings: Settings,
    offset: int,
    *,
    metadata: str | None = None,
    nodes: Sequence[Node] = TOPOLOGY.nodes[:1],
) -> None:
    """Commit `offset` on every partition of the nodes' inputs with a worker's marks, or other `metadata`."""
    facts = inspect(settings)
    commits = {
        TopicPartition(topic, partition): OffsetAndMetadata(offset, marks if metadata is None else metadata, -1)
        for node in nodes
        for topic in [settings.input_topic(node)]
        for marks in [encode_marks(marks_at(node, offset, facts[topic].topic_id))]
        for partition in range(PARTITIONS)
    }
    with admin_client(settings) as client:
        active_members(client, settings.group)  # waits until a new broker can answer questions about groups
        store_offsets(client, settings.group, commits)


def marks_at(node: Node, offset: int, topic_id: str) -> Marks:
    """What a worker knows of a node's input at `offset`: the watermark, and as much of every upstream."""
    slots = len(TOPOLOGY.upstreams(node.name)) * PARTITIONS
    return Marks(WATERMARK_MS, topic_id, (offset,) * slots, TOPOLOGY.upstreams_crc(node.name))


def healthy(settings: Settings) -> None:
    """Of every node ten records a partition, six of them committed, two keys a partition, one of them by two
    writers."""
    kept: Keys = {partition: [(1, 7), (2, 7), (2, 8)] for partition in range(PARTITIONS)}
    facts = inspect(settings)
    logs = {settings.input_topic(node): _events(10) for node in TOPOLOGY.nodes}
    for node in TOPOLOGY.nodes:
        if node.stage is not None:
            logs[settings.rows_topic(node.name)] = _rows(header_of(facts[settings.input_topic(node)], node), node, kept)
    send_all(settings, logs)
    commit(settings, 6, nodes=TOPOLOGY.nodes)


def configure(settings: Settings, config: Mapping[str, str], *topics: str) -> None:
    """Give topics a configuration, and return when the broker has it: it learns it from the controller."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic, dict(config)) for topic in topics]

    def known(client: KafkaAdminClient) -> bool:
        found = client.describe_configs(resources, config_filter="all")["topic"]
        return all(found[topic][name]["value"] == value for topic in topics for name, value in config.items())

    with admin_client(settings) as client:
        client.alter_configs(resources)
        wait_until(lambda: known(client), f"{config} on {topics}")


def add_partitions(settings: Settings, partitions: int, *topics: str) -> None:
    """Give topics so many partitions, and return when the broker has them: it learns it from the controller."""
    with admin_client(settings) as client:
        client.create_partitions(dict.fromkeys(topics, partitions))
    wait_until(lambda: {partitions} == {inspect(settings)[topic].partitions for topic in topics}, f"more {topics}")


def delete_records(settings: Settings, before: Sequence[int]) -> None:
    """What retention does: the log of each partition begins at `before`."""
    with admin_client(settings) as client:
        client.delete_records(
            {TopicPartition(settings.account_events, partition): offset for partition, offset in enumerate(before)}
        )


def delete_topics(settings: Settings, *topics: str) -> None:
    """Delete topics, and return when the broker knows: it learns it from the controller."""
    with admin_client(settings) as client:
        client.delete_topics(list(topics))
    wait_until(lambda: not set(topics) & set(inspect(settings)), f"{topics} are gone")


def recreate(settings: Settings, topic: str) -> None:
    """Delete a topic and declare it again."""
    delete_topics(settings, topic)
    create(settings, settings.partitions, 1)
