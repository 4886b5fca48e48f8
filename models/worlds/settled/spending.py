"""What owners do with a charged wallet: payments at their own shops, transfers to their own partners, payouts."""

import numpy as np

from detector.contract.vocabulary import OK, PAYMENT, PAYOUT, PURCHASE, TRANSFER
from models.worlds.settled.habits import moments
from models.worlds.settled.log import DAY_MS, Floats, Ints, Log, Rng, join, log
from models.worlds.settled.people import SHOPS_OF_A_PERSON, skewed
from models.worlds.settled.town import Town

#: A charge is spent in 1 + Poisson(0.6) payments, nine tenths of it. Assumed.
FURTHER_PAYMENTS, SPENT = 0.6, 0.9
#: The favourite shop of eight takes two payments of five (index = 8·u^2.5); one in 16 goes to another shop, on a trip
#: three of four. Assumed.
FAVOURITE, ELSEWHERE, ELSEWHERE_AWAY = 2.5, 1 / 16, 0.75
#: A direct debit is the payment: the shop's record follows within two seconds.
DIRECT_MS = 2_000
#: One wallet in eight sends money to one of two partners three times a month; one in 40 has money paid out twice a
#: month (flea markets). Assumed.
SENDERS, TRANSFERS_A_DAY, SELLERS, PAYOUTS_A_DAY = 1 / 8, 0.1, 1 / 40, 1 / 15
#: What senders and sellers move: 3,000 yen (median), by 0.8 (ln). Assumed. A payout is at most 20,000 yen (press).
MOVED_YEN, MOVED_SPREAD, MOST_PAID_OUT_YEN = 3_000, 0.8, 20_000


def owners_spending(town: Town, debits: Log, rng: Rng) -> Log:
    """Payments after the successful debits, and the transfers and payouts of some wallets."""
    return join(_payments(town, debits, rng), _transfers(town, rng), _payouts(town, rng))


def shops_of(town: Town, account: Ints, at_ms: Ints, rng: Rng) -> Ints:
    """A shop for each account at each moment: one of its own, or any."""
    n = len(account)
    rank = (SHOPS_OF_A_PERSON * rng.random(n) ** FAVOURITE).astype(np.int64)
    rank += town.episodes.new_shop[account] < at_ms / DAY_MS
    own = town.people.shops[account, rank % SHOPS_OF_A_PERSON]
    elsewhere = np.where(town.episodes.away(account, at_ms), ELSEWHERE_AWAY, ELSEWHERE)
    return np.where(rng.random(n) < elsewhere, any_shops(town, n, rng), own)


def any_shops(town: Town, n: int, rng: Rng) -> Ints:
    """Any shops, the popular ones more often."""
    return skewed(int(town.people.shops.max()) + 1, n, rng)


def _payments(town: Town, debits: Log, rng: Rng) -> Log:
    direct = debits.purpose == PURCHASE
    times = np.where(direct, 1, 1 + rng.poisson(FURTHER_PAYMENTS, debits.size))
    charge = np.repeat(np.arange(debits.size), times)
    part = rng.exponential(size=len(charge))
    part /= np.bincount(charge, part)[charge]
    yen = np.where(direct[charge], 1.0, SPENT * part) * debits.amount_yen[charge]
    account = debits.account[charge]
    wait = np.where(direct[charge], DIRECT_MS * rng.random(len(charge)), _waits(town, account, rng))
    at_ms = debits.at_ms[charge] + wait.astype(np.int64)
    source = np.where(direct[charge], debits.source[charge], town.sources(account, at_ms, rng))
    payments = log(
        at_ms,
        PAYMENT,
        wallet=debits.wallet[charge],
        source=source,
        amount_yen=np.maximum(1, yen).astype(np.int64),
        shop=shops_of(town, account, at_ms, rng),
    )
    # Drawn for all debits: a thief who uses up a victim's cap must not change what others spend.
    return payments.where(debits.result[charge] == OK)


def _waits(town: Town, account: Ints, rng: Rng) -> Floats:
    return town.people.patience_ms[account] * rng.exponential(size=len(account))


def _transfers(town: Town, rng: Rng) -> Log:
    """To one of two partners at the same service: the next wallets there in the order of a wallet's number."""
    wallets = town.wallets
    by_service = np.argsort(wallets.service, kind="stable")
    rank = np.empty(wallets.size, np.int64)
    rank[by_service] = np.arange(wallets.size)
    moved = _moved(town, SENDERS, TRANSFERS_A_DAY, TRANSFER, rng)
    partner = by_service[(rank[moved.wallet] + rng.integers(1, 3, moved.size)) % wallets.size]
    fits = (wallets.service[partner] == wallets.service[moved.wallet]) & (wallets.opened_ms[partner] < moved.at_ms)
    return moved._replace(counterparty=partner).where(fits)


def _payouts(town: Town, rng: Rng) -> Log:
    paid = _moved(town, SELLERS, PAYOUTS_A_DAY, PAYOUT, rng)
    return paid._replace(amount_yen=np.minimum(paid.amount_yen, MOST_PAID_OUT_YEN))


def _moved(town: Town, share: float, a_day: float, kind: int, rng: Rng) -> Log:
    """Events of `kind` of a share of the old wallets, at their owners' hours."""
    first, last = town.days
    some = np.flatnonzero(rng.random(town.wallets.size) < share)
    wallet = np.repeat(some, rng.poisson(a_day * (last - first), len(some)))
    account = town.wallets.account[wallet]
    at_ms = moments(town.people, town.episodes, account, rng.integers(first, last, len(wallet)), rng)
    later = at_ms > town.wallets.linked_ms[wallet]
    wallet, account, at_ms = wallet[later], account[later], at_ms[later]
    yen = np.exp(np.log(MOVED_YEN) + MOVED_SPREAD * rng.standard_normal(len(wallet)))
    source = town.sources(account, at_ms, rng)
    return log(at_ms, kind, wallet=wallet, source=source, amount_yen=(np.round(yen / 100) + 1).astype(np.int64) * 100)
