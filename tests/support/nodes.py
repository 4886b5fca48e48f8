"""A worker's nodes with hops in memory: its processors, and no more of a topology than `Wiring` knows."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from support.hops import record

from detector.core.expiry import ttl_of
from detector.core.pipeline import Pipeline
from detector.core.topology import Node
from detector.jst import DAY_MS
from detector.stream.processor import Output, Processed, Processor, Wiring

TTL_MS = 400 * DAY_MS
#: The input partition of a node, by the node's name.
NodePartition = tuple[str, int]
#: The records of a node's input partition, chunk by chunk.
Chunks = Callable[[Node, int], Iterable[list[Any]]]


class Nodes:
    """All partitions of all nodes.

    `hops` keeps the records of every hop partition; with a `sink` its messages go there instead. `outputs` are alerts
    and dead letters.
    """

    def __init__(
        self, wiring: Wiring, *, ttl_ms: int = TTL_MS, sink: Callable[[str, int, bytes], None] | None = None
    ) -> None:
        self.wiring = wiring
        self.hops: dict[NodePartition, list[Any]] = {}
        self.outputs: list[Output] = []
        self._ttl_ms = ttl_ms
        self._sink = sink or self._keep
        self._processors: dict[NodePartition, Processor] = {}

    def processor(self, name: str, partition: int = 0) -> Processor:
        """What is done with a partition of a node."""
        if (name, partition) not in self._processors:
            wiring = self.wiring
            node = wiring.topology.node(name)
            pipeline = Pipeline(wiring.topology, node, wiring.model, ttl_ms=ttl_of(name, self._ttl_ms))
            self._processors[name, partition] = Processor(wiring, partition, pipeline, wiring.marks(node))
        return self._processors[name, partition]

    def rows(self, name: str) -> list[Any]:
        """The rows of every partition of a node, sorted by key."""
        return [self.processor(name, part).pipeline.rows.snapshot() for part in range(self.wiring.partitions)]

    def run(self, chunks: Chunks) -> None:
        """Every node over its whole input, one after the other, partition by partition."""
        for node in self.wiring.topology.nodes:
            for partition in range(self.wiring.partitions):
                for records in chunks(node, partition):
                    self.take(node.name, partition, records)

    def hop(self, node: Node, partition: int, size: int) -> Iterator[list[Any]]:
        """What lies in a partition of a node's hop, in chunks of `size` records."""
        return in_chunks(self.hops.get((node.name, partition), []), size)

    def take(self, name: str, partition: int, records: list[Any]) -> Processed:
        """The next chunk of one partition."""
        processed = self.processor(name, partition).process(records)
        for output in processed.outputs:
            if output.partition is None:
                self.outputs.append(output)
            else:
                self._sink(output.topic, output.partition, output.value)
        return processed

    def follow(self, name: str, partition: int, records: list[Any]) -> Iterator[tuple[str, Processed]]:
        """The next chunk of one partition and at once all that comes of it in other nodes: each with its result."""
        waiting = deque([(name, partition, records)])
        while waiting:
            name, partition, records = waiting.popleft()
            before = {tp: len(kept) for tp, kept in self.hops.items()}
            yield name, self.take(name, partition, records)
            for tp, kept in self.hops.items():
                if more := kept[before.get(tp, 0) :]:
                    waiting.append((*tp, more))

    def again(self) -> None:
        """Every hop sent once more, as an upstream does that was restarted: nothing comes of it."""
        sent = len(self.outputs)
        for (name, partition), records in list(self.hops.items()):
            more = [record(found.value, len(records) + i) for i, found in enumerate(records)]
            processed = self.take(name, partition, more)
            assert 0 == processed.outcome.events.size < processed.repeats
        assert sent == len(self.outputs)

    def _keep(self, hop: str, partition: int, value: bytes) -> None:
        kept = self.hops.setdefault((hop, partition), [])
        kept.append(record(value, len(kept)))


def in_chunks(records: list[Any], size: int) -> Iterator[list[Any]]:
    """The records, `size` at a time."""
    for start in range(0, len(records), size):
        yield records[start : start + size]
