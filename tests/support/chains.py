"""A model of every chain, and source records of some simulated days, for tests that let a worker's nodes run."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from support.hops import record, simulated

from detector.artifact import Draft, pack, unpack
from detector.contract.batch import ACCOUNT_EVENTS, WALLET_EVENTS
from detector.core.model import Model
from detector.core.pipeline import PassThrough, Pipeline
from detector.core.stage import Chain
from detector.core.topology import Node
from detector.jst import DAY_MS
from detector.stream.processor import Output, Processor, Wiring
from models.datasets import collect
from models.training import Plan, train
from producers.batches import to_batches
from producers.publish import messages_of
from producers.scenarios import SCENARIOS, sized
from producers.simulation import tables

#: Records of each source topic (by its code) and partition.
Log = dict[tuple[int, int], list[Any]]
TTL_MS = 400 * DAY_MS
TOPICS = ("account-events", "wallet-events")


@cache
def draft_of(chain: Chain) -> Draft:
    """A model of some days of normal life, with an ear so fine that there are many alerts; it has no name yet."""
    august = sized(replace(SCENARIOS["normal"], seed=5, days=12), 12_000)
    batches = (batch for table, _ in tables(august) for batch in to_batches(table, 10**6, which="all"))
    return train(collect(batches, chain, TTL_MS), chain, Plan(budget=500.0, trees=20, max_samples=64), "0" * 64)


@cache
def model_of(chain: Chain) -> Model:
    """The model of `draft_of`."""
    return unpack(pack(draft_of(chain)), chain)


def source_records(events: int, partitions: int) -> Log:
    """What both source topics hold of simulated events; a record has the timestamp of its event."""
    messages = messages_of(simulated(events), (TOPICS[0], partitions), (TOPICS[1], partitions))
    log: Log = {
        (source, partition): [] for source in (ACCOUNT_EVENTS, WALLET_EVENTS) for partition in range(partitions)
    }
    for i, (topic, partition) in enumerate(zip(messages.topics, messages.partitions, strict=True)):
        records = log[TOPICS.index(topic), partition]
        stamp = int(messages.occurred_at_ms[i])
        records.append(record(messages.values[i], len(records), messages.keys[i], stamp))
    return log


class Nodes:
    """All nodes of a flow in memory, with the records of every hop."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.hops: dict[tuple[str, int], list[Any]] = {}
        self.outputs: list[Output] = []
        self._processors: dict[tuple[str, int], Processor] = {}

    def processor(self, node: Node, partition: int) -> Processor:
        """What is done with a partition of a node."""
        if (node.name, partition) not in self._processors:
            pipeline: Pipeline | PassThrough = PassThrough(ttl_ms=TTL_MS)
            if node.stage is not None:
                pipeline = Pipeline(node.stage, self.wiring.model if node.judges else None, ttl_ms=TTL_MS)
            made = self.wiring.processor(node, partition, pipeline, self.wiring.seen(node))
            self._processors[node.name, partition] = made
        return self._processors[node.name, partition]

    def run(self, log: Log, size: int) -> None:
        """The whole log, node by node, in chunks of `size` records."""
        for node in self.wiring.flow.nodes:
            for partition in range(self.wiring.partitions):
                for chunk in _chunks(self.records(log, node, partition), size):
                    self.take(node, partition, chunk)

    def records(self, log: Log, node: Node, partition: int) -> list[Any]:
        """What the node's input holds."""
        return self.hops.get((node.name, partition), []) if node.source is None else log[node.source, partition]

    def again(self) -> None:
        """Every hop sent once more, as an upstream does that was restarted: nothing comes of it."""
        sent = len(self.outputs)
        for (name, partition), records in list(self.hops.items()):
            more = [record(found.value, len(records) + i) for i, found in enumerate(records)]
            self.take(self.wiring.flow.node(name), partition, more)
        assert sent == len(self.outputs)

    def take(self, node: Node, partition: int, records: list[Any]) -> None:
        """The next chunk of one partition."""
        for output in self.processor(node, partition).process(records).outputs:
            if output.partition is None:
                self.outputs.append(output)
            else:
                hop = self.hops.setdefault((output.topic, output.partition), [])
                hop.append(record(output.value, len(hop)))


def _chunks(records: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(records), size):
        yield records[start : start + size]
