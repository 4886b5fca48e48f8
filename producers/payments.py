"""What owners pay at shops from charged wallets: small things where they always go, and now and then something big."""

import datetime as dt

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import CHARGE, OK, PAYMENT
from producers import events, jst, season, shops
from producers.charges import COUNTER_MS
from producers.draws import Rng, fraction, lognormal_ms, pick
from producers.events import Events
from producers.shops import MAX_PAYMENT_YEN
from producers.ties import COUNTER, first_moments

PAYMENTS_PER_CHARGE = 1.3  # *assumed*; far fewer than in life, enough for a wallet's rhythm
SMALLEST_YEN = 80
FAVOURITE_SHARE = 0.75  # of small payments: at one of the owner's usual shops; *assumed*
SHOP_HOURS_SHARE = 0.9  # of small payments: when shops are busy; *assumed*
FAVOURITES = 12  # of an owner, the first ones the most visited
FAVOURITE_DECAY = 0.4  # parameter of the geometric distribution over them

#: Charges made for a purchase that follows at once, by the yen charged; *assumed*. Thieves do the same.
BIG_FROM_YEN = 20_000
BIG_SHARE = 0.18
BIG_DELAY_MS = 45 * jst.MINUTE_MS  # median from the charge
BIG_KINDS = ("electronics", "online", "supermarket", "drugstore", "tobacco", "transport")
BIG_KIND_WEIGHTS = (0.38, 0.24, 0.14, 0.09, 0.05, 0.10)
#: What a purchase of more than the bar-code limit is cut into, and prices right below it.
PIECES = (MAX_PAYMENT_YEN, 49_980, 49_800, 49_500, 48_000, 45_000)
PIECE_WEIGHTS = (0.35, 0.15, 0.20, 0.12, 0.10, 0.08)

SMOKER_SHARE = 0.17  # of adults (national health survey 2019: 16.7 %)
SMOKE_SHARE = 0.22  # of a smoker's small payments: tobacco; *assumed*
PACKS, PACK_WEIGHTS = (1, 2, 3, 5, 10, 20), (0.52, 0.22, 0.06, 0.04, 0.13, 0.03)  # ten are a carton
PACK_YEN, PACK_YEN_SINCE_OCTOBER = 510, 560  # a usual brand before and after the tax of 1 October 2020
TOBACCO_TAX = dt.date(2020, 10, 1)
STOCK_UP_DAYS = 10  # before it; smokers buy cartons
#: Owners who buy cartons for a bar, a shift, a resale: most of what they charge goes to one tobacco shop; *assumed*.
CARTON_BUYER_SHARE = 0.004
CARTON_PACKS = 10
TABLET_BUYER_SHARE = 0.003  # who do the same at an electronics shop; *assumed*
HEAVY_BUYER_SHARE = 0.6  # of the charges of both
_SALT = 0xB45E
_BLOCK = 1_000  # shops looked through for one of a wanted kind


def payments_after(rng: Rng, debits: Events, month: int, accounts: int) -> Events:
    """Payments in the numbered month from the wallets that `debits` charged.

    What would fall into the next month is moved back by the length of this month, if the wallet existed then, so that
    months stay independent of each other and no day lacks payments.
    """
    charged = debits.select((debits.purpose == CHARGE) & (debits.result == OK))
    trait = fraction(charged.wallet, _SALT)
    big = _bought_big(rng, charged, trait)
    small = _small(rng, charged, trait, accounts)
    paid = events.concatenate([small, _big(rng, charged.select(big), trait[big], accounts)])
    begins, ends = first_moments(month)
    over = paid.occurred_at_ms >= ends
    moment = paid.occurred_at_ms - over * (ends - begins)
    there = (moment < ends) & (moment > paid.opened_at_ms + jst.DAY_MS)
    return paid._replace(occurred_at_ms=moment).select(~over | there)


def _small(rng: Rng, charged: Events, trait: npt.NDArray[np.float64], accounts: int) -> Events:
    """Everyday payments."""
    which = np.repeat(np.arange(charged.size), rng.poisson(PAYMENTS_PER_CHARGE, charged.size))
    of = charged.select(which)
    usual = np.minimum(rng.geometric(FAVOURITE_DECAY, of.size) - 1, FAVOURITES - 1)
    own, other = shops.favourite(of.wallet, usual, accounts), shops.visited(rng, of.size, accounts)
    shop = np.where(rng.random(of.size) < FAVOURITE_SHARE, own, other)
    kind = shops.category_codes(shop)
    amount = (shops.MEDIAN_YEN[kind] * np.exp(shops.SIGMA[kind] * rng.standard_normal(of.size))).astype(np.int64)
    smokes = np.flatnonzero((trait[which] < SMOKER_SHARE) & (rng.random(of.size) < SMOKE_SHARE))
    shop[smokes] = own_shop(of.wallet[smokes], "tobacco", accounts)
    moment = _in_opening_hours(rng, of.occurred_at_ms, lognormal_ms(rng, 14 * jst.HOUR_MS, 1.6, of.size))
    amount[smokes] = _tobacco_yen(rng, moment[smokes])
    return _paid(of, moment, np.minimum(amount, of.amount_yen), shop)


def _in_opening_hours(
    rng: Rng, charged_ms: npt.NDArray[np.int64], delay_ms: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Moments about so long after each charge, most at the hours that people go to shops."""
    meant = charged_ms + jst.MINUTE_MS + delay_ms
    midnight = meant - (meant + jst.OFFSET_MS) % jst.DAY_MS
    usual = midnight + season.times_of_day(rng, len(meant))
    usual += (usual < charged_ms + jst.MINUTE_MS) * jst.DAY_MS
    return np.where(rng.random(len(meant)) < SHOP_HOURS_SHARE, usual, meant)


def _bought_big(rng: Rng, charged: Events, trait: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Indices of the charges that one big purchase uses up."""
    share = np.where(_heavy_buyer(trait), HEAVY_BUYER_SHARE, BIG_SHARE)
    return np.flatnonzero((charged.amount_yen >= BIG_FROM_YEN) & (rng.random(charged.size) < share))


def _heavy_buyer(trait: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    return (trait < CARTON_BUYER_SHARE) | (trait > 1 - TABLET_BUYER_SHARE)


def _big(rng: Rng, charged: Events, trait: npt.NDArray[np.float64], accounts: int) -> Events:
    """Purchases of most of what was charged, cut into payments just under the bar-code limit."""
    price = (charged.amount_yen * rng.uniform(0.7, 1.0, charged.size)).astype(np.int64)
    kinds = np.array(BIG_KINDS)[pick(rng, np.arange(len(BIG_KINDS)), BIG_KIND_WEIGHTS, charged.size)]
    kinds[trait < CARTON_BUYER_SHARE] = "tobacco"
    kinds[trait > 1 - TABLET_BUYER_SHARE] = "electronics"
    shop = np.zeros(charged.size, np.uint64)
    for kind in BIG_KINDS:
        shop[kinds == kind] = own_shop(charged.wallet[kinds == kind], kind, accounts)
    piece = pick(rng, PIECES, PIECE_WEIGHTS, charged.size)
    turn = np.arange(1 + int(price.max(initial=0)) // min(PIECES))
    amount = np.clip(price[:, None] - turn * piece[:, None], 0, piece[:, None])
    gaps = rng.integers(20 * jst.SECOND_MS, 5 * jst.MINUTE_MS, amount.shape)
    begins = charged.occurred_at_ms + jst.MINUTE_MS + lognormal_ms(rng, BIG_DELAY_MS, 1.2, charged.size)
    moment = begins[:, None] + np.cumsum(gaps, axis=1)
    some = amount >= SMALLEST_YEN
    of = charged.select(np.broadcast_to(np.arange(charged.size)[:, None], amount.shape)[some])
    return _paid(of, moment[some], amount[some], np.broadcast_to(shop[:, None], amount.shape)[some])


def own_shop(wallet: npt.NDArray[np.uint64], kind: str, accounts: int) -> npt.NDArray[np.uint64]:
    """The shop of that kind that each wallet's owner goes to."""
    numbers = np.arange(1, min(_BLOCK, shops.shop_count(accounts)) + 1).astype(np.uint64)
    of_kind = numbers[shops.category_codes(numbers) == shops.CATEGORIES.index(kind)]
    index = (fraction(wallet, _SALT + 1) ** shops.SKEW * len(of_kind)).astype(np.int64)
    chosen: npt.NDArray[np.uint64] = of_kind[index]
    return chosen


def _tobacco_yen(rng: Rng, moment_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Packs and cartons; many cartons in the days before the tax rises."""
    packs = pick(rng, PACKS, PACK_WEIGHTS, len(moment_ms))
    rises = jst.midnight_ms(TOBACCO_TAX)
    before = (moment_ms >= rises - STOCK_UP_DAYS * jst.DAY_MS) & (moment_ms < rises)
    stock = before & (rng.random(len(moment_ms)) < 0.5)
    packs[stock] = CARTON_PACKS * rng.integers(1, 10, int(stock.sum()))
    return packs * np.where(moment_ms < rises, PACK_YEN, PACK_YEN_SINCE_OCTOBER)


def _paid(
    of: Events, moment: npt.NDArray[np.int64], amount: npt.NDArray[np.int64], shop: npt.NDArray[np.uint64]
) -> Events:
    left = (of.source >> np.uint64(60) == np.uint64(COUNTER)) & (moment - of.opened_at_ms >= COUNTER_MS)
    return events.build(
        of.size,
        kind=PAYMENT,
        occurred_at_ms=moment,
        service=of.service,
        wallet=of.wallet,
        opened_at_ms=of.opened_at_ms,
        verified=of.verified,
        source=np.where(left, np.uint64(0), of.source),
        amount_yen=np.clip(amount, SMALLEST_YEN, MAX_PAYMENT_YEN),
        shop=shop,
    )
