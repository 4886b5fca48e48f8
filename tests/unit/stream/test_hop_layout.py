"""What a hop carries: what later nodes read of an event, and no more."""

from dataclasses import replace

import pytest
from support.chains import model_of
from support.crossings import Looks
from support.stages import COUNTING

from detector.contract.vocabulary import KINDS
from detector.core.chains import ACCOUNT_CHAIN, CHAINS, SOURCE_CHAIN, WALLET_CHAIN
from detector.core.stage import Chain
from detector.core.stages.account import ACCOUNT
from detector.core.stages.budget import BUDGET
from detector.core.stages.campaigns import CAMPAIGNS
from detector.core.topology import ALWAYS_READ, JUDGED, RAISED, Topology, topology_for, topology_of
from detector.stream.hop_head import head_by_name, head_of, read_head
from detector.stream.hop_layout import POSITION_COLUMNS, Layout, catalogue_of

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
    assert cases < source < wallet


@pytest.mark.parametrize("hop", HOPS)
def test_where_an_event_lies_is_in_no_hop(hop: str) -> None:
    assert not {*POSITION_COLUMNS} & {*Layout.into(TOPOLOGY, hop, None).columns}


def test_features_are_those_of_the_nodes_before() -> None:
    stages = SOURCE_CHAIN.stages
    for hop, before in zip(HOPS, (stages[:1], stages[:2], stages, stages), strict=True):
        expected = {feature.name for stage in before for feature in stage.features}
        assert expected == names(TOPOLOGY, Layout.into(TOPOLOGY, hop, None))


def test_of_them_those_that_the_model_looks_at_and_those_an_alert_needs_beside() -> None:
    looks = Looks.at(TOPOLOGY, "amount_yen", "cap_left_yen", "wallet_age_s", "source_failures_2d", "dormant_s")
    used = {TOPOLOGY.features[index] for index in looks.columns}
    beside = {feature.own_usual.ratio for feature in used if feature.own_usual}
    beside |= {feature.same_as for feature in used if feature.same_as}
    beside |= {feature.amount.of for feature in used if feature.amount and feature.amount.of}
    assert {"amount_ratio", "cap_share", "source_failures_unusual", "gap_s"} == beside
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
    for model in (None, Looks.at(TOPOLOGY), Looks.at(TOPOLOGY, "cap_left_yen", kinds=("debit",))):
        layout = Layout.into(TOPOLOGY, hop, model)  # type: ignore[arg-type]
        for head in (layout.head, head_by_name(layout.carried)):
            assert layout.carried == read_head(head)
            assert head == head_of(head + b"what follows")


def test_topologies_of_the_release_before_are_named_as_it_named_them() -> None:
    # Both may share a group. CRCs as that release computed them.
    assert [0xB3009D40, 0x8709F23E, 0xE2F3523B] == [catalogue_of(topology_of(chain)) for chain in CHAINS]
    assert all(Layout.into(topology_of(chain), "cases", None).head.startswith(b"KZH2") for chain in CHAINS)


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


def test_a_feature_of_another_name_or_index_is_another_catalogue() -> None:
    def of(*features: str) -> int:
        made = tuple(replace(COUNTING.features[0], name=name) for name in features)
        return catalogue_of(topology_of(Chain((replace(COUNTING, features=made),))))

    assert len({of("a"), of("b"), of("a", "b"), of("b", "a")}) == 4
    assert of("a", "b") == of("a", "b")
    assert len(CHAINS) == len({catalogue_of(topology_of(chain)) for chain in CHAINS})


def test_a_controller_changes_no_catalogue() -> None:
    # A model is the same with a controller: what lies in the hops before it can be read on.
    assert catalogue_of(topology_of(WALLET_CHAIN)) == catalogue_of(topology_of(WALLET_CHAIN, BUDGET))
    assert catalogue_of(topology_of(ACCOUNT_CHAIN)) != catalogue_of(topology_of(WALLET_CHAIN))
