"""What a hop carries: what later nodes read of an event, and no more."""

import pytest
from support.chains import model_of
from support.crossings import Looks

from detector.contract.vocabulary import KINDS
from detector.core.chains import CHAINS, SOURCE_CHAIN
from detector.core.stage import Chain
from detector.core.stages.account import ACCOUNT
from detector.core.stages.budget import BUDGET
from detector.core.stages.campaigns import CAMPAIGNS
from detector.core.topology import ALWAYS_READ, JUDGED, RAISED, Topology, topology_for, topology_of
from detector.stream.hop_head import NUMBERED, head_of, read_head
from detector.stream.hop_layout import POSITION_COLUMNS, Layout

TOPOLOGY = topology_of(SOURCE_CHAIN, BUDGET)
HOPS = [node.name for node in TOPOLOGY.nodes if node.source is None]


def names(topology: Topology, layout: Layout) -> set[str]:
    return {topology.features[index].name for index in layout.features}


def test_columns_are_those_that_the_nodes_behind_read() -> None:
    wallet, source, budget, cases = (set(Layout.into(TOPOLOGY, hop, None).columns) for hop in HOPS)
    expected = {*ALWAYS_READ, *RAISED}
    assert expected == cases
    assert (cases | BUDGET.reads) == budget
    assert (budget | JUDGED | SOURCE_CHAIN.stages[2].reads) == source
    assert (source | SOURCE_CHAIN.stages[1].reads) == wallet
    assert cases < source
    assert source == wallet, "the wallet reads nothing that nobody behind it does"


@pytest.mark.parametrize("hop", HOPS)
def test_where_an_event_lies_is_in_no_hop(hop: str) -> None:
    assert not {*POSITION_COLUMNS} & {*Layout.into(TOPOLOGY, hop, None).columns}


def test_features_are_those_of_the_nodes_before() -> None:
    stages = SOURCE_CHAIN.stages
    for hop, before in zip(HOPS, (stages[:1], stages[:2], stages, stages), strict=True):
        expected = {feature.name for stage in before for feature in stage.features}
        assert expected == names(TOPOLOGY, Layout.into(TOPOLOGY, hop, None))


def test_of_them_those_that_the_model_looks_at_and_those_an_alert_needs_beside() -> None:
    looks = Looks.at(TOPOLOGY, "amount_yen", "amount_z", "wallet_age_s", "source_attempts_2d", "spent_share_24h")
    used = {TOPOLOGY.features[index] for index in looks.columns}
    beside = {feature.own_usual.ratio for feature in used if feature.own_usual}
    beside |= {feature.amount.of for feature in used if feature.amount and feature.amount.of}
    assert {"amount_ratio", "source_attempts_unusual", "holder_yen_24h"} == beside
    assert {feature.name for feature in used} | beside == names(TOPOLOGY, Layout.into(TOPOLOGY, "cases", looks))  # type: ignore[arg-type]
    own = {feature.name for feature in ACCOUNT.features}
    assert ({feature.name for feature in used} | beside) & own == names(
        TOPOLOGY,
        Layout.into(TOPOLOGY, "wallet", looks),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_kinds_with_features_are_those_that_the_model_scores(chain: Chain) -> None:
    model = model_of(chain)
    layout = Layout.into(topology_for(model), "cases", model)
    assert sorted(model.kinds) == sorted(KINDS[code] for code in layout.kinds)
    assert set(model.columns.tolist()) <= set(layout.features)
    assert len(KINDS) == len(Layout.into(topology_for(model), "cases", None).kinds) > len(layout.kinds)


def test_the_hop_of_the_campaigns_carries_no_features() -> None:
    layout = Layout.into(topology_for(model_of(SOURCE_CHAIN)), "campaigns", None)
    assert ((), frozenset()) == (layout.features, layout.optional)
    assert {*ALWAYS_READ, *CAMPAIGNS.reads} == {*layout.columns}


@pytest.mark.parametrize("hop", HOPS)
def test_a_header_names_its_layout(hop: str) -> None:
    for model in (None, Looks.at(TOPOLOGY), Looks.at(TOPOLOGY, "month_yen", kinds=("debit",))):
        layout = Layout.into(TOPOLOGY, hop, model)  # type: ignore[arg-type]
        assert layout.carried == read_head(layout.head)
        assert layout.head == head_of(layout.head + b"what follows")


def test_messages_of_the_release_before_are_known_by_the_numbers_that_it_computed() -> None:
    assert {0xB3009D40, 0x8709F23E, 0xE2F3523B} == set(NUMBERED)


def test_a_layout_covers_what_looks_at_less() -> None:
    everything = Layout.into(TOPOLOGY, "source", None).carried
    nothing = Layout.into(TOPOLOGY, "source", Looks.at(TOPOLOGY)).carried  # type: ignore[arg-type]
    assert everything.covers(everything)
    assert everything.covers(nothing)
    assert not nothing.covers(everything)
    assert everything.covers(everything._replace(kinds=everything.kinds[1:]))
    assert not everything._replace(kinds=everything.kinds[1:]).covers(everything)
    assert not everything._replace(columns=((), *everything.columns[1:])).covers(everything)
    assert not everything._replace(features=everything.features[1:]).covers(everything)
