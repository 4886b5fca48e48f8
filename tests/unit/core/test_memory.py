"""The topology in memory: results do not depend on how a log is cut, and refused events go no further."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from support.alone import NEVER_MS, Alone
from support.hops import log_of
from support.loud import ALARM, LOUD
from support.stages import COUNTING

from detector.contract.batch import OWN, RECEIVING, Batch, concatenate
from detector.contract.vocabulary import DEBIT, LINK, OPEN, TRANSFER
from detector.core.admission import APPLY_FRESH
from detector.core.chains import ACCOUNT_CHAIN, CHAINS, WALLET_CHAIN
from detector.core.memory import MemoryRun, Played
from detector.core.pipeline import Outcome
from detector.core.stage import (
    ALARM_MILLIONTHS,
    ESCALATED,
    JUDGED_BY,
    OF_LIMIT,
    RECEIVED_MS,
    TURNED_DOWN,
    WHOLE,
    YEN_DEBITED,
    YEN_LEFT,
    YEN_PACE,
    Chain,
)
from detector.core.stages.account import ACCOUNT
from detector.core.stages.budget import BUDGET
from detector.core.stages.wallet import WALLET
from detector.core.topology import FORWARDER, Topology, topology_of
from detector.core.triage import MILLION

DAY_MS = 86_400_000
EVENTS = 600
#: A third stage, as small as can be: how often a source was seen.
SEEN_CHAIN = Chain((ACCOUNT, WALLET, replace(COUNTING, name="seen", key="source")))
CONTROLLED = topology_of(WALLET_CHAIN, BUDGET)
TOPOLOGIES = [*map(topology_of, (*CHAINS, SEEN_CHAIN)), CONTROLLED]


def name_of(topology: Topology) -> str:
    return "-".join(node.name for node in topology.nodes)


class Row(NamedTuple):
    """A node's result for an event; `sent`: the nodes it was sent to."""

    record: int
    role: int
    status: int
    X: bytes
    facts: bytes
    alarm: float
    sent: tuple[str, ...]
    raised: bool


def rows_of(outcome: Outcome) -> list[Row]:
    found = []
    batch, X, facts, _ = outcome.events
    for i, status in enumerate(outcome.status.tolist()):
        # The rest is undefined for an event that was not applied.
        values, own_facts = (X[i].tobytes(), facts[i].tobytes()) if status <= APPLY_FRESH else (b"", b"")
        alarm = np.inf if outcome.judgement is None else float(outcome.judgement.alarm[i])
        sent = tuple(target for target, which in outcome.sent if i in which)
        where = int(batch.record[i]), int(batch.role[i])
        found.append(Row(*where, status, values, own_facts, alarm, sent, i in outcome.raised))
    return found


def run_of(topology: Topology, model: Any = LOUD, ttl_ms: int = NEVER_MS) -> MemoryRun:
    return MemoryRun(topology, model if not topology.controlled else model._replace(controlled=True), ttl_ms=ttl_ms)


def in_pieces(topology: Topology, cuts: list[int], ttl_ms: int) -> tuple[dict[str, list[Row]], dict[str, bytes]]:
    """The log in pieces: every node's results for its events, and its rows."""
    run, batch = run_of(topology, ttl_ms=ttl_ms), log_of(EVENTS)
    found: dict[str, list[Row]] = {node.name: [] for node in topology.nodes}
    for start, stop in zip([0, *cuts], [*cuts, batch.size], strict=True):
        played = run.process(batch.select(slice(start, stop)))
        for name, outcome in played.outcomes.items():
            found[name] += rows_of(outcome)
    return found, {name: pipeline.rows.snapshot().tobytes() for name, pipeline in run.pipelines.items()}


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=name_of)
@pytest.mark.parametrize("ttl_ms", [NEVER_MS, DAY_MS], ids=["kept", "forgotten"])
def test_n_events_at_once_equal_one_at_a_time_and_any_pieces_at_every_node(topology: Topology, ttl_ms: int) -> None:
    whole = in_pieces(topology, [], ttl_ms)
    assert whole == in_pieces(topology, list(range(1, log_of(EVENTS).size)), ttl_ms)
    assert whole == in_pieces(topology, [1, 2, 200, 201, 450], ttl_ms)
    assert all(len(rows) > 100 for rows in whole[0].values()), "a node without events shows nothing"
    assert {0 < len(rows) for name, rows in whole[1].items() if name != FORWARDER} == {True}


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=name_of)
def test_behind_the_wallets_a_transfer_is_one_event(topology: Topology) -> None:
    roles = {row.role for row in in_pieces(topology, [], NEVER_MS)[0][topology.chain.stages[-1].name]}
    assert ({OWN, RECEIVING} if len(topology.chain.stages) == 2 else {OWN}) == roles


def played(topology: Topology, model: Any = None) -> Played:
    return run_of(topology, model).process(log_of(EVENTS))


def test_what_is_forgotten_begins_anew_in_every_stage() -> None:
    for index, stage in enumerate(CHAINS[-1].stages):
        topology = topology_of(Chain(CHAINS[-1].stages[: index + 1]))
        fresh = [
            int((MemoryRun(topology, None, ttl_ms=ttl_ms).process(log_of(EVENTS)).last.status == APPLY_FRESH).sum())
            for ttl_ms in (NEVER_MS, DAY_MS)
        ]
        assert 0 < fresh[0] < fresh[1], stage.name


def test_a_chain_of_one_stage_is_that_stage_and_reads_no_wallet_events() -> None:
    batch = log_of(EVENTS)
    accounts = batch.select(batch.kind < OPEN)
    alone = Alone(ACCOUNT).process(accounts)
    expected = [row._replace(sent=()) for row in rows_of(alone)]
    assert expected == [row._replace(sent=()) for row in rows_of(played(topology_of(ACCOUNT_CHAIN)).last)]
    assert 0 < accounts.size < batch.size


def test_account_features_come_first_and_wallet_events_have_none() -> None:
    batch = log_of(EVENTS)
    events = played(topology_of(WALLET_CHAIN)).last.events
    alone = Alone(ACCOUNT).process(batch.select(batch.kind < OPEN))
    on_account, width = events.batch.kind < OPEN, WALLET_CHAIN.width(1)
    assert alone.events.X[alone.applied].tobytes() == events.X[on_account][:, :width].tobytes()
    assert alone.events.facts[alone.applied].tobytes() == events.facts[on_account].tobytes()
    assert np.isnan(events.X[~on_account][:, :width]).all()
    assert 0 == events.facts[~on_account].any()
    assert (events.size, len(WALLET_CHAIN.features)) == events.X.shape


def twice(batch: Batch) -> Batch:
    both = concatenate([batch, batch])
    return both._replace(offset=np.arange(both.size), record=np.arange(both.size, dtype=np.int32))


def test_what_a_node_refuses_goes_no_further() -> None:
    batch = log_of(EVENTS)
    outcomes = run_of(topology_of(WALLET_CHAIN)).process(twice(batch)).outcomes
    for upstream, target in (("account", "wallet"), ("wallet", "cases")):
        outcome = outcomes[upstream]
        refused = np.flatnonzero(outcome.status > APPLY_FRESH)
        # A duplicate is known within the last four events of its key.
        assert 0 < len(refused) < batch.size
        assert 0 == len(np.intersect1d(refused, dict(outcome.sent)[target])), upstream
    last = outcomes["wallet"]
    repeated = last.events.batch.record[last.applied] >= batch.size
    assert 0 < repeated.sum() < batch.size


def test_a_log_read_again_is_a_replay() -> None:
    run = run_of(topology_of(WALLET_CHAIN))
    first, second = run.process(log_of(EVENTS)), run.process(log_of(EVENTS))
    assert first.last.applied.size > 0
    assert 0 == second.last.applied.size == second.cases.events.size
    assert not (second.last.events.batch.kind < OPEN).any(), "the account node knew them already"
    assert not second.alert.any()


def test_of_a_transfer_the_senders_side_alone_is_judged() -> None:
    outcome = played(topology_of(WALLET_CHAIN), LOUD).last
    batch = outcome.events.batch
    assert outcome.judgement is not None
    expected = np.flatnonzero((batch.role == OWN) & (outcome.status <= APPLY_FRESH))
    assert expected.tolist() == outcome.alerting.tolist() == dict(outcome.sent)["cases"].tolist()
    received = batch.role == RECEIVING
    assert (batch.kind[received] == TRANSFER).all()
    assert np.isinf(outcome.judgement.alarm[received]).all()
    assert 0 == outcome.events.facts[received][:, [JUDGED_BY, ESCALATED]].any()
    assert {LINK, DEBIT, OPEN, TRANSFER} < set(batch.kind[outcome.alerting].tolist())


def test_a_model_judges_behind_the_last_stage_alone() -> None:
    outcomes = played(topology_of(SEEN_CHAIN), LOUD).outcomes
    judging = {name: outcome.judgement is not None for name, outcome in outcomes.items()}
    assert {"account": False, FORWARDER: False, "wallet": False, "seen": True, "cases": False} == judging


def test_without_a_model_nothing_is_judged_and_no_case_is_opened() -> None:
    found = played(topology_of(WALLET_CHAIN))
    assert found.last.judgement is None
    assert (0, 0) == (found.cases.events.size, found.alert.sum())


def test_facts_travel_on_and_nothing_else_is_claimed() -> None:
    events = played(topology_of(WALLET_CHAIN), LOUD).last.events
    known = set(np.flatnonzero(events.facts.any(axis=0)).tolist())
    assert {YEN_DEBITED, YEN_LEFT, YEN_PACE, JUDGED_BY, ESCALATED, ALARM_MILLIONTHS} == known
    assert RECEIVED_MS not in known, "the worker's to add"
    assert (events.facts[events.batch.kind == DEBIT, YEN_LEFT] >= 0).all()
    own = events.batch.role == OWN
    assert {LOUD.number} == set(events.facts[own, JUDGED_BY].tolist())
    assert {ALARM * MILLION} == set(events.facts[own, ALARM_MILLIONTHS].tolist())


def test_what_alerts_opens_cases_and_what_is_no_news_is_held() -> None:
    found = played(topology_of(WALLET_CHAIN), LOUD)
    cases = found.cases
    assert found.last.events.batch.record[found.alert].tolist() == cases.events.batch.record.tolist()
    assert len(cases.applied) == len(cases.raised) + cases.held
    assert min(len(cases.raised), cases.held) > 0


@pytest.mark.parametrize(("expected", "limit"), [(True, ALARM), (False, 0.4 * ALARM)])
def test_with_a_controller_its_say_decides_what_alerts(expected: bool, limit: float) -> None:
    model = LOUD._replace(limits=np.full_like(LOUD.limits, limit))
    found = played(CONTROLLED, model)
    turned_down = found.outcomes[BUDGET.name].events.facts[:, OF_LIMIT] == TURNED_DOWN
    assert [int(WHOLE * ALARM / limit)] == np.unique(found.last.events.facts[found.last.alerting, OF_LIMIT]).tolist()
    assert {not expected} == set(turned_down.tolist())
    assert (len(found.last.alerting) if expected else 0) == found.alert.sum() == found.cases.events.size
