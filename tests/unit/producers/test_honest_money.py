"""Honest money on its way: usual shops, big purchases, cartons before the tax, bills split, treasurers, payouts."""

import numpy as np
import pytest
from support.months import AUGUST, BEGINS_MS, SEPTEMBER, charges, month_of

from detector.contract.vocabulary import LINK, OPEN, PAYMENT, PAYOUT, SERVICES, TRANSFER
from producers import jst, payments, payouts, shops
from producers.attempts import Attempts
from producers.circles import circles_of
from producers.draws import stream
from producers.events import Events
from producers.life import partners
from producers.occasions import in_steps
from producers.outages import Outage, held
from producers.population import Population


@pytest.fixture(scope="module")
def once() -> Events:
    return month_of().once


def of(once: Events, kind: int) -> Events:
    return once.select(once.kind == kind)


def test_a_wallet_pays_at_the_same_shops_again_and_again(once: Events) -> None:
    paid = of(once, PAYMENT)
    wallets, count = np.unique(paid.wallet, return_counts=True)
    busy = np.isin(paid.wallet, wallets[count >= 15])
    visits = np.unique(paid.wallet[busy], return_counts=True)[1]
    assert (partners(paid.wallet[busy], paid.shop[busy]) / visits).mean() < 0.75


def test_shops_are_quiet_at_night(once: Events) -> None:
    hours = np.bincount(jst.hour_of(of(once, PAYMENT).occurred_at_ms), minlength=24)
    assert hours[1:5].mean() < hours[[12, 18, 19]].mean() / 3


def test_no_day_lacks_payments_because_the_month_has_just_begun(once: Events) -> None:
    per_day = month_of().per_day(PAYMENT)
    assert per_day[0] > 0.8 * np.median(per_day)


def test_a_big_purchase_is_cut_below_the_bar_code_limit_and_costs_no_more_than_the_charge() -> None:
    size = 4_000
    charged = charges([0.0] * size, np.arange(20_001, 20_001 + 50 * size, 50), wallet=np.arange(size))
    paid = payments._big(stream(1, "test"), charged, np.full(size, 0.5), 1_000)
    spent = np.bincount(paid.wallet.astype(np.int64), paid.amount_yen, size)
    assert (spent <= charged.amount_yen).all()
    assert (spent >= 0.69 * charged.amount_yen).all()
    assert paid.amount_yen.max() == shops.MAX_PAYMENT_YEN
    assert (partners(paid.wallet, paid.shop) == 1).all()
    first = payments._bought_big(stream(1, "test"), charged, np.full(size, 0.5))
    assert 0.1 * size < len(first) < 0.3 * size


def test_payments_that_would_fall_into_the_next_month_are_made_in_this_one_if_the_wallet_was_there() -> None:
    last_hour = [31 * 24 * 60 - 60.0] * 3_000
    fresh = charges(last_hour, 5_000, opened_at_ms=BEGINS_MS + 30 * jst.DAY_MS, wallet=np.arange(3_000))
    for charged, moved in ((fresh, False), (fresh._replace(opened_at_ms=fresh.opened_at_ms - 99 * jst.DAY_MS), True)):
        paid = payments.payments_after(stream(1, "test"), charged, AUGUST, 1_000)
        assert paid.occurred_at_ms.max() < BEGINS_MS + 31 * jst.DAY_MS
        assert moved == bool((paid.occurred_at_ms < charged.occurred_at_ms[0]).any())


def test_smokers_stock_up_before_the_tax_rises() -> None:
    paid = month_of(SEPTEMBER, 6_000).of(PAYMENT)
    tobacco = shops.category_codes(paid.shop) == shops.CATEGORIES.index("tobacco")
    cartons = paid.select(tobacco & (paid.amount_yen >= 10_000))
    day = (cartons.occurred_at_ms - jst.midnight_ms(jst.first_day(SEPTEMBER))) // jst.DAY_MS
    per_day = np.bincount(day, minlength=30)
    assert per_day[-payments.STOCK_UP_DAYS :].mean() > 3 * per_day[: -payments.STOCK_UP_DAYS].mean()


def test_money_goes_to_another_wallet_of_the_service_that_is_there_already(once: Events) -> None:
    ties = Population(2020, 12_000).until(AUGUST)
    opened = dict(zip(ties.wallet.tolist(), ties.opened_at_ms.tolist(), strict=True))
    service = dict(zip(ties.wallet.tolist(), ties.service.tolist(), strict=True))
    sent = of(once, TRANSFER)
    assert sent.size > 5_000
    assert (sent.wallet != sent.counterparty).all()
    for sender, receiver, moment in zip(
        sent.wallet.tolist(), sent.counterparty.tolist(), sent.occurred_at_ms.tolist(), strict=True
    ):
        assert opened[receiver] < moment
        assert service[receiver] == service[sender]


def test_a_friend_stays_a_friend_when_people_come() -> None:
    people = Population(2020, 2_000)
    before, after = (circles_of(people.until(month)) for month in (AUGUST, SEPTEMBER))
    owners, number = np.arange(2_000), np.full(2_000, 3)
    one, two = before.friend(owners, number), after.friend(owners, number)
    assert (one >= 0).sum() > 1_990
    assert ((one < 0) == (two < 0)).all()
    assert (before.wallets.wallet[one[one >= 0]] == after.wallets.wallet[two[one >= 0]]).all()


def test_kin_live_together_and_are_at_one_service() -> None:
    circles = circles_of(Population(2020, 2_000).until(AUGUST))
    owners = np.flatnonzero(circles.kin >= 0)
    kin = circles.kin[owners]
    assert len(owners) > 200
    assert (circles.wallets.home[owners] == circles.wallets.home[kin]).all()
    assert (circles.wallets.service[owners] == circles.wallets.service[kin]).all()
    assert (owners != kin).all()


def test_treasurers_are_sent_one_fee_by_many_within_days(once: Events) -> None:
    sent = of(once, TRANSFER)
    receivers = np.unique(sent.counterparty)
    most = receivers[partners(sent.counterparty, sent.wallet).argmax()]
    fees = sent.select(sent.counterparty == most)
    amounts, count = np.unique(fees.amount_yen, return_counts=True)
    assert count.max() > 15
    moments = fees.occurred_at_ms[fees.amount_yen == amounts[count.argmax()]]
    assert np.ptp(np.quantile(moments, [0.1, 0.9])) < 7 * jst.DAY_MS


def test_payouts_keep_their_limits_and_some_use_them_up_at_once(once: Events) -> None:
    paid = of(once, PAYOUT)
    place = np.unique(paid.wallet, return_inverse=True)[1]
    count = np.bincount(place)
    assert count.max() == payouts.PAYOUTS_A_MONTH
    assert paid.amount_yen.max() == payouts.MAX_PAYOUT_YEN
    full = np.flatnonzero(np.bincount(place, paid.amount_yen) == payouts.PAYOUTS_A_MONTH * payouts.MAX_PAYOUT_YEN)
    spans = [np.ptp(paid.occurred_at_ms[place == i]) for i in full]
    assert min(spans) < jst.HOUR_MS


def test_steps_add_up_to_what_was_wanted_and_follow_in_seconds() -> None:
    size = 5_000
    wanted = Attempts(np.arange(size), np.zeros(size, np.int64), np.full(size, 60_000), np.zeros(size, np.int8))
    made = in_steps(stream(1, "test"), wanted)
    steps = np.bincount(made.tie)
    assert set(steps.tolist()) == {1, 2, 3}
    assert 0.02 < (steps > 1).mean() < 0.1
    assert (np.bincount(made.tie, made.amount_yen) == 60_000).all()
    pauses = made.occurred_at_ms[made.occurred_at_ms > 0]
    assert pauses.min() >= 5 * jst.SECOND_MS
    assert np.median(pauses) < 40 * jst.SECOND_MS


@pytest.mark.parametrize("of_bank", [True, False])
def test_an_outage_holds_what_it_concerns_and_sends_it_in_a_heap(of_bank: bool) -> None:
    bank = np.uint64(125 << 40 | 1)
    paypay = SERVICES.index("paypay")
    sent = charges([0, 10, 10, 59, 61], 1, account=[bank, bank, 1, bank, bank], service=[paypay, paypay, 0, 0, paypay])
    sent.kind[1] = LINK if of_bank else OPEN
    outage = Outage(of_bank, 125 if of_bank else paypay, BEGINS_MS + 5 * jst.MINUTE_MS, BEGINS_MS + 60 * jst.MINUTE_MS)
    arrival = held(sent, sent.arrival_ms, [outage])
    kept = arrival == sent.arrival_ms
    assert ([True, False, True, False, True] if of_bank else [True, False, True, True, True]) == kept.tolist()
    assert ((arrival[~kept] >= outage.ends_ms) & (arrival[~kept] < outage.ends_ms + jst.MINUTE_MS)).all()
