"""What lies on the project's topics, as the model reads and makes it: rows, hop messages, outputs, logs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
import numpy as np
from faust.types import TP
from support.stages import COUNTING, COUNTING_BEFORE

from detector.core.pipeline import Pipeline
from detector.core.row_versions import RowVersion
from detector.core.stage import HEADER
from detector.core.topology import Node, Topology
from detector.jst import DAY_MS
from detector.settings import Settings
from detector.stream.changelog import HEADER_KEY
from detector.stream.pairs import KEY
from detector.stream.processor import Processor, Wiring

SETTINGS = Settings(ttl_days=32, partitions=1)
TTL_MS = SETTINGS.ttl_days * DAY_MS
SOURCES = SETTINGS.account_events, SETTINGS.wallet_events
_IDS = {SETTINGS.alerts: "alert_id", SETTINGS.bulletins: "bulletin_id"}
#: Behind the name of an alert in the topic of its bank.
OF_ITS_BANK = " of its bank"
#: What every row begins with.
ROW = np.dtype(list(HEADER))
#: Writer ids for each name of a process.
WRITERS = 100

Queue = tuple[str, int]  # topic and partition
KeyValue = tuple[bytes | None, bytes | None]


class Record(NamedTuple):
    """A record as the worker reads it."""

    offset: int
    key: bytes | None
    value: bytes
    timestamp: int = 0
    marker: bool = False  # of a transaction: an offset that nobody is given


@dataclass(frozen=True, eq=False)
class Scene:
    """What all workers of a world share; `inputs` are the partitions held, `parts` what workers are made of."""

    topology: Topology
    model: Any
    inputs: tuple[TP, ...]
    parts: Any
    partitions: int = 1  # of every topic
    waits_for_room: bool = False  # the producer, before it takes an alert or a dead letter
    most_in_flight: int = 10_000  # chunks
    reads_rows: bool = False  # restoring takes time
    alert_banks: tuple[str, ...] = ()  # as the setting

    @cached_property
    def wiring(self) -> Wiring:
        """What the project's code makes of it."""
        return Wiring(self.topology, self.model, self.partitions, SOURCES)


class Commit(NamedTuple):
    """A commit that a worker asks for, in the generation it is of."""

    positions: tuple[tuple[TP, int, str], ...]
    name: int


def node_of(topology: Topology, tp: TP) -> Node:
    """The node whose input the partition is of."""
    return next(node for node in topology.nodes if SETTINGS.input_topic(node) == tp.topic)


def input_of(node: Node, partition: int = 0) -> TP:
    """A node's input partition."""
    return TP(SETTINGS.input_topic(node), partition)


def output_id(topic: str, key: bytes, value: bytes) -> str:
    """Identifies an output among all."""
    if topic.startswith(SETTINGS.alerts + "."):
        return f"{output_id(SETTINGS.alerts, key, value)}{OF_ITS_BANK}"
    return str(msgspec.json.decode(value)[_IDS[topic]]) if topic in _IDS else key.decode()


def told_of(topic: str, records: tuple[KeyValue, ...]) -> str:
    """Records for people."""
    return ", ".join(_told_of(topic, key or b"", value) for key, value in records)


def _told_of(topic: str, key: bytes, value: bytes | None) -> str:
    if key == HEADER_KEY:
        return "the header"
    if ".rows." in topic:
        found, writer = (int(number) for number in np.frombuffer(key, KEY)[0])
        of = f"of key {found % 997} by W{writer // WRITERS}"
        return f"tombstone {of}" if value is None else f"row {of} at {np.frombuffer(value, ROW, 1)[0]['last_offset']}"
    if ".hop." in topic:
        return f"hop message of {len(value or b'')} bytes"
    return f"{topic} {output_id(topic, key, value or b'')}"


def hop_messages(scene: Scene, partition: int, chunks: Sequence[tuple[Record, ...]]) -> list[bytes]:
    """What the first node sends on, to the first input of the scene, of `chunks` of its own: a message each."""
    node, target = scene.topology.nodes[0], node_of(scene.topology, scene.inputs[0]).name
    pipeline = Pipeline(scene.topology, node, scene.model, ttl_ms=TTL_MS)
    processor = Processor(scene.wiring, partition, pipeline, scene.wiring.marks(node))
    sent = (output for chunk in chunks for output in processor.process(list(chunk)).outputs)
    return [output.value for output in sent if output.topic == target]


def names_in(changelog: Sequence[KeyValue]) -> set[int]:
    """Names of those whose rows are in a changelog."""
    keys = b"".join(key for key, _ in changelog if key != HEADER_KEY and key is not None)
    return {int(writer) // WRITERS for writer in np.frombuffer(keys, KEY)["writer"]}


def newer_rows(changelog: tuple[KeyValue, ...]) -> tuple[KeyValue, ...]:
    """The changelog as a newer release would have written it: its rows have the next version."""
    return tuple((key, value if key == HEADER_KEY or not value else _newer(value)) for key, value in changelog)


def _newer(value: bytes) -> bytes:
    row = np.frombuffer(value, np.uint8).copy()
    row[:2].view("<u2")[0] += 1  # the version lies first, in every release
    return row.tobytes()


def older_rows(changelog: tuple[KeyValue, ...]) -> tuple[KeyValue, ...]:
    """The changelog as a release before would have written it; rows of cases as they are."""
    return tuple((key, value if key == HEADER_KEY or not value else _older(value)) for key, value in changelog)


def _older(value: bytes) -> bytes:
    if len(value) != COUNTING.row.itemsize:
        return value
    now = RowVersion(COUNTING.version, COUNTING.kernel_hash, COUNTING.row)
    before, rows = COUNTING_BEFORE, np.frombuffer(value, COUNTING.row)
    return now.read(rows, before.row, before.version, before.kernel_hash).tobytes()


def topics_of(topology: Topology) -> tuple[set[str], set[str]]:
    """Changelog topics and hop topics of a topology."""
    hops = {SETTINGS.input_topic(node) for node in topology.nodes if node.source is None}
    return {SETTINGS.rows_topic(node.name) for node in topology.nodes}, hops


def rows_of(pipeline: Any) -> tuple[Any, ...]:
    """The rows that have not expired, by key, without what depends on where hop messages were cut."""
    rows = pipeline.rows.snapshot()
    rows = rows[pipeline.watermark_ms - rows["last_seen_ms"] <= pipeline.ttl_ms]
    own = [name for name in rows.dtype.names if name not in {"last_offset", "last_index"}]
    return (pipeline.watermark_ms, tuple(tuple(bytes(row[name].tobytes()) for name in own) for row in rows))
