"""T2 to T13: what defines each of them in INCIDENT.md holds for the events of every case, over several seeds."""

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
    PIN4,
    TRANSFER,
    UNLINK,
    WRONG_CREDENTIALS,
)
from producers import banks, campaigns, jst
from producers.cases import PROBE, STAGES, TEST, victims_of
from producers.events import NO_CASE, Events
from producers.shops import CATEGORIES, category_codes
from producers.typologies.table import BY_ID, TYPOLOGIES, markdown

SEEDS = (1, 2, 3)
EVERY = tuple(row.id for row in TYPOLOGIES)

seeds = pytest.mark.parametrize("seed", SEEDS)


def taken(case: Events) -> Events:
    """The charges that came."""
    return case.select((case.kind == DEBIT) & (case.result == OK))


@seeds
@pytest.mark.parametrize("typology", EVERY)
def test_every_event_belongs_to_a_case_or_campaign_and_every_case_has_one_account(typology: str, seed: int) -> None:
    events = played(typology, seed, 24)
    assert len(victims_of(events)) == 24
    assert (events.case != NO_CASE).all()
    assert (events.stage >= 0).all()
    assert len(np.unique(events.event)) == events.size
    robbed = [set(case.account[case.account > 0].tolist()) for case in by_case(events)]
    assert {len(accounts) for accounts in robbed} == {1}
    assert len(set.union(*robbed)) == 24


@seeds
@pytest.mark.parametrize("typology", EVERY)
def test_victims_bank_where_a_pin_is_enough_and_links_are_by_pin(typology: str, seed: int) -> None:
    events = played(typology, seed, 24)
    codes = (events.account[events.account > 0] >> np.uint64(40)).tolist()
    assert set(codes) <= set(banks.CODES[banks.PIN_BANKS].tolist())
    assert (events.auth[events.kind == LINK] == PIN4).all()


@seeds
@pytest.mark.parametrize("typology", EVERY)
def test_no_wallet_does_anything_before_it_is_opened_or_charges_before_it_is_linked(typology: str, seed: int) -> None:
    events = played(typology, seed, 24)
    assert (events.occurred_at_ms >= events.opened_at_ms).all()
    opens = events.select(events.kind == OPEN)
    assert (opens.occurred_at_ms == opens.opened_at_ms).all()
    assert set(events.wallet.tolist()) == set(opens.wallet.tolist())
    assert len(set(opens.wallet.tolist())) == opens.size
    linked: dict[tuple[int, int], int] = {}
    ordered = events.select(np.argsort(events.occurred_at_ms, kind="stable"))
    for kind, result, wallet, account, at in zip(
        *(getattr(ordered, name).tolist() for name in ("kind", "result", "wallet", "account", "occurred_at_ms")),
        strict=True,
    ):
        if kind == LINK and result == OK:
            linked[wallet, account] = at
        elif kind == UNLINK:
            del linked[wallet, account]
        elif kind == DEBIT:
            assert linked[wallet, account] < at


@seeds
@pytest.mark.parametrize("typology", EVERY)
def test_no_wallet_takes_more_than_the_monthly_cap_or_spends_more_than_it_has(typology: str, seed: int) -> None:
    events = played(typology, seed, 24)
    charged: Counter[tuple[int, int, int]] = Counter()
    money: Counter[int] = Counter()
    kinds = (events.kind, events.result, events.wallet, events.account, events.counterparty, events.amount_yen)
    months = [jst.month_of(jst.date_of(at)) for at in events.occurred_at_ms.tolist()]
    for kind, result, wallet, account, to, yen, month in zip(*(c.tolist() for c in kinds), months, strict=True):
        if kind == DEBIT and result == OK:
            charged[wallet, account, month] += yen
            money[wallet] += yen
        elif kind == TRANSFER:
            money[wallet] -= yen
            money[to] += yen
        elif kind in (PAYMENT, PAYOUT):
            money[wallet] -= yen
    assert max(charged.values()) <= MONTHLY_CAP_YEN
    assert min(money.values()) >= 0
    assert events.amount_yen[events.kind == PAYMENT].max() <= 49_999
    payouts = Counter(events.wallet[events.kind == PAYOUT].tolist())
    assert max(payouts.values(), default=0) <= 5
    assert set(events.amount_yen[events.kind == PAYOUT].tolist()) <= {20_000}


@seeds
@pytest.mark.parametrize("typology", [name for name in EVERY if name not in {"T2", "T4", "T7", "T10"}])
def test_the_whole_cap_is_taken_where_nothing_stops_the_thief(typology: str, seed: int) -> None:
    for case in by_case(played(typology, seed, 24)):
        assert taken(case).amount_yen.sum() == MONTHLY_CAP_YEN


@seeds
def test_t2_takes_the_cap_at_a_months_end_and_again_on_day_one_or_two(seed: int) -> None:
    for case in by_case(played("T2", seed, 24)):
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


@pytest.mark.parametrize("typology", [name for name in EVERY if name != "T12"])
def test_all_other_wallets_are_unverified(typology: str) -> None:
    assert not played(typology, SEEDS[0], 24).verified.any()


@pytest.mark.parametrize("typology", EVERY)
def test_another_seed_plays_other_cases_and_the_same_seed_the_same(typology: str) -> None:
    one, two = (played(typology, seed, 24) for seed in (1, 2))
    again = played.__wrapped__(typology, 1, 24)
    assert [column.tolist() for column in one] == [column.tolist() for column in again]
    assert one.occurred_at_ms[: two.size].tolist() != two.occurred_at_ms[: one.size].tolist()


def test_every_parameter_of_the_table_has_a_range_and_a_basis() -> None:
    for typology in TYPOLOGIES:
        assert typology.parameters
        for parameter in typology.parameters:
            assert parameter.low <= parameter.high
            assert any(
                word in parameter.basis for word in ("assumed", "INCIDENT", "NHK", "77 Bank", "arrests", "limit")
            )


def test_the_table_is_printed_with_all_its_parameters() -> None:
    lines = markdown().splitlines()
    assert len(lines) == 2 + sum(len(typology.parameters) for typology in TYPOLOGIES)
    assert "| T3 | PIN spray, low and slow | accounts | 200 … 10,000 accounts |" in markdown()
    assert {line.count("|") for line in lines} == {6}


def test_stages_tell_what_a_thief_is_about() -> None:
    seen = {STAGES[stage] for typology in EVERY for stage in np.unique(played(typology, 1, 24).stage)}
    assert set(STAGES) == seen


def test_a_narrowed_range_lies_in_that_of_the_table() -> None:
    rows = (*campaigns.SEPTEMBER_2020.waves, *campaigns.MAY_2019.waves, *campaigns.QUIET_YEAR.waves)
    narrowed = [(wave.typology, *row) for wave in rows for row in wave.narrowed]
    assert narrowed
    for typology, name, low, high in narrowed:
        (parameter,) = [row for row in BY_ID[typology].parameters if row.name == name]
        assert parameter.low <= low <= high <= parameter.high
