"""T2 to T13: what defines each of them in INCIDENT.md holds for every case, over several seeds; T1 has its own file."""

from collections import Counter

import numpy as np
import pytest
from support.frauds import by_case, day_of, of_campaigns, played

from detector.contract.vocabulary import (
    DEBIT,
    LINK,
    MONTHLY_CAP_YEN,
    OK,
    OPEN,
    OVER_CAP,
    PAYMENT,
    PAYOUT,
    TRANSFER,
    UNLINK,
    WRONG_CREDENTIALS,
)
from producers import jst
from producers.cases import PROBE, TEST
from producers.events import Events
from producers.shops import CATEGORIES, category_codes

seeds = pytest.mark.parametrize("seed", [1, 2, 3])


def taken(case: Events) -> Events:
    """The charges that came."""
    return case.select((case.kind == DEBIT) & (case.result == OK))


@seeds
def test_t2_takes_the_cap_at_a_months_end_and_again_on_day_one_or_two(seed: int) -> None:
    for case in by_case(played("T2", seed, 200)):
        charges = taken(case)
        dates = [jst.date_of(at) for at in charges.occurred_at_ms.tolist()]
        before = np.array([date.day >= 28 for date in dates])
        assert all(date.day in {28, 29, 30, 31, 1, 2} for date in dates)
        assert [MONTHLY_CAP_YEN] * 2 == [charges.amount_yen[part].sum() for part in (before, ~before)]
        assert jst.month_of(dates[-1]) == jst.month_of(dates[0]) + 1
        assert charges.size in range(6, 11)


def spray(seed: int, cases: int = 24) -> tuple[Events, list[Events]]:
    """Tries of T3, and the tries of each spray: those of one source."""
    events = played("T3", seed, cases, accounts=100_000)
    tries = events.select(events.stage == PROBE)
    return events, [tries.select(tries.source == source) for source in np.unique(tries.source)]


@seeds
def test_t3_tries_200_to_10000_accounts_over_days_from_one_source_and_rarely_succeeds(seed: int) -> None:
    for tries in spray(seed)[1]:
        accounts = len(np.unique(tries.account))
        assert 200 <= accounts <= 10_000
        assert 1e-4 <= (tries.result == OK).sum() / accounts <= 1e-2
        assert 1 <= np.ptp(day_of(tries.occurred_at_ms)) + 1 <= 180


@seeds
def test_t3_tries_an_account_twice_a_day_at_most(seed: int) -> None:
    _, sprays = spray(seed)
    for tries in sprays:
        pairs = Counter(zip(tries.account.tolist(), day_of(tries.occurred_at_ms).tolist(), strict=True))
        assert set(pairs.values()) == {1, 2}


@seeds
def test_t3_drains_each_account_that_opened_from_a_fresh_wallet_and_leaves_the_others(seed: int) -> None:
    events, sprays = spray(seed)
    for case in by_case(events):
        found = case.select((case.stage == PROBE) & (case.result == OK))
        assert found.size == 1
        assert (taken(case).occurred_at_ms > found.occurred_at_ms).all()
        assert not np.isin(taken(case).wallet, found.wallet).any()
    missed = of_campaigns(events)
    assert set(missed.kind.tolist()) == {OPEN, LINK}
    assert set(missed.result[missed.kind == LINK].tolist()) == {WRONG_CREDENTIALS}
    assert len(set(missed.case.tolist())) == len(sprays)


@seeds
def test_t4_succeeds_at_more_than_four_in_five_accounts_with_one_attempt_each(seed: int) -> None:
    events = played("T4", seed, 60)
    links = events.select(events.kind == LINK)
    assert set(Counter(links.account.tolist()).values()) == {1}
    assert 0.8 < (links.result == OK).mean() <= 1
    assert max(Counter(links.wallet.tolist()).values()) == 3
    for case in by_case(events):
        failed = case.result[case.kind == LINK][0] != OK
        assert taken(case).amount_yen.sum() == (0 if failed else MONTHLY_CAP_YEN)


@seeds
@pytest.mark.parametrize("cases", [3, 24, 150])
def test_t5_opens_20_to_100_wallets_a_day_from_at_most_five_sources(cases: int, seed: int) -> None:
    events = played("T5", seed, cases)
    opens = events.select(events.kind == OPEN)
    day = day_of(opens.occurred_at_ms)
    for one in np.unique(day):
        assert 20 <= (day == one).sum() <= 100
        assert 1 <= len(np.unique(opens.source[day == one])) <= 5
    unused = of_campaigns(events)
    assert set(unused.kind.tolist()) <= {OPEN}
    assert unused.size == max(0, opens.size - cases)


@seeds
def test_t6_charges_first_one_to_thirty_days_after_the_link(seed: int) -> None:
    for case in by_case(played("T6", seed, 24)):
        linked = case.occurred_at_ms[(case.kind == LINK) & (case.result == OK)]
        assert jst.DAY_MS <= taken(case).occurred_at_ms[0] - linked[0] <= 30 * jst.DAY_MS


@seeds
def test_t7_moves_the_account_over_two_to_five_wallets_and_takes_the_cap_with_each(seed: int) -> None:
    hops = set()
    for case in by_case(played("T7", seed, 24)):
        acts = case.select(np.isin(case.kind, [LINK, UNLINK]) & (case.result != WRONG_CREDENTIALS))
        wallets = list(dict.fromkeys(acts.wallet.tolist()))
        assert acts.kind.tolist() == [LINK, UNLINK] * len(wallets)
        assert acts.wallet.tolist() == [wallet for wallet in wallets for _ in range(2)]
        for wallet in wallets:
            assert taken(case.select(case.wallet == wallet)).amount_yen.sum() == MONTHLY_CAP_YEN
        hops.add(len(wallets))
    assert hops == {2, 3, 4, 5}


@seeds
def test_t8_buys_5_to_20_times_within_a_day_at_convenience_and_electronics_shops(seed: int) -> None:
    for case in by_case(played("T8", seed, 24)):
        bought = case.select(case.kind == PAYMENT)
        assert 5 <= bought.size <= 20
        assert np.ptp(bought.occurred_at_ms) <= jst.DAY_MS
        kinds = {CATEGORIES[code] for code in category_codes(bought.shop).tolist()}
        assert kinds <= {"convenience", "electronics"}


@seeds
def test_t8_pays_from_about_twenty_wallets_with_one_device_that_opened_none_of_them(seed: int) -> None:
    events = played("T8", seed, 60)
    bought = events.select(events.kind == PAYMENT)
    sizes = sorted(len(np.unique(bought.wallet[bought.source == device])) for device in np.unique(bought.source))
    assert sum(sizes) == 60
    assert all(15 <= size <= 25 for size in sizes[1:])
    assert not np.isin(events.source[events.kind == OPEN], bought.source).any()


@seeds
def test_t9_sends_to_two_to_six_wallets_and_from_all_of_them_to_one_collector(seed: int) -> None:
    events = played("T9", seed, 24)
    collectors = set()
    for case in by_case(events):
        moved = case.select(case.kind == TRANSFER)
        own = moved.wallet == case.wallet[case.kind == DEBIT][0]
        receivers = moved.counterparty[own]
        assert 2 <= len(np.unique(receivers)) == len(receivers) <= 6
        assert set(moved.wallet[~own].tolist()) == set(receivers.tolist())
        assert len(set(moved.counterparty[~own].tolist())) == 1
        assert moved.amount_yen[own].sum() == moved.amount_yen[~own].sum() > 0.99 * MONTHLY_CAP_YEN
        assert len(set(case.service.tolist())) == 1
        collectors |= set(moved.counterparty[~own].tolist())
    cashed = of_campaigns(events)
    assert set(cashed.kind.tolist()) == {OPEN, PAYMENT, PAYOUT}
    assert set(cashed.wallet[cashed.kind != OPEN].tolist()) == collectors
    assert len(collectors) < 24 / 2


@seeds
def test_t10_debits_one_account_through_several_services_in_a_day_each_below_its_cap(seed: int) -> None:
    for case in by_case(played("T10", seed, 24)):
        charges = taken(case)
        services = np.unique(charges.service)
        assert 2 <= len(services) <= 5
        assert len(np.unique(charges.wallet)) == len(services)
        assert np.ptp(charges.occurred_at_ms) < jst.DAY_MS
        for service in services:
            assert 40_000 <= charges.amount_yen[charges.service == service].sum() <= 250_000


@seeds
def test_t11_tests_with_one_or_two_small_charges_before_the_drain(seed: int) -> None:
    refused = 0
    for case in by_case(played("T11", seed, 24)):
        tests = case.select(case.stage == TEST)
        assert 1 <= tests.size <= 2
        assert 1_000 <= tests.amount_yen.min() <= tests.amount_yen.max() <= 5_000
        rest = case.select((case.kind == DEBIT) & (case.stage != TEST))
        assert rest.occurred_at_ms.min() - tests.occurred_at_ms.max() >= 30 * jst.MINUTE_MS
        refused += int((rest.result == OVER_CAP).sum())
    assert refused == 24


@seeds
def test_t12_is_t1_with_verified_wallets_many_of_them_old(seed: int) -> None:
    events = played("T12", seed, 60)
    assert events.verified.all()
    links = events.select((events.kind == LINK) & (events.result == OK))
    age = links.occurred_at_ms - links.opened_at_ms
    old = age > jst.DAY_MS
    assert age[~old].min() >= 2 * jst.MINUTE_MS
    assert age[~old].max() <= 31 * jst.MINUTE_MS
    assert 0.15 < old.mean() < 0.85


@seeds
def test_t13_spends_from_many_wallets_at_one_shop_within_hours(seed: int) -> None:
    events = played("T13", seed, 60)
    bought = events.select(events.kind == PAYMENT)
    wallets = []
    for shop in np.unique(bought.shop):
        burst = bought.select(bought.shop == shop)
        assert np.ptp(burst.occurred_at_ms) <= 6 * jst.HOUR_MS
        wallets.append(len(np.unique(burst.wallet)))
    assert sum(wallets) == 60
    assert sum(count < 10 for count in wallets) <= 1
    assert max(wallets) <= 40
