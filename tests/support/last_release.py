"""A small state that the last release wrote: rows, marks, hop messages under way, its model; and how it went on.

`python -m support.last_release FILE`, in `tests` and with the checkout of a release on PYTHONPATH, writes it; done once
a release, when it is out, over `golden/last_release.bin`.
"""

import hashlib
import sys
import zlib
from pathlib import Path
from typing import Any

import msgspec
from support.chains import draft_of, mixed_records
from support.nodes import NodePartition, Nodes
from support.source_logs import TOPICS

from detector.artifact import pack, unpack
from detector.core.chains import SOURCE_CHAIN
from detector.core.topology import topology_of
from detector.kafka.marks import Marks, encode_marks
from detector.stream.changelog import encode_rows
from detector.stream.processor import ALERTS, Wiring

FILE = Path(__file__).parents[1] / "golden" / "last_release.bin"
EVENTS, FIRST, PARTITIONS, CHUNK = 1_200, 800, 2, 50
#: Of what lies in each hop the last release has read this part when it stops.
READ = 0.6


class Kept(msgspec.Struct):
    """A record: key, value, offset, timestamp."""

    key: bytes | None
    value: bytes
    offset: int
    timestamp: int


class Part(msgspec.Struct):
    """A partition of a node: its changelog's rows, its commit, and the records of its input from there on."""

    node: str
    partition: int
    rows: list[tuple[bytes, bytes]]
    offset: int
    marks: str
    input: list[Kept]


class State(msgspec.Struct):
    """The model's files, all partitions, and what the last release then came to: SHA-256 of each alert, and rows."""

    model: dict[str, bytes]
    parts: list[Part]
    alerts: list[bytes]
    rows: list[tuple[str, int, bytes]]


def read() -> State:
    """What is checked in."""
    return msgspec.msgpack.decode(zlib.decompress(FILE.read_bytes()), type=State)


def go_on(nodes: Nodes, sources: dict[NodePartition, list[Any]], done: dict[NodePartition, int]) -> list[bytes]:
    """Every node over what of its input is not `done`; SHA-256 of each alert."""
    for node in nodes.wiring.topology.nodes:
        for place in [(node.name, partition) for partition in range(PARTITIONS)]:
            log = nodes.hops.get(place, []) if node.source is None else sources.get(place, [])
            for start in range(done[place], len(log), CHUNK):
                nodes.take(*place, log[start : start + CHUNK])
    return [hashlib.sha256(output.value).digest() for output in nodes.outputs if output.topic == ALERTS]


def rows_of(nodes: Nodes) -> list[tuple[str, int, bytes]]:
    """All rows by node and partition."""
    return [
        (node.name, partition, rows.tobytes())
        for node in nodes.wiring.topology.nodes
        if node.stage is not None
        for partition, rows in enumerate(nodes.rows(node.name))
    ]


def main() -> None:
    """Write the file."""
    files, topology = pack(draft_of(SOURCE_CHAIN)), topology_of(SOURCE_CHAIN)
    nodes = Nodes(Wiring(topology, unpack(files, SOURCE_CHAIN), PARTITIONS, TOPICS))
    names = {node.source: node.name for node in topology.nodes if node.source is not None}
    sources: dict[NodePartition, list[Any]] = {}
    done: dict[NodePartition, int] = {}
    for number, one in enumerate(mixed_records(EVENTS, PARTITIONS)):
        place = names[one.source], one.partition
        sources.setdefault(place, []).append(one.record)
        done[place] = len(sources[place]) if number < FIRST else done.get(place, 0)
    for node in topology.nodes:
        for place in [(node.name, partition) for partition in range(PARTITIONS)]:
            if node.source is None:
                done[place] = int(READ * len(nodes.hops.get(place, [])))
            log = nodes.hops.get(place, []) if node.source is None else sources.get(place, [])
            if done[place]:
                nodes.take(*place, log[: done[place]])
    parts = [_part(nodes, place, done[place], sources) for place in sorted(done)]
    nodes.outputs.clear()
    state = State(files, parts, go_on(nodes, sources, done), rows_of(nodes))
    Path(sys.argv[1]).write_bytes(zlib.compress(msgspec.msgpack.encode(state), 9))
    rows, size = sum(len(part.rows) for part in parts), Path(sys.argv[1]).stat().st_size
    print(f"{len(state.alerts)} alerts, {rows} rows, {sum(len(p.input) for p in parts)} records waiting, {size} bytes")


def _part(nodes: Nodes, place: NodePartition, offset: int, sources: dict[NodePartition, list[Any]]) -> Part:
    processor, topology = nodes.processor(*place), nodes.wiring.topology
    pipeline = processor.pipeline
    high_water = tuple(processor.marks.marks.tolist())
    marks = Marks(pipeline.watermark_ms, "id", high_water, topology.upstreams_crc(place[0]), pipeline.begun_ms)
    log = sources.get(place, []) if pipeline.node.source is not None else nodes.hops.get(place, [])
    waiting = [Kept(one.key, one.value, one.offset, one.timestamp) for one in log[offset:]]
    written = [(key, value or b"") for key, value in encode_rows(pipeline.rows.snapshot(), 7)]
    return Part(*place, written, offset, encode_marks(marks), waiting)


if __name__ == "__main__":
    main()
