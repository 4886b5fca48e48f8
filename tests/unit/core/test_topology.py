"""The nodes, what each reads and sends, worked out by hand for chains of one, two and three stages."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from support.models import make_batch, make_model
from support.stages import COUNTING

from detector.contract.batch import OWN, RECEIVING
from detector.contract.vocabulary import ACCOUNT_EVENTS, WALLET_EVENTS
from detector.core.budget_controller import controller_of
from detector.core.chains import CHAINS
from detector.core.events import Events
from detector.core.stage import ESCALATED, OF_LIMIT, TURNED_DOWN, Chain
from detector.core.stages.budget import BUDGET
from detector.core.stages.cases import CASES
from detector.core.topology import (
    FORWARDER,
    Edge,
    Node,
    Select,
    Topology,
    applied,
    escalated,
    own_side,
    topology_for,
    topology_of,
    within_budget,
)


def named(*letters: str) -> Chain:
    """A chain of small stages, each with one feature more than the one before."""
    first = COUNTING.features[0]
    stages = []
    for size, letter in enumerate(letters, 1):
        features = tuple(replace(first, name=f"{letter}{i}") for i in range(size))
        stages.append(replace(COUNTING, name=letter, features=features))
    return Chain(tuple(stages))


Described = tuple[str, int | None, tuple[str, ...], tuple[tuple[str, Select], ...], bool, bool, tuple[int, int]]


def described(topology: Topology, node: Node) -> Described:
    edges = tuple((edge.target, edge.select) for edge in node.edges)
    columns = topology.columns_of(node.name)
    where = columns.start, columns.stop
    return node.name, node.source, topology.upstreams(node.name), edges, node.judges, node.raises, where


A, W = ACCOUNT_EVENTS, WALLET_EVENTS
#: (name, source topic, upstreams, edges, whether it judges and raises, where its features stand).
EXPECTED: dict[tuple[str, ...], list[Described]] = {
    ("a",): [
        ("a", A, (), (("cases", escalated),), True, False, (0, 1)),
        ("cases", None, ("a",), (), False, True, (1, 1)),
    ],
    ("a", "w"): [
        ("a", A, (), (("w", own_side),), False, False, (0, 1)),
        (FORWARDER, W, (), (("w", applied),), False, False, (1, 1)),
        ("w", None, ("a", FORWARDER), (("cases", escalated),), True, False, (1, 3)),
        ("cases", None, ("w",), (), False, True, (3, 3)),
    ],
    ("a", "w", "s"): [
        ("a", A, (), (("w", own_side),), False, False, (0, 1)),
        (FORWARDER, W, (), (("w", applied),), False, False, (1, 1)),
        ("w", None, ("a", FORWARDER), (("s", own_side),), False, False, (1, 3)),
        ("s", None, ("w",), (("cases", escalated),), True, False, (3, 6)),
        ("cases", None, ("s",), (), False, True, (6, 6)),
    ],
}


@pytest.mark.parametrize("letters", EXPECTED, ids="-".join)
def test_a_chain_is_wired_as_by_hand(letters: tuple[str, ...]) -> None:
    topology = topology_of(named(*letters))
    assert EXPECTED[letters] == [described(topology, node) for node in topology.nodes]
    assert not topology.controlled


def test_a_budget_controller_stands_between_the_judging_node_and_the_cases() -> None:
    topology = topology_of(named("a", "w"), BUDGET)
    assert [
        ("w", None, ("a", FORWARDER), (("budget", escalated),), True, False, (1, 3)),
        ("budget", None, ("w",), (("cases", within_budget),), False, False, (3, 3)),
        ("cases", None, ("budget",), (), False, True, (3, 3)),
    ] == [described(topology, node) for node in topology.nodes[2:]]
    assert topology.controlled


TOPOLOGIES = [
    *(topology_of(chain, BUDGET if controlled else None) for chain in CHAINS for controlled in (False, True)),
    *(topology_of(named(*letters)) for letters in (*EXPECTED, ("a", "w", "s", "c"))),
]


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=lambda topology: "-".join(node.name for node in topology.nodes))
def test_what_holds_of_every_topology(topology: Topology) -> None:
    names = [node.name for node in topology.nodes]
    assert len(names) == len(set(names))
    assert ["cases"] == [node.name for node in topology.nodes if not node.edges], "the last alone sends alerts"
    controller = [BUDGET] if topology.controlled else []
    stages = [node.stage for node in topology.nodes if node.stage is not None]
    assert [*topology.chain.stages, *controller, CASES] == stages
    assert [topology.chain.stages[-1].name] == [node.name for node in topology.nodes if node.judges]
    assert ["cases"] == [node.name for node in topology.nodes if node.raises]
    features = [feature for node in topology.nodes for feature in topology.features[topology.columns_of(node.name)]]
    assert list(topology.features) == features
    assert len(features) == topology.width
    for node in topology.nodes:
        assert node is topology.node(node.name)
        assert (node.source is None) == bool(topology.upstreams(node.name)), "an input is a source, or is filled"
        assert (node.stage is None) == (node.name == FORWARDER)
        for edge in node.edges:
            assert names.index(node.name) < names.index(edge.target), "in the order in which an event meets them"
            assert node.name in topology.upstreams(edge.target)
            assert topology.behind(edge.target) < topology.behind(node.name)


def test_accounts_alone_read_no_wallet_events() -> None:
    sources = [[node.source for node in topology_of(chain).nodes if node.source is not None] for chain in CHAINS]
    assert [ACCOUNT_EVENTS] == sources[0]
    assert [[ACCOUNT_EVENTS, WALLET_EVENTS]] * (len(CHAINS) - 1) == sources[1:]
    assert [False, *[True] * (len(CHAINS) - 1)] == [chain.reads_wallet_events for chain in CHAINS]


def test_a_longer_chain_has_the_nodes_of_a_shorter() -> None:
    for shorter, longer in pairwise(CHAINS):
        assert {node.name for node in topology_of(shorter).nodes} < {node.name for node in topology_of(longer).nodes}


def test_an_unknown_node_is_no_node() -> None:
    with pytest.raises(StopIteration):
        topology_of(CHAINS[0]).node("wallet")


def test_behind_a_node_lies_all_that_its_events_may_reach() -> None:
    topology = topology_of(named("a", "w", "s"))
    assert {"a", "w", "s", "cases"} == topology.behind("a")
    assert {FORWARDER, "w", "s", "cases"} == topology.behind(FORWARDER)
    assert {"cases"} == topology.behind("cases")


def test_upstreams_are_identified_by_their_crc_and_a_source_has_none() -> None:
    two, three = topology_of(named("a", "w")), topology_of(named("a", "w", "s"))
    assert 0 == two.upstreams_crc("a") == two.upstreams_crc(FORWARDER)
    assert 0 != two.upstreams_crc("cases") != three.upstreams_crc("cases")
    assert two.upstreams_crc("w") == three.upstreams_crc("w")


def test_another_node_may_stand_beside_the_chain_if_its_features_come_behind() -> None:
    chain = named("a")
    first, cases = topology_of(chain).nodes
    toy = Node("toy", named("x", "toy").stages[1])
    fed = replace(first, edges=(*first.edges, Edge("toy", applied)))
    topology = Topology(chain, (fed, toy, cases))
    assert ["a0", "toy0", "toy1"] == [feature.name for feature in topology.features]
    assert slice(1, 3) == topology.columns_of("toy")
    assert ("a",) == topology.upstreams("toy") == topology.upstreams("cases")


@pytest.mark.parametrize("order", [("w", "a"), ("a",), ("a", "b", "w")])
def test_nodes_that_do_not_begin_with_the_features_of_the_chain_are_refused(order: tuple[str, ...]) -> None:
    stages = {stage.name: stage for stage in named("a", "w", "b").stages}
    nodes = tuple(Node(name, stages[name], source=ACCOUNT_EVENTS) for name in order)
    with pytest.raises(ValueError, match="a\\+w do not compute its features in order"):
        Topology(named("a", "w"), nodes)


def test_the_topology_of_a_model_is_that_of_its_chain_with_its_controller() -> None:
    model = replace(make_model(), stages=CHAINS[0].name)
    assert ["account", "cases", "campaigns"] == [node.name for node in topology_for(model).nodes]
    controlled = topology_for(model.with_controller())
    assert ["account", "budget", "cases", "campaigns"] == [node.name for node in controlled.nodes]
    assert controller_of(model) is None


#: Status, role, facts of five events, and what each edge selects of them.
STATUS = np.array([0, 1, 2, 3, 0, 0], np.int8)
FACTS = {ESCALATED: [1, 1, 1, 1, 0, 1], OF_LIMIT: [5, TURNED_DOWN, 5, 5, 0, 0]}
SELECTED: dict[Any, list[int]] = {
    applied: [0, 1, 4, 5],
    own_side: [0, 4, 5],
    escalated: [0, 1, 5],
    within_budget: [0, 4, 5],
}


@pytest.mark.parametrize("select", SELECTED, ids=lambda select: select.__name__)
def test_an_edge_selects_of_what_was_applied(select: Select) -> None:
    events = Events.fresh(make_batch(6, role=[OWN, RECEIVING, OWN, OWN, OWN, OWN]), 0)
    for fact, values in FACTS.items():
        events.facts[:, fact] = values
    found = select(events, STATUS)
    assert (SELECTED[select], np.dtype(np.int64)) == (found.tolist(), found.dtype)
