"""Owners of the settled world: their caps, places, sleeps and links."""

from functools import cache

import numpy as np

from detector.contract.vocabulary import CHARGE, DEBIT, INSUFFICIENT, LINK, MONTHLY_CAP_YEN, OK, OVER_CAP
from models.worlds.settled.debits import months, owners_debits, within_cap
from models.worlds.settled.episodes import pace
from models.worlds.settled.links import owners_links
from models.worlds.settled.log import DAY_MS, MINUTE_MS, NONE, Log, log
from models.worlds.settled.people import WALLETS
from models.worlds.settled.spending import owners_spending
from models.worlds.settled.tables import ids
from models.worlds.settled.town import Town, town

KNOWN, DAYS = 1_000, 60


@cache
def small_town() -> Town:
    return town(KNOWN, DAYS, np.random.default_rng(5))


def rng() -> np.random.Generator:
    return np.random.default_rng(6)


def debits_of_anybody(n: int) -> Log:
    """Large debits of few accounts, so that caps are reached often, some of them without money."""
    draw = rng()
    account = draw.integers(0, 20, n)
    wallet = small_town().people.first_wallet[account] + draw.integers(0, small_town().people.wallets[account])
    at_ms = draw.integers(0, DAYS * DAY_MS, n)
    result = np.where(draw.random(n) < 0.1, INSUFFICIENT, OK)
    yen = draw.integers(1, 120, n) * 1_000
    return log(at_ms, DEBIT, account=account, wallet=wallet, amount_yen=yen, result=result, purpose=CHARGE)


def test_the_months_cap_is_that_of_a_plain_loop() -> None:
    found = within_cap(debits_of_anybody(2_000))
    taken: dict[tuple[int, int], int] = {}
    expected = []
    month = months(found.at_ms)
    for index in range(found.size):
        key = (int(found.wallet[index]), int(month[index]))
        yen = int(found.amount_yen[index])
        if found.result[index] == INSUFFICIENT:
            expected.append(INSUFFICIENT)
        elif taken.get(key, 0) + yen > MONTHLY_CAP_YEN:
            expected.append(OVER_CAP)
        else:
            expected.append(OK)
            taken[key] = taken.get(key, 0) + yen
    assert expected == found.result.tolist()
    assert {OK, INSUFFICIENT, OVER_CAP} == set(expected)


def test_april_ends_after_its_thirtieth_day() -> None:
    last_of_april = 26 * DAY_MS - 1  # the first day is the fifth
    assert [0, 1, 1, 2] == months(np.array([-5 * DAY_MS, 0, last_of_april, last_of_april + 1])).tolist()


def test_nobody_debits_by_a_wallet_that_is_not_linked_yet() -> None:
    debits = owners_debits(small_town(), rng())
    linked_ms = small_town().wallets.linked_ms[debits.wallet]
    new = linked_ms > 0
    assert new.sum() > 20
    assert (debits.at_ms > linked_ms).all()


def test_debits_and_links_come_from_the_accounts_own_wallets() -> None:
    for events in (owners_debits(small_town(), rng()), owners_links(small_town(), rng())):
        on_account = events.where(events.account != NONE)
        np.testing.assert_array_equal(on_account.account, small_town().wallets.account[on_account.wallet])


def test_the_wallets_of_an_account_are_at_different_services() -> None:
    wallets = small_town().wallets
    pairs = set(zip(wallets.account.tolist(), wallets.service.tolist(), strict=True))
    assert wallets.size == len(pairs) > KNOWN * np.dot(WALLETS, [1, 2, 3]) * 0.9


def test_who_sleeps_debits_nothing_and_returns() -> None:
    people, episodes = small_town().people, small_town().episodes
    sleeper = int(np.flatnonzero((episodes.sleep_from > 1) & (episodes.sleep_until < DAYS - 3))[0])
    asleep, awake = int(episodes.sleep_from[sleeper]) + 1, int(episodes.sleep_until[sleeper]) + 1
    assert pace(people, episodes, asleep, asleep % 7)[sleeper] == 0
    assert pace(people, episodes, awake, awake % 7)[sleeper] > 0


def test_on_a_trip_an_account_comes_from_one_address_that_is_not_its_home() -> None:
    episodes, where = small_town().episodes, small_town().whereabouts
    traveller = np.flatnonzero((episodes.away_from > 0) & (episodes.away_from < DAYS))[:50]
    at_ms = (episodes.away_from[traveller] * DAY_MS).astype(np.int64) + MINUTE_MS
    draws = np.stack([where.sources(traveller, at_ms, np.random.default_rng(seed)) for seed in range(20)])
    assert all(len(set(column.tolist()) - {NONE}) == 1 for column in draws.T)
    assert not np.isin(draws, where.home(traveller, at_ms)).any()


def test_failed_attempts_come_before_a_link_of_the_same_wallet() -> None:
    links = owners_links(small_town(), rng())
    links = links.where(links.kind == LINK)
    done, failed = links.where(links.result == OK), links.where(links.result != OK)
    assert failed.size > 20
    for wallet, at_ms in zip(failed.wallet.tolist(), failed.at_ms.tolist(), strict=True):
        assert ((done.wallet == wallet) & (done.at_ms > at_ms)).any()


def test_owners_spend_no_more_than_they_charged() -> None:
    debits = within_cap(owners_debits(small_town(), rng()))
    spent = owners_spending(small_town(), debits, rng())
    spent = spent.where(spent.shop != NONE)
    wallets = small_town().wallets.size
    charged = debits.where(debits.result == OK)
    by_wallet = np.bincount(charged.wallet, charged.amount_yen, wallets)
    # A payment has at least one yen.
    assert (np.bincount(spent.wallet, spent.amount_yen, wallets) <= by_wallet + spent.size).all()


def test_ids_are_unique_hex_of_64_bits_and_those_of_another_seed_differ() -> None:
    first, second = ids(5_000, "", 1), ids(5_000, "", 2)
    assert {16} == {len(text) for text in first}
    assert all(int(text, 16) >= 0 for text in first)
    assert 10_000 == len({*first, *second})
