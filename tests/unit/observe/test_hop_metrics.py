"""What the nodes of a worker tell of the hops between them, from a transfer and a debit that pass them."""

from dataclasses import replace
from typing import Any

import pytest
from faust.types import TP
from support.chains import model_of
from support.events import START_MS, debit, key, message, transfer
from support.hops import record

from detector.core.chains import WALLET_CHAIN
from detector.core.pipeline import Pipeline
from detector.core.topology import FORWARDER, Node, topology_of
from detector.jst import DAY_MS
from detector.observe.metrics import Metrics
from detector.stream.changelog import Superseded, no_pairs
from detector.stream.partition_task import PartitionTask
from detector.stream.processor import Processed, Processor, Wiring
from detector.stream.reporting import Reporting

TOPOLOGY = topology_of(WALLET_CHAIN)
#: So small a budget that nothing alerts.
QUIET = 1e-9


class Nodes:
    """One partition of each node of a worker, in memory, with its metrics."""

    def __init__(self) -> None:
        self.metrics = Metrics("1")
        self._reporting = Reporting(self.metrics, [node.name for node in TOPOLOGY.nodes], burn_in_days=14)
        wiring = Wiring(TOPOLOGY, replace(model_of(WALLET_CHAIN), budget=QUIET), 1, ("account-events", "wallet-events"))
        self._tasks = {node.name: _task(wiring, node) for node in TOPOLOGY.nodes}

    def process(self, node: str, *values: bytes, keys: tuple[bytes | None, ...] = ()) -> Processed:
        """A chunk of the node's input, and what becomes of it."""
        task = self._tasks[node]
        keys = keys or (None,) * len(values)
        records: list[Any] = [
            record(value, task.position + place, key, START_MS)
            for place, (value, key) in enumerate(zip(values, keys, strict=True))
        ]
        processed = task.processor.process(records)
        task.position += len(records)
        self._reporting.processed(task, processed, 0.001)
        return processed

    def publish(self, node: str, event: dict[str, Any]) -> list[bytes]:
        """An event on a source topic; the messages that go on."""
        return [output.value for output in self.process(node, message(event), keys=(key(event),)).outputs]

    def counted(self, name: str, stage: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, {"stage": stage})


def _task(wiring: Wiring, node: Node) -> PartitionTask:
    pipeline = Pipeline(TOPOLOGY, node, wiring.model, ttl_ms=400 * DAY_MS)
    processor = Processor(wiring, 0, pipeline, wiring.marks(node))
    return PartitionTask(TP(node.name, 0), 1, processor, Superseded(no_pairs()), 0, node=node.name)


@pytest.fixture
def nodes() -> Nodes:
    return Nodes()


def test_each_stage_counts_the_messages_and_bytes_that_it_sends_on(nodes: Nodes) -> None:
    from_accounts, from_wallets = nodes.publish("account", debit()), nodes.publish(FORWARDER, transfer())
    nodes.process("wallet", *from_accounts, *from_wallets)
    for stage, sent in (("account", from_accounts), (FORWARDER, from_wallets), ("wallet", []), ("cases", [])):
        assert len(sent) == nodes.counted("kozamori_hop_messages_total", stage), stage
        assert sum(map(len, sent)) == nodes.counted("kozamori_hop_bytes_total", stage), stage
    assert len(from_accounts) == len(from_wallets) == 1


def test_what_a_restarted_upstream_sends_again_is_counted_as_repeats_and_as_nothing_else(nodes: Nodes) -> None:
    sent = [*nodes.publish("account", debit()), *nodes.publish(FORWARDER, transfer())]
    nodes.process("wallet", *sent)
    assert nodes.counted("kozamori_hop_repeats_total", "wallet") == 0
    nodes.process("wallet", *sent)
    assert nodes.counted("kozamori_hop_repeats_total", "wallet") == 3  # a transfer has two sides
    assert nodes.counted("kozamori_chunk_events_sum", "wallet") == 2
    assert nodes.counted("kozamori_replayed_total", "wallet") == 0


def test_an_event_counts_in_every_stage_it_passes_and_once_where_it_came_in(nodes: Nodes) -> None:
    nodes.process("wallet", *nodes.publish("account", debit()), *nodes.publish(FORWARDER, transfer()))
    found = {stage: nodes.counted("kozamori_chunk_events_sum", stage) for stage in ("account", FORWARDER, "wallet")}
    assert found == {"account": 1, FORWARDER: 1, "wallet": 2}
