"""Honest people who look like thieves: families, two banks, new phones, counters, hasty and heavy newcomers."""

import numpy as np
import numpy.typing as npt
import pytest
from support.months import AUGUST, month_of

from detector.contract.vocabulary import DEBIT, LINK, MONTHLY_CAP_YEN, OK, OPEN, UNLINK
from producers import jst
from producers.events import Events
from producers.life import partners
from producers.life_measures import newcomers
from producers.population import Population
from producers.ties import COUNTER, HOUSEHOLD, Ties

BEGINS_MS = jst.midnight_ms(jst.first_day(AUGUST))


@pytest.fixture(scope="module")
def once() -> Events:
    return month_of().once


@pytest.fixture(scope="module")
def ties() -> Ties:
    return Population(2020, 12_000).until(AUGUST)


def per_key(key: npt.NDArray[np.uint64], *others: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """For each key the number of distinct combinations of the others."""
    rows = np.unique(np.stack([key, *(other.astype(np.uint64) for other in others)]), axis=1)
    return np.unique(rows[0], return_counts=True)[1]


def test_what_is_said_of_a_wallet_is_the_same_at_all_its_accounts(ties: Ties) -> None:
    assert (per_key(ties.wallet, ties.service, ties.opened_at_ms, ties.verified, ties.home) == 1).all()
    assert (per_key(ties.wallet, ties.account) >= 2).sum() > 500


def test_each_tie_of_an_account_and_a_wallet_is_made_once(ties: Ties) -> None:
    assert len(ties.wallet) == len(np.unique(np.stack([ties.account, ties.wallet]), axis=1)[0])


def test_the_wallets_of_one_account_are_at_one_home_and_mostly_at_several_services(ties: Ties) -> None:
    first = ties.select(np.arange(len(ties.wallet)) < 12_000)
    others = ties.select(np.isin(ties.account, first.account) & ~np.isin(ties.wallet, first.wallet))
    home = dict(zip(first.account.tolist(), first.home.tolist(), strict=True))
    assert all(home[account] == at for account, at in zip(others.account.tolist(), others.home.tolist(), strict=True))
    wallets, services = per_key(ties.account, ties.wallet), per_key(ties.account, ties.service)
    assert (wallets >= 3).sum() > 100
    assert services[wallets >= 2].mean() > 1.7


def test_most_people_live_with_one_to_four_others_or_alone(ties: Ties) -> None:
    persons = per_key(ties.home[:12_000], np.arange(12_000))
    assert set(persons.tolist()) == {1, 2, 3, 4, 5}
    assert 2.1 < persons.mean() < 2.4


def test_families_often_use_one_service(ties: Ties) -> None:
    first = ties.select(np.arange(12_000))
    together = first.home[1:] == first.home[:-1]
    same = first.service[1:] == first.service[:-1]
    assert same[together].mean() > same[~together].mean() + 0.05


def test_no_wallet_charges_before_it_is_linked(once: Events) -> None:
    new = once.select(once.opened_at_ms >= BEGINS_MS)
    linked: dict[tuple[int, int], int] = {}
    for kind, result, account, wallet, moment in zip(
        new.kind.tolist(), new.result.tolist(), new.account.tolist(), new.wallet.tolist(), new.occurred_at_ms.tolist(),
        strict=True,
    ):  # fmt: skip
        if kind == LINK and result == OK:
            linked.setdefault((account, wallet), moment)
        elif kind == DEBIT:
            assert linked[account, wallet] < moment


def test_a_new_phone_with_a_fresh_wallet_cuts_the_old_tie_before(ties: Ties, once: Events) -> None:
    fresh = ties.select((ties.replaces >= 0) & (ties.opened_at_ms >= BEGINS_MS + jst.DAY_MS))
    old = ties.select(fresh.replaces)
    assert len(old.wallet) > 100
    assert (old.account == fresh.account).all()
    assert (old.service == fresh.service).all()
    assert (old.wallet != fresh.wallet).all()
    assert (old.ended_at_ms < fresh.opened_at_ms).all()
    ended = dict(zip(old.wallet.tolist(), old.ended_at_ms.tolist(), strict=True))
    after = once.select((once.kind == DEBIT) & np.isin(once.wallet, old.wallet) & np.isin(once.account, old.account))
    assert after.size > 100
    assert all(
        moment < ended[w] for w, moment in zip(after.wallet.tolist(), after.occurred_at_ms.tolist(), strict=True)
    )
    assert np.isin(old.wallet, once.wallet[once.kind == UNLINK]).mean() > 0.9


def test_a_replaced_wallet_is_as_it_was_in_the_months_before() -> None:
    people = Population(2020, 2_000)
    before = [column.copy() for column in people.until(AUGUST - 1)]
    people.until(AUGUST)
    assert all((a == b).all() for a, b in zip(before, people.until(AUGUST - 1), strict=True))


def test_many_wallets_of_an_offer_begin_at_a_few_counters(once: Events) -> None:
    opens = once.select(once.kind == OPEN)
    at_counter = opens.source >> np.uint64(60) == np.uint64(COUNTER)
    day = (opens.occurred_at_ms - BEGINS_MS) // jst.DAY_MS
    offered = (day >= 7) & (day <= 9)
    assert at_counter[offered].mean() > 2 * at_counter[~offered].mean() > 0.08
    assert partners(opens.source[at_counter], opens.wallet[at_counter]).max() > 20


def test_a_wallet_set_up_at_a_counter_later_speaks_from_home(once: Events) -> None:
    later = once.select(once.occurred_at_ms - once.opened_at_ms > 3 * jst.HOUR_MS)
    assert not (later.source >> np.uint64(60) == np.uint64(COUNTER)).any()
    assert (later.source >> np.uint64(60) == np.uint64(HOUSEHOLD)).mean() > 0.5


def test_some_newcomers_charge_as_much_as_a_thief_as_fast_as_one() -> None:
    first = newcomers(month_of())
    hasty = (first.occurred_at_ms - first.opened_at_ms < 15 * jst.MINUTE_MS) & (first.amount_yen >= 80_000)
    assert hasty.sum() > 20


def test_some_newcomers_try_a_small_charge_and_then_take_the_whole_cap(once: Events) -> None:
    new = once.select((once.kind == DEBIT) & (once.result == OK) & (once.opened_at_ms >= BEGINS_MS))
    soon = new.select(new.occurred_at_ms - new.opened_at_ms < 2 * jst.DAY_MS)
    wallets, place = np.unique(soon.wallet, return_inverse=True)
    total = np.bincount(place, soon.amount_yen, len(wallets))
    least = np.full(len(wallets), MONTHLY_CAP_YEN)
    np.minimum.at(least, place, soon.amount_yen)
    assert ((total >= 200_000) & (least <= 20_000)).sum() >= 5


def test_some_charge_all_their_wallets_within_the_hour(once: Events) -> None:
    debits = once.select(once.kind == DEBIT)
    hour = debits.occurred_at_ms // jst.HOUR_MS
    rows = np.unique(np.stack([debits.account, hour.astype(np.uint64), debits.service.astype(np.uint64)]), axis=1)
    services = np.unique(rows[:2], axis=1, return_counts=True)[1]
    assert (services >= 2).sum() > 50


def test_some_charge_twice_within_twenty_seconds(once: Events) -> None:
    debits = once.select((once.kind == DEBIT) & (once.result == OK) & (once.amount_yen >= 10_000))
    debits = debits.select(np.lexsort((debits.occurred_at_ms, debits.wallet)))
    gaps = np.diff(debits.occurred_at_ms)[debits.wallet[1:] == debits.wallet[:-1]]
    assert ((gaps > 0) & (gaps <= 20 * jst.SECOND_MS)).sum() > 100


def test_some_link_today_and_charge_after_weeks(ties: Ties) -> None:
    new = ties.select(ties.linked_at_ms >= BEGINS_MS)
    assert (new.first_charge_ms - new.linked_at_ms > 7 * jst.DAY_MS).sum() > 20
