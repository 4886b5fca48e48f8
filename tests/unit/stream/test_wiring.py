"""What the nodes of a chain read and send to: worked out by hand for chains of one, two and three stages."""

from dataclasses import replace
from typing import Any

import pytest
from support.stages import COUNTING

from detector.core.chains import CHAINS
from detector.core.stage import Chain
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


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_every_node_has_an_input_of_its_own(chain: Chain) -> None:
    nodes = topology_of(chain).nodes
    assert len(nodes) == len({SETTINGS.input_topic(node) for node in nodes})
