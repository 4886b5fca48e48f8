"""What the stages of a chain read and write: worked out by hand for chains of one, two and three stages."""

from dataclasses import replace
from itertools import pairwise

import pytest
from support.stages import COUNTING

from detector.contract.batch import ACCOUNT_EVENTS, WALLET_EVENTS
from detector.core.chains import CHAINS
from detector.core.stage import Chain
from detector.core.stages.cases import CASES
from detector.settings import Settings
from detector.stream.flow import FORWARDER, Flow, Node, flow_of

SETTINGS = Settings(prefix="t.")


def named(*letters: str) -> Chain:
    """A chain of small stages, each with one feature more than the one before."""
    first = COUNTING.features[0]
    stages = []
    for size, letter in enumerate(letters, 1):
        features = tuple(replace(first, name=f"{letter}{i}") for i in range(size))
        stages.append(replace(COUNTING, name=letter, features=features))
    return Chain(tuple(stages))


def told(node: Node) -> tuple[str, str, tuple[str, ...], str | None, bool, int]:
    return node.name, node.topic(SETTINGS), node.upstreams, node.target, node.judges, node.before


#: (name, input topic, upstreams, target, whether it judges, features that events bring along).
EXPECTED = {
    ("a",): [
        ("a", "t.account-events", (), "cases", True, 0),
        ("cases", "t.kozamori.hop.cases", ("a",), None, False, 1),
    ],
    ("a", "w"): [
        ("a", "t.account-events", (), "w", False, 0),
        (FORWARDER, "t.wallet-events", (), "w", False, 1),
        ("w", "t.kozamori.hop.w", ("a", FORWARDER), "cases", True, 1),
        ("cases", "t.kozamori.hop.cases", ("w",), None, False, 3),
    ],
    ("a", "w", "s"): [
        ("a", "t.account-events", (), "w", False, 0),
        (FORWARDER, "t.wallet-events", (), "w", False, 1),
        ("w", "t.kozamori.hop.w", ("a", FORWARDER), "s", False, 1),
        ("s", "t.kozamori.hop.s", ("w",), "cases", True, 3),
        ("cases", "t.kozamori.hop.cases", ("s",), None, False, 6),
    ],
}


@pytest.mark.parametrize("letters", EXPECTED, ids="-".join)
def test_a_chain_is_wired_as_by_hand(letters: tuple[str, ...]) -> None:
    assert EXPECTED[letters] == [told(node) for node in flow_of(named(*letters)).nodes]


FLOWS = [flow_of(chain) for chain in (*CHAINS, *(named(*letters) for letters in (*EXPECTED, ("a", "w", "s", "c"))))]


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.chain.name)
def test_what_holds_of_every_flow(flow: Flow) -> None:
    names = [node.name for node in flow.nodes]
    assert len(names) == len(set(names))
    assert len(names) == len({node.topic(SETTINGS) for node in flow.nodes}), "one input, one node"
    assert [None, *[node.target for node in flow.nodes[:-1]]].count(None) == 1, "the last alone sends alerts"
    assert [*flow.chain.stages, CASES] == [node.stage for node in flow.nodes if node.stage is not None]
    assert [flow.chain.stages[-1].name] == [node.name for node in flow.nodes if node.judges]
    for node in flow.nodes:
        assert node is flow.node(node.name)
        assert (node.source is None) == bool(node.upstreams), "an input is a source, or is filled"
        assert (node.stage is None) == (node.name == FORWARDER)
        for upstream in node.upstreams:
            assert node.name == flow.node(upstream).target
            assert names.index(upstream) < names.index(node.name), "in the order in which an event meets them"
            before = flow.node(upstream)
            own = before.stage.features if before.stage is not None else ()
            assert before.before + len(own) == node.before


def test_accounts_alone_read_no_wallet_events() -> None:
    sources = [[node.source for node in flow_of(chain).nodes if node.source is not None] for chain in CHAINS]
    assert [ACCOUNT_EVENTS] == sources[0]
    assert [[ACCOUNT_EVENTS, WALLET_EVENTS]] * (len(CHAINS) - 1) == sources[1:]
    assert [False, *[True] * (len(CHAINS) - 1)] == [chain.reads_wallet_events for chain in CHAINS]


def test_a_longer_chain_has_the_nodes_of_a_shorter() -> None:
    for shorter, longer in pairwise(CHAINS):
        assert {node.name for node in flow_of(shorter).nodes} < {node.name for node in flow_of(longer).nodes}


def test_an_unknown_node_is_no_node() -> None:
    with pytest.raises(StopIteration):
        flow_of(CHAINS[0]).node("wallet")
