"""A further node is a row, a compiled function, a feature and a line of wiring: here one that counts a wallet's debits.

Once as one more stage of a chain, whose feature the model reads, once as a side output that an edge leads to. The
nodes of a worker, through real hop messages, give the same results of a log as a run in memory.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import njit
from support.chains import Sourced, mixed_records, model_of, one_log
from support.nodes import TTL_MS, Nodes
from support.source_logs import TOPICS

from detector.contract.alerts import encode_alert
from detector.contract.vocabulary import DEBIT
from detector.core.admission import APPLY_FRESH
from detector.core.alerting import Explainer
from detector.core.chains import WALLET_CHAIN
from detector.core.memory import MemoryRun
from detector.core.model import Model
from detector.core.pipeline import Outcome
from detector.core.stage import HEADER, Chain, Feature, Stage
from detector.core.stages.account import ACCOUNT
from detector.core.stages.wallet import WALLET
from detector.core.topology import Edge, Node, Topology, applied, topology_of
from detector.stream.processor import ALERTS, Wiring

EVENTS = 700

ROW = np.dtype([*HEADER, ("debits", "<i4")])


@njit
def _count_debits(
    rows: Any, row_ids: Any, status: Any, batch: Any, start: int, stop: int, X: Any, facts: Any
) -> None:  # pragma: no cover - compiled
    for i in range(start, stop):
        if status[i] <= APPLY_FRESH:
            row = rows[row_ids[i]]
            if status[i] == APPLY_FRESH:
                row.debits = 0
            row.debits += batch.kind[i] == DEBIT
            X[i].toy_debits = row.debits


FEATURE = Feature("toy_debits", "debits so far", "count", 1, ("link", "debit"), "{value}, usually {usual}", "{value}")
TOY = Stage("toy", "wallet", ROW, 1, _count_debits, (FEATURE,), frozenset({"wallet", "kind"}))

CHAIN = Chain((ACCOUNT, WALLET, TOY))


def with_side_output() -> Topology:
    """The wallet chain's topology with a toy that also gets every event that the accounts' node applied."""
    plain = topology_of(WALLET_CHAIN)
    account, *others = plain.nodes
    extended = replace(account, edges=(*account.edges, Edge(TOY.name, applied)))
    return Topology(WALLET_CHAIN, (extended, *others, Node(TOY.name, TOY)))


class Result(NamedTuple):
    """A node's result for an event, named by its source record."""

    origin: int
    offset: int
    role: int
    status: int
    toy: bytes


def results(outcome: Outcome, column: int) -> Iterator[Result]:
    batch = outcome.events.batch
    for i, status in enumerate(outcome.status.tolist()):
        toy = outcome.events.X[i, column].tobytes()
        yield Result(int(batch.origin[i]), int(batch.origin_offset[i]), int(batch.role[i]), status, toy)


def through_hops(topology: Topology, model: Model, partitions: int) -> tuple[Nodes, list[Result]]:
    """One record after the other, each with all messages to later nodes: the toy's results in a worker."""
    nodes = Nodes(Wiring(topology, model, partitions, TOPICS))
    names = {node.source: node.name for node in topology.nodes}
    column = topology.columns_of(TOY.name).start
    found: list[Result] = []
    for source, partition, record in log(partitions):
        for name, processed in nodes.follow(names[source], partition, [record]):
            if name == TOY.name:
                found += results(processed.outcome, column)
    return nodes, found


def log(partitions: int) -> tuple[Sourced, ...]:
    return mixed_records(EVENTS, partitions)


def kept(rows: list[Any]) -> dict[int, bytes]:
    """Rows by key, without the position of the last event."""
    found: dict[int, bytes] = {}
    for part in rows:
        part["last_offset"], part["last_index"] = 0, 0
        found |= {int(row["key"]): row.tobytes() for row in part}
    return found


@pytest.mark.parametrize("partitions", [1, 3])
def test_one_more_stage_of_a_chain_is_the_same_in_a_worker_and_in_memory(partitions: int) -> None:
    model, topology = model_of(CHAIN), topology_of(CHAIN)
    assert topology.columns_of(TOY.name).start in model.columns, "the model looks at it"
    nodes, found = through_hops(topology, model, partitions)
    run, events = MemoryRun(topology, model, ttl_ms=TTL_MS), one_log(log(partitions))
    played = run.process(events.batch, events.strings)
    column = topology.columns_of(TOY.name).start
    assert list(results(played.last, column)) == found
    assert kept([run.pipelines[TOY.name].rows.snapshot()]) == kept(nodes.rows(TOY.name))
    assert len({one.toy for one in found}) > 5
    explained = Explainer(model, CHAIN, TOPICS).explain(played.cases.events, played.cases.raised)
    alerts = [encode_alert(alert) for alert in explained]
    assert alerts == [output.value for output in nodes.outputs if output.topic == ALERTS]
    assert any(b"toy_debits" in alert for alert in alerts), "no reason names it"


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_side_output_is_the_same_in_a_worker_and_in_memory_and_changes_nothing_else(partitions: int) -> None:
    model, topology = model_of(WALLET_CHAIN), with_side_output()
    nodes, found = through_hops(topology, model, partitions)
    run, events = MemoryRun(topology, model, ttl_ms=TTL_MS), one_log(log(partitions))
    played = run.process(events.batch, events.strings)
    column = topology.columns_of(TOY.name).start
    # An account's events come in order, those of one wallet with accounts in two partitions too: one record at a time.
    assert list(results(played.outcomes[TOY.name], column)) == found
    assert kept([run.pipelines[TOY.name].rows.snapshot()]) == kept(nodes.rows(TOY.name))
    assert len({one.toy for one in found}) > 5
    plain = MemoryRun(topology_of(WALLET_CHAIN), model, ttl_ms=TTL_MS).process(events.batch, events.strings)
    explained = Explainer(model, WALLET_CHAIN, TOPICS).explain(plain.cases.events, plain.cases.raised)
    alerts = [encode_alert(alert) for alert in explained]
    assert alerts == [output.value for output in nodes.outputs if output.topic == ALERTS]
    assert len(alerts) > 10


def test_an_event_crosses_the_toys_hop_with_what_it_reads_and_no_features() -> None:
    topology = with_side_output()
    layout = Wiring(topology, model_of(WALLET_CHAIN), 1, TOPICS).codecs[TOY.name].layout
    assert {*TOY.reads} <= {*layout.columns}
    assert "shop" not in layout.columns
    assert "auth" not in layout.columns
    assert ("account",) == topology.upstreams(TOY.name)
