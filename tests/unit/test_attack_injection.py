"""What a model is trained of: normal days as they were, and attacks that fit into them."""

from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from support.populations import scenario

from detector.attack_injection import inject_attacks, simulated
from detector.contract.batch import Batch
from detector.contract.vocabulary import ACCOUNT_KINDS, KINDS, LINK, OPEN, UNLINK
from detector.core.chains import SOURCE_CHAIN
from detector.errors import UserError
from detector.jst import DAY_MS, JST_MS
from models.datasets import SCORED_KINDS, collect
from models.history import History, HistoryObserver
from models.inject import Attacks
from producers import simulation
from producers.batches import to_batches
from producers.typologies.table import INDEX, TYPOLOGIES

TTL_MS = 400 * DAY_MS
DAYS, CASES = 30, 130


@cache
def life() -> tuple[Batch, ...]:
    parts = [events for events, _ in simulation.tables(scenario(accounts=1_000, days=DAYS))]
    return tuple(to_batches(pa.concat_tables(parts), 4_096, which="all"))


@cache
def history() -> History:
    observer = HistoryObserver()
    for _ in observer.watch(life()):
        pass
    return observer.history


@cache
def attacks(seed: int = 1) -> Attacks:
    return simulated(history(), CASES, seed)


def test_an_onlooker_changes_nothing_and_knows_days_accounts_and_kinds() -> None:
    observer = HistoryObserver()
    assert all(seen is given for seen, given in zip(observer.watch(life()), life(), strict=True))
    found = observer.history
    assert DAYS <= len(found.days) <= DAYS + 1  # what happened before midnight may arrive after it
    assert set(range(len(KINDS))) == set(found.kinds.tolist())
    assert 0 <= found.sourceless < 0.5
    accounts = np.concatenate([batch.account for batch in life()])
    assert set(found.ties.account.tolist()) <= set(accounts.tolist())


def test_there_are_cases_of_every_typology_to_learn_from_and_others_to_judge_by() -> None:
    planted = attacks()
    for held_out in (False, True):
        own = planted.case[planted.held_out == held_out]
        typology = planted.typology[planted.held_out == held_out]
        assert set(range(len(TYPOLOGIES))) == set(typology[own >= 0].tolist())
    learnt, judged = (set(planted.case[planted.held_out == which]) - {-1} for which in (False, True))
    assert not learnt & judged
    assert pytest.approx(CASES, rel=0.2) == len(learnt)


def test_attacks_arrive_in_order_all_over_the_history() -> None:
    planted = attacks()
    assert (np.diff(planted.arrival_ms) >= 0).all()
    of_case = (planted.case >= 0) & np.isin(planted.batch.kind, SCORED_KINDS)
    day = (planted.batch.occurred_at_ms[of_case] + JST_MS) // DAY_MS
    assert set(history().days[1:].tolist()) <= set(day.tolist())


def test_known_victims_are_accounts_of_the_history() -> None:
    accounts = attacks().batch.account
    share = np.isin(np.unique(accounts[accounts != 0]), history().ties.account).mean()
    assert 0.01 < share < 0.9, "some victims have a life of their own, others are met for the first time"


def test_some_thieves_come_from_addresses_that_honest_people_use() -> None:
    sources = np.unique(attacks().batch.source)
    assert 0.05 < np.isin(sources, history().sources).mean() < 0.6
    alone = simulated(history()._replace(sources=np.empty(0, np.uint64)), CASES, 1)
    assert not np.isin(alone.batch.source[alone.batch.source != 0], history().sources).any()


def test_some_victims_lose_through_a_wallet_of_their_own_which_half_of_the_thieves_link_again() -> None:
    planted = attacks(3)
    ties = history().ties
    own = {}
    for case in np.unique(planted.case[planted.case >= 0]).tolist():
        mine = planted.batch.select(planted.case == case)
        if np.isin(mine.wallet, ties.wallet).any():
            own[case] = mine
    assert own
    assert {True, False} == {bool((mine.kind == LINK).any()) for mine in own.values()}
    for mine in own.values():
        assert not np.isin(mine.kind, (UNLINK, OPEN)).any()
        (victim,) = np.unique(mine.account[mine.account != 0])
        at = int(np.searchsorted(ties.account, victim))
        of_wallet = mine.wallet == ties.wallet[at]
        assert of_wallet.any()
        assert {int(ties.wallet_opened_at_ms[at])} == set(mine.wallet_opened_at_ms[of_wallet].tolist())
        assert {int(ties.bank[at])} == set(mine.bank[mine.account != 0].tolist())


def test_a_mass_enrolment_is_simulated_at_its_size() -> None:
    planted = simulated(history(), 4 * 65, 1)
    links = planted.batch.select((planted.batch.kind == LINK) & (planted.typology == INDEX["T5"]))
    accounts = [
        len(np.unique(links.account[links.source == one])) for one in np.unique(links.source[links.source != 0])
    ]
    assert max(accounts) >= 10


def test_the_same_seed_gives_the_same_attacks_and_another_one_others() -> None:
    again = simulated(history(), CASES, 1)
    assert attacks().batch.event_id.tobytes() == again.batch.event_id.tobytes()
    assert attacks().arrival_ms.tobytes() == again.arrival_ms.tobytes()
    assert attacks().arrival_ms.tobytes() != attacks(2).arrival_ms.tobytes()


def test_no_attack_has_events_of_kinds_that_the_history_lacks() -> None:
    without = history()._replace(kinds=np.arange(OPEN, dtype=np.int8))
    planted = simulated(without, CASES, 1)
    assert set(ACCOUNT_KINDS) >= {KINDS[code] for code in np.unique(planted.batch.kind).tolist()}


def test_sources_are_as_unknown_as_in_the_history() -> None:
    planted = simulated(history()._replace(sourceless=1.0), CASES, 1)
    assert not planted.batch.source.any()


def test_two_days_are_too_few() -> None:
    with pytest.raises(UserError, match="at least 3 days"):
        simulated(history()._replace(days=history().days[:2]), CASES, 1)


def test_normal_life_is_what_it_is_without_cases() -> None:
    data, cases, _ = inject_attacks(life, SOURCE_CHAIN, TTL_MS, cases=CASES, burn_in=0)
    alone = collect(life(), SOURCE_CHAIN, TTL_MS)
    assert alone.X.tobytes() == data.X.tobytes()
    assert cases is not None
    assert pytest.approx(CASES * 1.25, rel=0.3) == len(np.unique(cases.case))
    assert inject_attacks(life, SOURCE_CHAIN, TTL_MS, cases=0, burn_in=0).cases is None
