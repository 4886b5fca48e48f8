"""A chain in memory is what its stages are with hops between them, in whatever pieces a log comes."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from support.hops import log_of
from support.stages import COUNTING

from detector.contract.batch import OWN, RECEIVING, Batch, concatenate
from detector.contract.vocabulary import DEBIT, LINK, OPEN, TRANSFER
from detector.core.admission import APPLY_FRESH
from detector.core.chain import ChainRun, Scored
from detector.core.chains import ACCOUNT_CHAIN, CHAINS, WALLET_CHAIN, chain_of
from detector.core.forward import both_sides, one_side
from detector.core.hop import Carried, HopCodec, Seen, nothing_carried, target_partitions
from detector.core.model import Judgement
from detector.core.pipeline import Outcome, Pipeline
from detector.core.stage import RECEIVED_MS, YEN_DEBITED, YEN_LEFT, YEN_PACE, Chain, Stage
from detector.core.stages.account import ACCOUNT
from detector.core.stages.wallet import WALLET

NEVER_MS = 10**15
DAY_MS = 86_400_000
EVENTS = 600
#: A third stage, as small as can be: how often a source was seen.
SEEN_CHAIN = Chain((ACCOUNT, WALLET, replace(COUNTING, name="seen", key="source")))
LONGER = [*CHAINS[1:], SEEN_CHAIN]


class Row(NamedTuple):
    """What the last stage made of an event."""

    record: int
    role: int
    status: int
    X: bytes
    facts: bytes


def rows_of(batch: Batch, outcome: Outcome) -> list[Row]:
    found = []
    for i, status in enumerate(outcome.status.tolist()):
        # Of an event that was not applied the rest has no meaning.
        told = (outcome.X[i].tobytes(), outcome.carried.facts[i].tobytes()) if status <= APPLY_FRESH else (b"", b"")
        found.append(Row(int(batch.record[i]), int(batch.role[i]), status, *told))
    return found


def in_memory(chain: Chain, batch: Batch, cuts: list[int], ttl_ms: int = NEVER_MS) -> tuple[list[Row], list[bytes]]:
    """The log in pieces through a run of the chain; rows of events, and the stages' own rows."""
    run, found = ChainRun(chain, None, ttl_ms=ttl_ms), list[Row]()
    for start, stop in zip([0, *cuts], [*cuts, batch.size], strict=True):
        scored = run.process(batch.select(slice(start, stop)))
        found += rows_of(*scored)
    return found, [pipeline.rows.snapshot().tobytes() for pipeline in run.pipelines]


class Hops:
    """The chain's stages with real messages between them, `partitions` of each, an upstream's slot for each."""

    def __init__(self, chain: Chain, partitions: int) -> None:
        self.chain = chain
        self.partitions = partitions
        self.pipelines = [[Pipeline(stage, None, ttl_ms=NEVER_MS) for _ in range(partitions)] for stage in chain.stages]
        self.seen = [[Seen(2 * partitions) for _ in range(partitions)] for _ in chain.stages]
        self.offsets = np.zeros((len(chain.stages), partitions), int)

    def process(self, event: Batch) -> list[Row]:
        """One event of a source, the whole way."""
        if event.kind[0] >= OPEN:
            batch = both_sides(event)
            return self.onward(1, self.partitions, batch, nothing_carried(batch.size, self.chain.width(1)))
        partition = int(target_partitions(event.account, self.partitions)[0])
        outcome = self.pipelines[0][partition].process(event)
        return self.onward(1, partition, event.select(outcome.applied), outcome.carried.select(outcome.applied))

    def onward(self, place: int, slot: int, batch: Batch, carried: Carried) -> list[Row]:
        """Events that the stages before `place` are done with, from the upstream partition `slot` of its hop."""
        stage, codec = self.chain.stages[place], HopCodec(self.chain.name, self.chain.width(place), self.partitions)
        records, found = batch.record.tolist(), list[Row]()
        texts = [str(record).encode() for record in records]
        for target, message in codec.encode(slot, batch, carried, stage.keys_of(batch), texts):
            hopped = codec.decode([message], [self.offsets[place, target]], self.seen[place][target])
            self.offsets[place, target] += 1
            outcome = self.pipelines[place][target].process(hopped.batch, hopped.carried)
            source = np.array([int(hopped.values[i]) for i in range(hopped.batch.size)], np.int32)
            back = hopped.batch._replace(record=source)
            if place == len(self.chain.stages) - 1:
                found += rows_of(back, outcome)
            else:
                which = one_side(hopped.batch, outcome.applied)
                on = hopped.batch.select(which)._replace(record=source[which])
                found += self.onward(place + 1, target, on, outcome.carried.select(which))
        return found


@pytest.mark.parametrize("chain", LONGER, ids=lambda chain: chain.name)
@pytest.mark.parametrize("ttl_ms", [NEVER_MS, DAY_MS], ids=["kept", "forgotten"])
def test_n_events_at_once_equal_one_at_a_time_and_any_pieces(chain: Chain, ttl_ms: int) -> None:
    batch = log_of(EVENTS)
    whole = in_memory(chain, batch, [], ttl_ms)
    assert whole == in_memory(chain, batch, list(range(1, batch.size)), ttl_ms)
    assert whole == in_memory(chain, batch, [1, 2, 200, 201, 450], ttl_ms)


@pytest.mark.parametrize("chain", LONGER, ids=lambda chain: chain.name)
@pytest.mark.parametrize("partitions", [1, 3])
def test_it_equals_its_stages_with_hops_between_them(chain: Chain, partitions: int) -> None:
    batch = log_of(EVENTS)
    expected, kept = in_memory(chain, batch, [])
    hops = Hops(chain, partitions)
    found = [row for i in range(batch.size) for row in hops.process(batch.select([i]))]
    # Two wallets of a transfer may lie in two partitions, which nothing keeps in order.
    assert sorted(expected) == sorted(found)
    assert ({OWN, RECEIVING} if len(chain.stages) == 2 else {OWN}) == {row.role for row in found}
    counts = [sum(pipeline.rows.count for pipeline in pipelines) for pipelines in hops.pipelines]
    assert [len(rows) // stage.row.itemsize for rows, stage in zip(kept, chain.stages, strict=True)] == counts


def test_what_is_forgotten_begins_anew_in_every_stage() -> None:
    for place, stage in enumerate(CHAINS[-1].stages):
        chain = Chain(CHAINS[-1].stages[: place + 1])
        batch = log_of(EVENTS) if place else log_of(EVENTS).select(log_of(EVENTS).kind < OPEN)
        fresh = [
            int((ChainRun(chain, None, ttl_ms=ttl_ms).process(batch).outcome.status == APPLY_FRESH).sum())
            for ttl_ms in (NEVER_MS, DAY_MS)
        ]
        assert 0 < fresh[0] < fresh[1], stage.name


def test_a_chain_of_one_stage_is_that_stage() -> None:
    batch = log_of(EVENTS)
    accounts = batch.select(batch.kind < OPEN)
    scored = ChainRun(ACCOUNT_CHAIN, None, ttl_ms=NEVER_MS).process(accounts)
    outcome = Pipeline(ACCOUNT, None, ttl_ms=NEVER_MS).process(accounts)
    assert rows_of(accounts, outcome) == rows_of(*scored)


def test_account_features_come_first_and_wallet_events_have_none() -> None:
    batch = log_of(EVENTS)
    scored = ChainRun(WALLET_CHAIN, None, ttl_ms=NEVER_MS).process(batch)
    accounts = batch.select(batch.kind < OPEN)
    alone = Pipeline(ACCOUNT, None, ttl_ms=NEVER_MS).process(accounts)
    on_account, width = scored.batch.kind < OPEN, WALLET_CHAIN.width(1)
    assert alone.X[alone.applied].tobytes() == scored.outcome.X[on_account][:, :width].tobytes()
    assert alone.carried.facts[alone.applied].tobytes() == scored.outcome.carried.facts[on_account].tobytes()
    assert np.isnan(scored.outcome.X[~on_account][:, :width]).all()
    assert 0 == scored.outcome.carried.facts[~on_account].any()
    assert (len(scored.batch.offset), len(WALLET_CHAIN.features)) == scored.outcome.X.shape


def test_what_a_stage_refuses_does_not_reach_the_next() -> None:
    batch = log_of(EVENTS)
    again = concatenate([batch, batch])._replace(
        offset=np.arange(2 * batch.size), record=np.arange(2 * batch.size, dtype=np.int32)
    )
    scored = ChainRun(WALLET_CHAIN, None, ttl_ms=NEVER_MS).process(again)
    applied = scored.outcome.applied
    repeated = scored.batch.select(applied).record >= batch.size
    # A duplicate is known within the last four events of its key.
    assert 0 < repeated.sum() < batch.size
    run = ChainRun(WALLET_CHAIN, None, ttl_ms=NEVER_MS)
    first, second = run.process(batch), run.process(batch)
    assert first.outcome.applied.size > 0
    assert 0 == second.outcome.applied.size, "a replay"
    assert not (second.batch.kind < OPEN).any(), "the account stage knew them already"


class EverythingAlerts(NamedTuple):
    """Alerts on every event that it is shown."""

    detectors: tuple[str, ...] = ("loud",)
    watch: None = None

    def judge(self, X: np.ndarray, kind: np.ndarray, bank: np.ndarray) -> Judgement:
        n = len(X)
        return Judgement(
            np.zeros(n), np.zeros(n, np.int8), np.full(n, 0.5), X[:, :1].astype(np.float64), np.ones(n, np.bool_)
        )


def loud(chain: Chain) -> Scored:
    return ChainRun(chain, EverythingAlerts(), ttl_ms=NEVER_MS).process(log_of(EVENTS))  # type: ignore[arg-type]


def test_of_a_transfer_the_senders_side_alone_is_judged() -> None:
    batch, outcome = loud(WALLET_CHAIN)
    assert outcome.judgement is not None
    expected = np.flatnonzero((batch.role == OWN) & (outcome.status <= APPLY_FRESH))
    assert expected.tolist() == outcome.alerting.tolist()
    received = batch.role == RECEIVING
    assert (batch.kind[received] == TRANSFER).all()
    assert np.isinf(outcome.judgement.alarm[received]).all()
    assert {LINK, DEBIT, OPEN, TRANSFER} < set(batch.kind[outcome.alerting].tolist())


def test_a_model_judges_after_the_last_stage_alone() -> None:
    run = ChainRun(SEEN_CHAIN, EverythingAlerts(), ttl_ms=NEVER_MS)  # type: ignore[arg-type]
    assert [False, False, True] == [pipeline.model is not None for pipeline in run.pipelines]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_chains_are_found_by_name(chain: Chain) -> None:
    assert chain is chain_of(chain.name)


def test_an_unknown_chain_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        chain_of("wallet")


def renamed(stage: Stage) -> Stage:
    return replace(stage, name="again")


@pytest.mark.parametrize("twice", [lambda: Chain((ACCOUNT, renamed(ACCOUNT))), lambda: Chain((WALLET, WALLET))])
def test_two_features_of_one_name_are_refused(twice: Callable[[], Chain]) -> None:
    with pytest.raises(ValueError, match="features of one name"):
        twice()


def test_the_width_of_the_first_stages_adds_up() -> None:
    assert [0, len(ACCOUNT.features), len(WALLET_CHAIN.features)] == [WALLET_CHAIN.width(n) for n in range(3)]
    assert WALLET_CHAIN.feature_names == (*ACCOUNT.feature_names, *WALLET.feature_names)


def test_facts_of_the_account_travel_on_and_nothing_else_is_claimed() -> None:
    batch, outcome = loud(WALLET_CHAIN)
    facts = outcome.carried.facts
    known = np.flatnonzero(facts.any(axis=0))
    assert {YEN_DEBITED, YEN_LEFT, YEN_PACE} == set(known.tolist())
    assert RECEIVED_MS not in known, "the worker's to add"
    assert (facts[batch.kind == DEBIT, YEN_LEFT] >= 0).all()
