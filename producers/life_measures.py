"""What can be measured of one month of normal life: one number each. Pure."""

import numpy as np

from detector.contract.vocabulary import (
    DEBIT,
    INSUFFICIENT,
    LINK,
    MONTHLY_CAP_YEN,
    OK,
    OPEN,
    PAYMENT,
    PAYOUT,
    TRANSFER,
    UNLINK,
)
from producers import jst, shops
from producers.events import Events
from producers.life import Life, Numbers, partners, share

SOON_MS = 2 * jst.HOUR_MS


def newcomers(life: Life) -> Events:
    """First charges of the wallets that were opened, linked and charged within two hours."""
    soon = life.once.select(life.once.occurred_at_ms - life.once.opened_at_ms <= SOON_MS)
    linked = soon.wallet[(soon.kind == LINK) & (soon.result == OK)]
    charged = soon.select((soon.kind == DEBIT) & (soon.result == OK) & np.isin(soon.wallet, linked))
    return charged.select(np.unique(charged.wallet, return_index=True)[1])


def big_starts(life: Life) -> float:
    """Share of the newcomers whose first charge is 50,000 yen or more."""
    return share(newcomers(life).amount_yen >= 50_000)


def month_start(life: Life) -> float:
    """Debits of the 1st, as a multiple of the 15th."""
    per_day = life.per_day(DEBIT)
    return float(per_day[0] / per_day[14])


def tries(life: Life) -> float:
    """Link attempts for each that succeeds."""
    links = life.of(LINK)
    return float(links.size / (links.result == OK).sum())


def retried(life: Life) -> float:
    """Share of the debits without funds after which the same wallet asks again within ten minutes."""
    debits = life.of(DEBIT)
    debits = debits.select(np.lexsort((debits.occurred_at_ms, debits.account, debits.wallet)))
    soon = np.diff(debits.occurred_at_ms) <= 10 * jst.MINUTE_MS
    same = (debits.wallet[1:] == debits.wallet[:-1]) & (debits.account[1:] == debits.account[:-1])
    return share((soon & same)[debits.result[:-1] == INSUFFICIENT])


def whole_caps(life: Life) -> int:
    """Owners who took 300,000 yen from one account within one hour, in two or three debits."""
    large = life.charges.select(life.charges.amount_yen >= MONTHLY_CAP_YEN // 3)
    ties, index = np.unique(np.stack([large.account, large.wallet]), axis=1, return_inverse=True)
    size = ties.shape[1]
    first, last = np.full(size, np.iinfo(np.int64).max), np.zeros(size, np.int64)
    np.minimum.at(first, index, large.occurred_at_ms)
    np.maximum.at(last, index, large.occurred_at_ms)
    whole = (np.bincount(index, large.amount_yen, size) == MONTHLY_CAP_YEN) & (last - first <= jst.HOUR_MS)
    return int(whole.sum())


def most_charged(life: Life) -> int:
    """Most yen that any wallet charged from one account in the month."""
    index = np.unique(np.stack([life.charges.account, life.charges.wallet]), axis=1, return_inverse=True)[1]
    return int(np.bincount(index, life.charges.amount_yen).max())


def relinks(life: Life) -> int:
    """Links by a wallet that was opened before this month to an account it had: mostly new phones."""
    links = life.of(LINK)
    old = links.opened_at_ms < jst.midnight_ms(jst.first_day(life.month))
    return int((old & (links.result == OK)).sum())


def moved(life: Life) -> int:
    """Accounts cut from one wallet and linked to another of the same service, opened within the month."""
    links, cuts = life.of(LINK), life.of(UNLINK)
    fresh = links.select(links.opened_at_ms >= jst.midnight_ms(jst.first_day(life.month)))
    key, cut = (part.account * np.uint64(16) + part.service.astype(np.uint64) for part in (fresh, cuts))
    return len(np.intersect1d(key, cut))


def several_wallets(life: Life) -> float:
    """Share of the accounts that more than one wallet debits."""
    debits = life.of(DEBIT)
    return share(partners(debits.account, debits.wallet) > 1)


def several_accounts(life: Life) -> float:
    """Share of the wallets that debit more than one account."""
    debits = life.of(DEBIT)
    return share(partners(debits.wallet, debits.account) > 1)


def several_services(life: Life) -> float:
    """Share of the days of accounts with debits by more than one service."""
    debits = life.of(DEBIT)
    day = ((debits.occurred_at_ms + jst.OFFSET_MS) // jst.DAY_MS).astype(np.uint64)
    rows = np.unique(np.stack([debits.account, day, debits.service.astype(np.uint64)]), axis=1)
    return share(np.unique(rows[:2], axis=1, return_counts=True)[1] > 1)


def wallets_by_source(life: Life, kind: int) -> Numbers:
    """Number of wallets seen at each source of one kind."""
    of_kind = life.once.select(life.once.source >> np.uint64(60) == np.uint64(kind))
    return partners(of_kind.source, of_kind.wallet)


def opened_at_one_source(life: Life) -> int:
    """Most wallets opened at one source on one day."""
    opens = life.of(OPEN)
    opens = opens.select(opens.source > 0)
    day = ((opens.occurred_at_ms + jst.OFFSET_MS) // jst.DAY_MS).astype(np.uint64)
    return int(np.unique(np.stack([opens.source, day]), axis=1, return_counts=True)[1].max(initial=0))


def near_the_limit(life: Life) -> int:
    """Payments of 42,000 yen and more, as thieves made them."""
    return int((life.of(PAYMENT).amount_yen >= 42_000).sum())


def spent_soon(life: Life, from_yen: int = 100_000) -> float:
    """Share of the charges of `from_yen` and more after which half of it leaves the wallet within a day."""
    charged = life.charges.select(life.charges.amount_yen >= from_yen)
    out = life.once.select((life.once.kind == PAYMENT) | (life.once.kind == TRANSFER))
    index = np.unique(np.concatenate([out.wallet, charged.wallet]), return_inverse=True)[1]
    # Wallet and time as one number that sorts as the pair does, a gap longer than the month between two wallets.
    at = index * 64 * jst.DAY_MS + np.concatenate([out.occurred_at_ms, charged.occurred_at_ms])
    at -= jst.midnight_ms(jst.first_day(life.month))
    order = np.argsort(at[: out.size])
    sums = np.concatenate([[0], np.cumsum(out.amount_yen[order])])
    begins, ends = (np.searchsorted(at[: out.size][order], at[out.size :] + pause) for pause in (0, jst.DAY_MS))
    return share(sums[ends] - sums[begins] >= charged.amount_yen / 2)


def smokers(life: Life) -> int:
    """Wallets that pay 30,000 yen and more in the month at tobacco shops."""
    return _buyers(life, "tobacco")


def tablets(life: Life) -> int:
    """Wallets that pay 30,000 yen and more in the month at electronics shops."""
    return _buyers(life, "electronics")


def fan_in(life: Life) -> float:
    """Number of senders that one receiving wallet in a thousand has at least."""
    sent = life.of(TRANSFER)
    return float(np.quantile(partners(sent.counterparty, sent.wallet), 0.999, method="lower"))


def fan_out(life: Life) -> float:
    """Number of receivers that one sending wallet in a thousand has at least."""
    sent = life.of(TRANSFER)
    return float(np.quantile(partners(sent.wallet, sent.counterparty), 0.999, method="lower"))


def most_payouts(life: Life) -> int:
    """Most payouts of one wallet."""
    return int(np.unique(life.of(PAYOUT).wallet, return_counts=True)[1].max(initial=0))


def largest_heap(life: Life) -> int:
    """Most account events of one bank that arrived within a minute, a quarter of an hour and more after they happened.

    That is what a bank sends after an outage.
    """
    delay = life.once.arrival_ms - life.once.occurred_at_ms
    late = life.once.select((delay > 15 * jst.MINUTE_MS) & (life.once.account > 0))
    pairs = np.stack([late.account >> np.uint64(40), (late.arrival_ms // jst.MINUTE_MS).astype(np.uint64)])
    return int(np.unique(pairs, axis=1, return_counts=True)[1].max(initial=0))


def _buyers(life: Life, category: str) -> int:
    paid = life.of(PAYMENT)
    paid = paid.select(shops.category_codes(paid.shop) == shops.CATEGORIES.index(category))
    index = np.unique(paid.wallet, return_inverse=True)[1]
    return int((np.bincount(index, paid.amount_yen) >= 30_000).sum())
