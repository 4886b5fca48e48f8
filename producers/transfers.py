"""Money that people send each other: bills split, families, clubs and their treasurers, charges sent on at once."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import CHARGE, OK, TRANSFER
from producers import events, jst, season
from producers.charges import sources
from producers.circles import Circles, social
from producers.draws import Rng, lognormal_ms, pick
from producers.events import Events
from producers.ties import Ties, first_moments

# All *assumed*: of wallets and a month, times how social their service is.
DINNERS_A_MONTH = 0.06  # one pays, the others send their part
GUESTS = 1.6  # beside one, on average
DINNER_YEN = 2_800  # a head, the median
FAMILY_SHARE = 0.4  # of pairs in one household: pocket money, housekeeping
FAMILY_AMOUNTS = (2_000, 3_000, 5_000, 10_000, 20_000, 30_000, 50_000, 100_000)
FAMILY_WEIGHTS = (0.10, 0.14, 0.24, 0.24, 0.13, 0.09, 0.05, 0.01)

#: Treasurers of clubs, parents' circles and teams: many send them a fee within days. Some give it all back at once,
#: as when an outing is called off; *assumed*.
TREASURER_SHARE = 0.003
OCCASION_SHARE = 0.7  # months with a collection
MEMBERS_MIN, MEMBERS_MAX = 6, 40
FEES, FEE_WEIGHTS = (500, 1_000, 2_000, 3_000, 5_000, 10_000), (0.10, 0.25, 0.20, 0.25, 0.15, 0.05)
REFUND_SHARE = 0.15

#: Charges made to send the money on: by the yen charged, *assumed*. To one person, or to several as for a present.
SENT_ON_SHARE, SENT_ON_BIG_SHARE = 0.02, 0.05
BIG_YEN = 30_000
SENT_ON_DELAY_MS = 9 * jst.MINUTE_MS  # median from the charge
SEVERAL_SHARE = 0.12
SEVERAL_MAX = 5


class Sent(NamedTuple):
    """Money sent; every array has shape `(n,)`; `sender` and `receiver` are indices in the circles."""

    sender: npt.NDArray[np.int64]
    receiver: npt.NDArray[np.int64]
    occurred_at_ms: npt.NDArray[np.int64]
    amount_yen: npt.NDArray[np.int64]


def transfers_of(rng: Rng, circles: Circles, debits: Events, month: int) -> Events:
    """All transfers of the numbered month within the circles; some send on what `debits` charged."""
    parts = [
        _dinners(rng, circles, month),
        _families(rng, circles, month),
        _collections(rng, circles, month),
        _sent_on(rng, circles, debits),
    ]
    sent = Sent(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    begins, ends = first_moments(month)
    moment, opened = sent.occurred_at_ms, circles.wallets.opened_at_ms
    there = (sent.sender >= 0) & (sent.receiver >= 0) & (sent.sender != sent.receiver)
    there &= (moment >= begins) & (moment < ends)
    # A receiver has opened the wallet; a sender has charged it.
    there &= (moment > opened[sent.receiver]) & (moment > circles.wallets.first_charge_ms[sent.sender])
    return _events(rng, circles.wallets, Sent(*(column[there] for column in sent)))


def _dinners(rng: Rng, circles: Circles, month: int) -> Sent:
    size = len(circles.rank)
    payer = np.flatnonzero(rng.random(size) < DINNERS_A_MONTH * social(circles.wallets))
    guests = 1 + rng.poisson(GUESTS, len(payer))
    bill = np.repeat(np.arange(len(payer)), guests)
    number = np.arange(len(bill)) - np.repeat(np.cumsum(guests) - guests, guests)
    yen = np.maximum(300, DINNER_YEN * np.exp(0.6 * rng.standard_normal(len(payer)))).astype(np.int64)
    # Some round, some to the yen.
    yen = np.where(rng.random(len(payer)) < 0.6, yen // 100 * 100, yen)
    evening = (19 * jst.HOUR_MS + rng.normal(0, 2.5 * jst.HOUR_MS, len(payer))).astype(np.int64)
    moment = (_days(rng, month, len(payer)) + evening)[bill] + lognormal_ms(rng, 25 * jst.MINUTE_MS, 1.4, len(bill))
    return Sent(circles.friend(payer[bill], number), payer[bill], moment, yen[bill])


def _families(rng: Rng, circles: Circles, month: int) -> Sent:
    pairs = np.flatnonzero((circles.kin >= 0) & (rng.random(len(circles.kin)) < FAMILY_SHARE))
    turned = rng.random(len(pairs)) < 0.3  # the elder ties are not always the ones who give
    first, second = pairs, circles.kin[pairs]
    days = jst.days_of(month)
    midnights = np.array([jst.midnight_ms(day) for day in days], np.int64)
    weights = [4.0 if day in {days[0], season.pay_day(month)} else 1.0 for day in days]
    day = pick(rng, np.arange(len(days)), weights, len(pairs))
    amount = pick(rng, FAMILY_AMOUNTS, FAMILY_WEIGHTS, len(pairs)).astype(np.int64)
    moment = midnights[day] + season.times_of_day(rng, len(pairs))
    return Sent(np.where(turned, second, first), np.where(turned, first, second), moment, amount)


def _collections(rng: Rng, circles: Circles, month: int) -> Sent:
    treasurer = np.flatnonzero((circles.trait < TREASURER_SHARE) & (rng.random(len(circles.trait)) < OCCASION_SHARE))
    size = len(treasurer)
    members = MEMBERS_MIN + (circles.trait[treasurer] / TREASURER_SHARE * (MEMBERS_MAX - MEMBERS_MIN)).astype(np.int64)
    which = np.repeat(np.arange(size), members)
    number = np.arange(len(which)) - np.repeat(np.cumsum(members) - members, members)
    member = circles.anyone(treasurer[which], number)
    fee = pick(rng, FEES, FEE_WEIGHTS, size).astype(np.int64)
    refund = (rng.random(size) < REFUND_SHARE)[which]
    # Members pay within days of the call; the treasurer pays back in one evening.
    called = _days(rng, month, size) + season.times_of_day(rng, size)
    pause = np.where(refund, number * rng.integers(15_000, 60_000, size)[which], 0)
    paid = np.where(refund, pause, lognormal_ms(rng, 7 * jst.HOUR_MS, 1.3, len(which)))
    here = treasurer[which]
    return Sent(np.where(refund, here, member), np.where(refund, member, here), called[which] + paid, fee[which])


def _sent_on(rng: Rng, circles: Circles, debits: Events) -> Sent:
    charged = debits.select((debits.purpose == CHARGE) & (debits.result == OK))
    share = np.where(charged.amount_yen >= BIG_YEN, SENT_ON_BIG_SHARE, SENT_ON_SHARE)
    chosen = charged.select(rng.random(charged.size) < share)
    # Wallets of the circles are in order of their numbers.
    sender = np.searchsorted(circles.wallets.wallet, chosen.wallet)
    receivers = np.where(rng.random(chosen.size) < SEVERAL_SHARE, rng.integers(2, SEVERAL_MAX + 1, chosen.size), 1)
    which = np.repeat(np.arange(chosen.size), receivers)
    number = np.arange(len(which)) - np.repeat(np.cumsum(receivers) - receivers, receivers)
    kin = circles.kin[sender[which]]
    receiver = np.where((kin >= 0) & (number == 0), kin, circles.friend(sender[which], number))
    total = chosen.amount_yen * rng.uniform(0.6, 1.0, chosen.size)
    amount = np.maximum(100, (total / receivers // 100 * 100)).astype(np.int64)
    begins = chosen.occurred_at_ms + lognormal_ms(rng, SENT_ON_DELAY_MS, 1.2, chosen.size)
    moment = begins[which] + number * rng.integers(20_000, 120_000, chosen.size)[which]
    return Sent(sender[which], receiver, moment, amount[which])


def _days(rng: Rng, month: int, size: int) -> npt.NDArray[np.int64]:
    """Midnights of days of the month, more of them before days off."""
    days = jst.days_of(month)
    weights = [2.0 if day.weekday() in {4, 5} else 1.0 for day in days]
    chosen: npt.NDArray[np.int64] = pick(rng, [jst.midnight_ms(day) for day in days], weights, size)
    return chosen


def _events(rng: Rng, wallets: Ties, sent: Sent) -> Events:
    of = wallets.select(sent.sender)
    return events.build(
        len(sent.sender),
        kind=TRANSFER,
        occurred_at_ms=sent.occurred_at_ms,
        service=of.service,
        wallet=of.wallet,
        opened_at_ms=of.opened_at_ms,
        verified=of.verified,
        source=sources(rng, of, sent.occurred_at_ms),
        amount_yen=sent.amount_yen,
        counterparty=wallets.wallet[sent.receiver],
    )
