"""Life other than usual and thieves who know what is looked at; and that without them every byte is as before."""

import datetime as dt
import hashlib
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from support.populations import events_of, scenario

from detector.contract.vocabulary import DEBIT, LINK, OK, OPEN, PAYMENT
from producers.cases import PROBE
from producers.drift import USUAL, Drift
from producers.evasion import NAIVE, Evasion
from producers.events import NO_CASE, Events
from producers.scenarios import Scenario
from producers.typologies.table import TYPOLOGIES

DAYS = 30
#: SHA-256 of all columns of simulations that know neither drift nor evasion, as they were before there was either.
BEFORE = {"september-2020": "fae6cfc22f9466f8", "random": "edeaffe9a4a8aa7a"}
NAMES = tuple(typology.id for typology in TYPOLOGIES)


def digest(events: Events) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(column).tobytes() for column in events)).hexdigest()[:16]


def attacked(evasion: Evasion, typologies: tuple[str, ...] = ()) -> Scenario:
    return scenario("random", days=DAYS, cases=40, typologies=typologies, evasion=evasion)


@cache
def thieves(evasion: Evasion, typologies: tuple[str, ...] = ()) -> Events:
    events = events_of(attacked(evasion, typologies))
    return events.select(events.case != NO_CASE)


def debits(events: Events) -> Events:
    return events.select((events.kind == DEBIT) & (events.result == OK))


def by_case(events: Events) -> list[Events]:
    ordered = events.select(np.lexsort((events.occurred_at_ms, events.case)))
    return [ordered.select(ordered.case == case) for case in np.unique(ordered.case)]


@pytest.mark.parametrize("name", BEFORE)
def test_as_usual_every_byte_is_as_before(name: str) -> None:
    assert BEFORE[name] == digest(events_of(scenario(name, cases=40, days=20)))
    assert BEFORE[name] == digest(events_of(scenario(name, cases=40, days=20, drift=Drift(), evasion=Evasion())))


@pytest.mark.parametrize(
    ("drift", "least", "most"),
    [
        (USUAL, 1.0, 1.0),
        (Drift(newcomers=0.5), 0.4, 0.62),
        (Drift(newcomers=2), 1.8, 2.2),
        (Drift(newcomers=4), 3.6, 4.4),
    ],
    ids=str,
)
def test_newcomers_come_so_many_times_as_often(drift: Drift, least: float, most: float) -> None:
    opened = [np.sum(events_of(scenario(drift=one)).kind == OPEN) for one in (USUAL, drift)]
    assert least <= opened[1] / opened[0] <= most


def test_charges_are_more_and_larger_and_later() -> None:
    usual, more, larger, later = (
        debits(events_of(scenario(drift=drift)))
        for drift in (USUAL, Drift(charges=1.5), Drift(yen=2), Drift(later_h=6))
    )
    assert 1.5 == pytest.approx(more.size / usual.size, rel=0.2)
    assert 1.6 < np.median(larger.amount_yen) / np.median(usual.amount_yen) < 2.4
    night = [np.mean((one.occurred_at_ms // 3_600_000 + 9) % 24 < 5) for one in (usual, later)]
    assert 3 * night[0] < night[1]


def test_life_drifts_from_its_month_on_and_was_as_usual_before() -> None:
    drift = Drift(newcomers=2, charges=2, yen=2, later_h=3, since=dt.date(2020, 9, 1))
    for start, same in ((dt.date(2020, 8, 20), True), (dt.date(2020, 9, 3), False)):
        usual, drifted = (events_of(scenario(start=start, days=5, drift=one)) for one in (USUAL, drift))
        assert same == (digest(usual) == digest(drifted))


def test_evasion_leaves_normal_life_as_it_is() -> None:
    evasion = Evasion(most_yen=80_000, debit_yen=20_000, wait_h=12, pause_h=24, verified=True)
    usual, evaded = (events_of(attacked(one)) for one in (NAIVE, evasion))
    assert digest(usual.select(usual.case == NO_CASE)) == digest(evaded.select(evaded.case == NO_CASE))


def test_no_wallet_takes_more_than_the_most_and_no_debit_is_refused() -> None:
    events = thieves(Evasion(most_yen=80_000))
    taken = debits(events)
    assert (events.result[events.kind == DEBIT] == OK).all()
    _, pair = np.unique(np.stack([taken.case.astype(np.uint64), taken.wallet]), axis=1, return_inverse=True)
    at = np.bincount(pair.reshape(-1), taken.amount_yen)
    # T2 comes back for more in the new month.
    twice = np.bincount(pair.reshape(-1), taken.case >> 24 == NAMES.index("T2")) > 0
    assert 80_000 == at[~twice].max()
    assert at[twice].max(initial=0) <= 160_000


def test_large_debits_come_in_pieces_of_the_same_sum_and_event_ids_stay_unique() -> None:
    usual, cut = (thieves(evasion, ("T1", "T4", "T11")) for evasion in (NAIVE, Evasion(debit_yen=20_000)))
    assert 20_000 == debits(cut).amount_yen.max()
    assert debits(usual).amount_yen.sum() == debits(cut).amount_yen.sum()
    assert len(np.unique(cut.event)) == cut.size


@pytest.mark.parametrize("typology", [name for name in NAMES if name != "T2"])
def test_patient_thieves_wait_after_the_link_and_between_debits(typology: str) -> None:
    events = thieves(Evasion(wait_h=12, pause_h=24), (typology,))
    seen = 0
    for case in by_case(events.select(np.isin(events.kind, (LINK, DEBIT)))):
        of_debit = case.kind == DEBIT
        assert (np.diff(case.occurred_at_ms[of_debit]) >= 24 * 3_600_000).all()
        for wallet in np.unique(case.wallet[of_debit]):
            links = case.occurred_at_ms[(case.kind == LINK) & (case.wallet == wallet)]
            first = case.occurred_at_ms[of_debit & (case.wallet == wallet)][0]
            seen += len(links) > 0
            assert not len(links) or first - links[links < first].max() >= 12 * 3_600_000
    assert seen


@pytest.mark.parametrize("typology", NAMES)
def test_patient_thieves_spend_nothing_before_they_have_it_and_wallets_open_when_they_say(typology: str) -> None:
    events = thieves(Evasion(debit_yen=30_000, wait_h=12, pause_h=24), (typology,))
    opens = events.select(events.kind == OPEN)
    assert (opens.opened_at_ms == opens.occurred_at_ms).all()
    assert (events.opened_at_ms <= events.occurred_at_ms).all()
    money = events.select(np.isin(events.kind, (DEBIT, PAYMENT)) & ((events.kind == PAYMENT) | (events.result == OK)))
    money = money.select(np.lexsort((money.occurred_at_ms, money.wallet)))
    received = np.isin(money.wallet, events.counterparty)  # wallets that live on transfers
    for wallet in np.unique(money.wallet[~received]):
        own = money.select(money.wallet == wallet)
        balance = np.cumsum(np.where(own.kind == DEBIT, own.amount_yen, -own.amount_yen))
        assert balance.min() >= 0


def test_wallets_may_be_verified_and_tries_few() -> None:
    events = thieves(Evasion(verified=True, narrowed=(("tries_a_day", 1, 1),)), ("T3",))
    assert events.verified.all()
    probes = events.select(events.stage == PROBE)
    day = (probes.occurred_at_ms + 9 * 3_600_000) // 86_400_000
    assert np.unique(np.stack([probes.account.astype(np.int64), day]), axis=1).shape[1] == probes.size


def test_nothing_can_be_fewer_than_none() -> None:
    with pytest.raises(ValueError, match="fewer than none"):
        replace(USUAL, newcomers=-1)
