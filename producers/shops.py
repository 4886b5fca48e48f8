"""Shops, and what owners pay there from their wallets after a charge."""

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import ABSENT, CHARGE, OK, PAYMENT
from producers import events, jst
from producers.draws import Rng, lognormal_ms, pick
from producers.events import Events

#: Kinds of shops and their share of payments; *assumed*. A shop's number modulo 100 tells its category.
CATEGORIES = ("convenience", "supermarket", "restaurant", "drugstore", "online", "electronics", "tobacco", "transport")
CATEGORY_WEIGHTS = (38, 20, 14, 10, 8, 4, 3, 3)
CATEGORY_OF: npt.NDArray[np.int64] = np.repeat(np.arange(len(CATEGORIES)), CATEGORY_WEIGHTS)
MAX_PAYMENT_YEN = 49_999  # limit of a bar-code payment (press, Sept 2020)
PAYMENTS_PER_CHARGE = 1.3  # *assumed*; far fewer than in life, enough for a wallet's rhythm


def payments_after(rng: Rng, debits: Events, ends_ms: int, accounts: int) -> Events:
    """Payments from the wallets that `debits` charged, before `ends_ms`."""
    charged = debits.select((debits.purpose == CHARGE) & (debits.result == OK))
    count = rng.poisson(PAYMENTS_PER_CHARGE, charged.size)
    of = charged.select(np.repeat(np.arange(charged.size), count))
    moment = of.occurred_at_ms + jst.MINUTE_MS + lognormal_ms(rng, 14 * jst.HOUR_MS, 1.6, of.size)
    share = rng.beta(1.2, 2.5, of.size)
    paid = events.build(
        of.size,
        kind=PAYMENT,
        occurred_at_ms=moment,
        service=of.service,
        wallet=of.wallet,
        opened_at_ms=of.opened_at_ms,
        verified=of.verified,
        source=of.source,
        amount_yen=np.clip(of.amount_yen * share, 80, MAX_PAYMENT_YEN).astype(np.int64),
        shop=visited(rng, of.size, accounts),
    )
    return paid.select(moment < ends_ms)


def visited(rng: Rng, size: int, accounts: int) -> npt.NDArray[np.uint64]:
    """Numbers of the shops visited: a few large ones see most of the customers."""
    shops = shop_count(accounts)
    return (1 + shops * rng.random(size) ** 2.5).astype(np.uint64)


def of_category(rng: Rng, categories: tuple[str, ...], size: int, accounts: int) -> npt.NDArray[np.uint64]:
    """Numbers of shops of the given categories."""
    numbers = np.arange(1, shop_count(accounts) + 1)
    wanted = np.isin(category_codes(numbers.astype(np.uint64)), [CATEGORIES.index(name) for name in categories])
    chosen: npt.NDArray[np.uint64] = pick(rng, numbers[wanted], np.ones(int(wanted.sum())), size).astype(np.uint64)
    return chosen


def shop_count(accounts: int) -> int:
    """How many shops a population of `accounts` has."""
    return 200 + accounts // 60


def category_codes(shop: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Place in `CATEGORIES` of each shop, `ABSENT` for shop 0."""
    return np.where(shop == 0, ABSENT, CATEGORY_OF[(shop * np.uint64(37)) % np.uint64(len(CATEGORY_OF))])
