"""Rates, hours and habits of one simulated summer, against what INCIDENT.md and common sense say."""

import datetime as dt
import time

import numpy as np
import numpy.typing as npt
import pytest
from support.populations import events_of, scenario

from detector.contract.vocabulary import (
    DEBIT,
    LINK,
    MONTHLY_CAP_YEN,
    OK,
    OPEN,
    OVER_CAP,
    PAYMENT,
    PIN4,
    RESULTS,
    UNLINK,
)
from producers import banks, jst, season
from producers.campaigns import SEPTEMBER_CASES
from producers.events import NO_CASE, Events
from producers.scenarios import DEFAULT_ACCOUNTS, honest_newcomers, simulate

AUGUST = dt.date(2020, 8, 1)


@pytest.fixture(scope="module")
def august() -> Events:
    return events_of(scenario(start=AUGUST, days=31, accounts=12_000))


@pytest.fixture(scope="module")
def once(august: Events) -> Events:
    """August, each event once."""
    return august.select(np.unique(august.event, return_index=True)[1])


def days_of(events: Events) -> npt.NDArray[np.int64]:
    return (events.occurred_at_ms - jst.midnight_ms(AUGUST)) // jst.DAY_MS + 1


def shares(of: npt.NDArray[np.int8]) -> dict[str, float]:
    return {word: float((of == code).mean()) for code, word in enumerate(RESULTS)}


def test_events_arrive_in_order_after_they_happened(august: Events) -> None:
    assert (np.diff(august.arrival_ms) >= 0).all()
    assert (august.arrival_ms > august.occurred_at_ms).all()
    assert august.arrival_ms.max() - jst.midnight_ms(dt.date(2020, 9, 1)) < 0


def test_a_wallet_is_opened_before_anything_happens_to_it(august: Events) -> None:
    assert (august.occurred_at_ms >= august.opened_at_ms).all()


def test_nights_are_quiet(once: Events) -> None:
    hours = np.bincount(jst.hour_of(once.occurred_at_ms[once.kind == DEBIT]), minlength=24)
    assert hours[1:5].mean() < hours[[8, 12, 18, 19, 20]].mean() / 5


def test_pay_day_is_the_busiest_day_of_the_month(once: Events) -> None:
    debits = np.bincount(days_of(once.select(once.kind == DEBIT)), minlength=32)[1:]
    assert debits.argmax() + 1 == 25
    assert debits[24] > 2 * np.median(debits)


@pytest.mark.parametrize(("month", "day"), [(7, 22 + 2), (8, 25), (10, 23)])
def test_pay_day_on_a_week_end_is_the_friday_before(month: int, day: int) -> None:
    assert dt.date(2020, month, day) == season.pay_day(2020 * 12 + month - 1)


def test_the_month_begins_with_a_peak(once: Events) -> None:
    # 3 August 2020 is the first Monday; the 1st, a Saturday, is compared with the next one without a campaign.
    debits = np.bincount(days_of(once.select(once.kind == DEBIT)), minlength=32)
    assert debits[1] > 1.2 * debits[15]


def test_campaign_days_bring_new_wallets(once: Events) -> None:
    opened = np.bincount(days_of(once.select(once.kind == OPEN)), minlength=32)
    assert opened[8:11].mean() > 1.3 * opened[17:21].mean()


def test_honest_pins_are_mistyped_at_times_and_locked_rarely(once: Events) -> None:
    found = shares(once.result[once.kind == LINK])
    assert 0.05 < found["wrong_credentials"] < 0.15
    assert 0 < found["locked"] < 0.02


def test_debits_fail_for_the_usual_reasons(once: Events) -> None:
    found = shares(once.result[once.kind == DEBIT])
    assert 0.008 < found["insufficient"] < 0.03
    assert 0.0002 < found["over_cap"] < 0.01
    assert 0.0001 < found["refused"] < 0.003
    assert found["ok"] > 0.95


def test_no_tie_takes_more_than_the_cap_in_a_month(once: Events) -> None:
    taken = once.select((once.kind == DEBIT) & (once.result == OK))
    tie = np.unique(np.stack([taken.account, taken.wallet]), axis=1, return_inverse=True)[1]
    totals = np.bincount(tie, taken.amount_yen)
    assert totals.max() == MONTHLY_CAP_YEN
    assert (once.result == OVER_CAP).any()


def test_some_honest_owners_take_the_whole_cap_within_an_hour(once: Events) -> None:
    taken = once.select((once.kind == DEBIT) & (once.result == OK) & (once.amount_yen >= 100_000))
    tie, place = np.unique(np.stack([taken.account, taken.wallet]), axis=1, return_inverse=True)
    totals = np.bincount(place, taken.amount_yen, tie.shape[1])
    span = [np.ptp(taken.occurred_at_ms[place == i]) for i in np.flatnonzero(totals == MONTHLY_CAP_YEN)]
    assert sum(ms < jst.HOUR_MS for ms in span) >= 5


def test_banks_are_of_very_unequal_size(once: Events) -> None:
    accounts = np.unique(once.account[once.kind == DEBIT])
    sizes = np.sort(np.unique(accounts >> np.uint64(40), return_counts=True)[1])
    assert len(sizes) == 35
    assert sizes[-1] > 20 * sizes[3]


def test_a_bank_links_by_pin_as_its_share_says(once: Events) -> None:
    links = once.select(once.kind == LINK)
    for code, share in ((9900, 1.0), (1, 0.0)):
        of_bank = links.auth[links.account >> np.uint64(40) == np.uint64(code)]
        assert share == (of_bank == PIN4).mean()
    assert 0.3 < (links.auth == PIN4).mean() < 0.8


def test_some_link_again_from_a_new_phone(once: Events) -> None:
    unlinks = once.select(once.kind == UNLINK)
    again = once.select((once.kind == LINK) & (once.result == OK) & np.isin(once.wallet, unlinks.wallet))
    assert again.size > 20


def test_a_few_events_come_twice_with_the_same_id(august: Events, once: Events) -> None:
    assert 0.001 < 1 - once.size / august.size < 0.004


def test_a_few_events_come_late_or_out_of_order(once: Events) -> None:
    delay = once.arrival_ms - once.occurred_at_ms
    assert 0.003 < (delay > jst.MINUTE_MS).mean() < 0.03
    assert 0 < (delay > jst.HOUR_MS).mean() < 0.01
    assert delay.max() <= 12 * jst.HOUR_MS


def test_an_outage_of_a_bank_delays_all_its_debits(once: Events) -> None:
    slow = once.select((once.kind == DEBIT) & (once.arrival_ms - once.occurred_at_ms > 20 * jst.MINUTE_MS))
    by_bank = np.unique(slow.account >> np.uint64(40), return_counts=True)
    assert by_bank[1].max() > 3
    assert set(by_bank[0].tolist()) <= set(banks.CODES.tolist())


def test_sources_are_shared_by_families_carriers_and_campuses(once: Events) -> None:
    pairs = np.unique(np.stack([once.source, once.wallet]), axis=1)
    sizes = np.unique(pairs[0], return_counts=True)[1]
    assert np.median(sizes) <= 3
    assert sizes.max() > 200


def test_accounts_with_two_wallets_exist(once: Events) -> None:
    debits = once.select(once.kind == DEBIT)
    pairs = np.unique(np.stack([debits.account, debits.wallet]), axis=1)
    wallets = np.unique(pairs[0], return_counts=True)[1]
    assert 0.03 < (wallets > 1).mean() < 0.3


def test_payments_stay_below_the_limit_of_a_bar_code(once: Events) -> None:
    paid = once.amount_yen[once.kind == PAYMENT]
    assert 80 <= paid.min()
    assert paid.max() <= 49_999


def test_fifty_honest_newcomers_hide_each_fraudulent_wallet_that_charges_as_soon() -> None:
    # As many cases for the people as in September 2020 at its usual size.
    events = events_of(scenario("september-2020", accounts=12_000, cases=SEPTEMBER_CASES * 12_000 // DEFAULT_ACCOUNTS))
    bad = events.select((events.case != NO_CASE) & (events.occurred_at_ms - events.opened_at_ms <= 2 * jst.HOUR_MS))
    fraudulent = len(np.unique(bad.wallet[bad.kind == DEBIT]))
    print(f"{honest_newcomers(events)} honest newcomers, {fraudulent} fraudulent ones")
    assert fraudulent > 20
    assert honest_newcomers(events) >= 50 * fraudulent


def test_honest_newcomers_include_unverified_ones_at_pin_banks_with_a_big_first_charge(once: Events) -> None:
    big = once.select((once.kind == DEBIT) & (once.amount_yen >= 50_000) & ~once.verified)
    fresh = big.select(big.occurred_at_ms - big.opened_at_ms < 2 * jst.HOUR_MS)
    at_pin_banks = np.isin(fresh.account >> np.uint64(40), banks.CODES[banks.PIN_BANKS])
    assert at_pin_banks.sum() > 5


def test_a_million_events_are_simulated_in_under_twenty_seconds() -> None:
    begun = time.perf_counter()
    size = sum(part.size for part in simulate(scenario(accounts=46_000)))
    seconds = time.perf_counter() - begun
    print(f"{size:,} events in {seconds:.1f} s, {size / seconds:,.0f} a second")
    assert size > 1_000_000
    assert seconds < 20
