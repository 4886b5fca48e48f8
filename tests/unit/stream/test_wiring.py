"""What the nodes of a chain read and send to: worked out by hand for chains of one, two and three stages."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from support.stages import COUNTING

from detector.contract.batch import ACCOUNT_EVENTS, WALLET_EVENTS
from detector.core.chains import CHAINS
from detector.core.stage import Chain
from detector.core.stages.cases import CASES
from detector.core.topology import FORWARDER, Topology, topology_of
from detector.settings import Settings

SETTINGS = Settings(prefix="t.")


def named(*letters: str) -> Chain:
    """A chain of small stages, each with one feature more than the one before."""
    first = COUNTING.features[0]
    stages = []
    for size, letter in enumerate(letters, 1):
        features = tuple(replace(first, name=f"{letter}{i}") for i in range(size))
        stages.append(replace(COUNTING, name=letter, features=features))
    return Chain(tuple(stages))


def rows_of(topology: Topology) -> list[tuple[Any, ...]]:
    """A row a node: name, input topic, upstreams, targets, whether it judges and raises, its columns."""
    return [
        (
            node.name,
            SETTINGS.input_topic(node),
            topology.upstreams(node.name),
            [edge.target for edge in node.edges],
            (node.judges, node.raises),
            topology.columns_of(node.name),
        )
        for node in topology.nodes
    ]


NEITHER, JUDGES, RAISES = (False, False), (True, False), (False, True)
EXPECTED = {
    ("a",): [
        ("a", "t.account-events", (), ["cases"], JUDGES, slice(0, 1)),
        ("cases", "t.kozamori.hop.cases", ("a",), [], RAISES, slice(1, 1)),
    ],
    ("a", "w"): [
        ("a", "t.account-events", (), ["w"], NEITHER, slice(0, 1)),
        (FORWARDER, "t.wallet-events", (), ["w"], NEITHER, slice(1, 1)),
        ("w", "t.kozamori.hop.w", ("a", FORWARDER), ["cases"], JUDGES, slice(1, 3)),
        ("cases", "t.kozamori.hop.cases", ("w",), [], RAISES, slice(3, 3)),
    ],
    ("a", "w", "s"): [
        ("a", "t.account-events", (), ["w"], NEITHER, slice(0, 1)),
        (FORWARDER, "t.wallet-events", (), ["w"], NEITHER, slice(1, 1)),
        ("w", "t.kozamori.hop.w", ("a", FORWARDER), ["s"], NEITHER, slice(1, 3)),
        ("s", "t.kozamori.hop.s", ("w",), ["cases"], JUDGES, slice(3, 6)),
        ("cases", "t.kozamori.hop.cases", ("s",), [], RAISES, slice(6, 6)),
    ],
}


@pytest.mark.parametrize("letters", EXPECTED, ids="-".join)
def test_a_chain_is_wired_as_by_hand(letters: tuple[str, ...]) -> None:
    assert EXPECTED[letters] == rows_of(topology_of(named(*letters)))


ALL = [topology_of(chain) for chain in (*CHAINS, *(named(*letters) for letters in (*EXPECTED, ("a", "w", "s", "c"))))]


@pytest.mark.parametrize("topology", ALL, ids=lambda topology: topology.chain.name)
def test_what_holds_of_every_topology(topology: Topology) -> None:
    names = [node.name for node in topology.nodes]
    assert len(names) == len(set(names))
    assert len(names) == len({SETTINGS.input_topic(node) for node in topology.nodes}), "one input, one node"
    assert [*topology.chain.stages, CASES] == [node.stage for node in topology.nodes if node.stage is not None]
    assert [topology.chain.stages[-1].name] == [node.name for node in topology.nodes if node.judges]
    assert [CASES.name] == [node.name for node in topology.nodes if node.raises]
    assert [CASES.name] == [node.name for node in topology.nodes if not node.edges]
    for node in topology.nodes:
        assert node is topology.node(node.name)
        upstreams = topology.upstreams(node.name)
        assert (node.source is None) == bool(upstreams), "an input is a source, or is filled"
        assert (node.stage is None) == (node.name == FORWARDER)
        for upstream in upstreams:
            assert [node.name] == [edge.target for edge in topology.node(upstream).edges]
            assert names.index(upstream) < names.index(node.name), "in the order in which an event meets them"
            assert topology.columns_of(upstream).stop <= topology.columns_of(node.name).start


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
