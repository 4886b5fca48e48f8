"""What is measured of normal life: one number each, from the events of a month as they arrived."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import CHARGE, DEBIT, LINK, MONTHLY_CAP_YEN, OK, OPEN, PAYMENT, TRANSFER
from producers import jst, shops
from producers.events import Events

Numbers = npt.NDArray[np.int64]
SOON_MS = 2 * jst.HOUR_MS


@dataclass(frozen=True)
class Life:
    """Normal life as it arrived in one calendar month, from a population that began with `accounts`."""

    arrived: Events
    month: int
    accounts: int

    @cached_property
    def once(self) -> Events:
        """Each event once, in order of time."""
        once = self.arrived.select(np.unique(self.arrived.event, return_index=True)[1])
        return once.select(np.argsort(once.occurred_at_ms, kind="stable"))

    def of(self, kind: int) -> Events:
        """The events of one kind, each once."""
        return self.once.select(self.once.kind == kind)

    @cached_property
    def charges(self) -> Events:
        """Debits carried out that charged a wallet."""
        debits = self.of(DEBIT)
        return debits.select((debits.result == OK) & (debits.purpose == CHARGE))

    @property
    def days(self) -> int:
        """Days of the month."""
        return len(jst.days_of(self.month))

    def per_day(self, events: Events) -> Numbers:
        """Number of `events` on each day of the month."""
        day = (events.occurred_at_ms - jst.midnight_ms(jst.first_day(self.month))) // jst.DAY_MS
        return np.bincount(day[(day >= 0) & (day < self.days)], minlength=self.days)


def rate(events: Events, result: int) -> float:
    """Share of the events with that result."""
    return float((events.result == result).mean())


def distinct(one: npt.NDArray[np.uint64], other: npt.NDArray[np.uint64]) -> Numbers:
    """For each value of `one`, with how many values of `other` it goes together."""
    pairs = np.unique(np.stack([one, other]), axis=1)
    return np.unique(pairs[0], return_counts=True)[1]


def newcomers(life: Life) -> Events:
    """First charges of the wallets that were opened, linked and charged within two hours."""
    soon = life.once.select(life.once.occurred_at_ms - life.once.opened_at_ms <= SOON_MS)
    linked = soon.wallet[(soon.kind == LINK) & (soon.result == OK)]
    charged = soon.select((soon.kind == DEBIT) & (soon.result == OK) & np.isin(soon.wallet, linked))
    return charged.select(np.unique(charged.wallet, return_index=True)[1])


def whole_caps(life: Life) -> Numbers:
    """Number of debits of each account and wallet that took 300,000 yen in the month within one hour."""
    taken = life.charges
    tie = np.unique(np.stack([taken.account, taken.wallet]), axis=1, return_inverse=True)[1]
    large = taken.amount_yen >= MONTHLY_CAP_YEN // 3
    yen = np.bincount(tie[large], taken.amount_yen[large], int(tie.max()) + 1)
    count = np.bincount(tie[large], minlength=len(yen))
    first = np.full(len(yen), np.iinfo(np.int64).max)
    last = np.zeros(len(yen), np.int64)
    np.minimum.at(first, tie[large], taken.occurred_at_ms[large])
    np.maximum.at(last, tie[large], taken.occurred_at_ms[large])
    whole = (yen == MONTHLY_CAP_YEN) & (last - first <= jst.HOUR_MS)
    return count[whole].astype(np.int64)


def relinks(life: Life) -> tuple[int, int]:
    """Accounts linked again by the wallet they had, and by another wallet of the same service after an unlink."""
    events = life.once
    good = events.select((events.kind == LINK) & (events.result == OK))
    again = good.opened_at_ms < jst.midnight_ms(jst.first_day(life.month))
    fresh = good.select(~again)
    key = events.account * np.uint64(16) + events.service.astype(np.uint64)
    cut = key[events.kind == 1]
    hops = np.isin(fresh.account * np.uint64(16) + fresh.service.astype(np.uint64), cut)
    return int(again.sum()), int(hops.sum())


def services_in_a_day(life: Life) -> Numbers:
    """For each account and day with debits, by how many services."""
    debits = life.of(DEBIT)
    day = (debits.occurred_at_ms + jst.OFFSET_MS) // jst.DAY_MS
    key = debits.account * np.uint64(1 << 15) % np.uint64(2**63) + day.astype(np.uint64)
    return distinct(key, debits.service.astype(np.uint64))


def wallets_by_source(life: Life, kind: int) -> Numbers:
    """Number of wallets seen at each source of one kind."""
    of_kind = life.once.select(life.once.source >> np.uint64(60) == np.uint64(kind))
    return distinct(of_kind.source, of_kind.wallet)


def spent_soon(life: Life, from_yen: int) -> float:
    """Share of the charges of `from_yen` and more after which the wallet pays or sends half of it within a day."""
    charges = life.charges
    big = np.flatnonzero(charges.amount_yen >= from_yen)
    out = life.once.select((life.once.kind == PAYMENT) | (life.once.kind == TRANSFER))
    out = out.select(np.lexsort((out.occurred_at_ms, out.wallet)))
    # Wallet and time as one number that sorts as the pair does; sums between two of its values are differences.
    wallets, place = np.unique(np.concatenate([out.wallet, charges.wallet[big]]), return_inverse=True)
    span = np.int64(2 * 366 * jst.DAY_MS)
    start = life.once.occurred_at_ms.min() - 366 * jst.DAY_MS
    del wallets
    key = place * span
    at_out = key[: out.size] + out.occurred_at_ms - start
    at_charge = key[out.size :] + charges.occurred_at_ms[big] - start
    sums = np.concatenate([[0], np.cumsum(out.amount_yen)])
    within = np.searchsorted(at_out, at_charge + jst.DAY_MS) - 0
    spent = sums[within] - sums[np.searchsorted(at_out, at_charge)]
    return float((spent >= charges.amount_yen[big] / 2).mean())


def tobacco_heavies(life: Life) -> int:
    """Wallets that pay at least 30,000 yen at tobacco shops within the month."""
    paid = life.of(PAYMENT)
    at = paid.select(shops.category_codes(paid.shop) == shops.CATEGORIES.index("tobacco"))
    wallet, place = np.unique(at.wallet, return_inverse=True)
    return int((np.bincount(place, at.amount_yen, len(wallet)) >= 30_000).sum())


def opened_at_once(life: Life) -> int:
    """Most wallets opened at one source on one day."""
    opens = life.of(OPEN)
    opens = opens.select(opens.source > 0)
    day = (opens.occurred_at_ms + jst.OFFSET_MS) // jst.DAY_MS
    pairs = np.stack([opens.source.astype(np.int64), day])
    return int(np.unique(pairs, axis=1, return_counts=True)[1].max(initial=0))
