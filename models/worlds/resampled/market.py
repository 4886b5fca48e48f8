"""What thieves find: accounts, banks, ways to link, sources, and what is usual of them in the history."""

from typing import NamedTuple

import numpy as np

from detector.contract.vocabulary import CHARGE, DEBIT, INSUFFICIENT, LINK, OK, PAYMENT, PIN4
from models.worlds.resampled.fragments import Fragments
from models.worlds.resampled.people import People, SourceHabits, first_of
from models.worlds.resampled.rows import NONE, Ints, Mask, Names, Rng, Rows


class Victim(NamedTuple):
    """A bank account."""

    account: int
    bank: int


class Market:
    """A history as thieves see it. All draws are from `rng`; no account is taken twice while there are others."""

    def __init__(
        self, rows: Rows, people: People, habits: SourceHabits, parts: Fragments, names: Names, rng: Rng
    ) -> None:
        self.rows, self.parts, self.names, self.rng = rows, parts, names, rng
        self.kinds = frozenset(np.unique(rows.kind).tolist())
        self.services: list[int] = np.unique(rows.service).tolist()
        self._unknown = names.of("source", "")
        shared = habits.used[~habits.lone[habits.used]]
        self._borrowed = shared if len(shared) else habits.used
        self._nowhere = {
            service: float((rows.source[rows.service == service] == self._unknown).mean()) for service in self.services
        }
        link, debit = rows.kind == LINK, rows.kind == DEBIT
        self.strangers = _share(people.account_came[link & (rows.result == OK) & people.settled])
        self.short = _share(rows.result[debit] == INSUFFICIENT)
        self.largest_debit = int(rows.amount_yen[debit].max(initial=0))
        self.largest_payment = int(rows.amount_yen[rows.kind == PAYMENT].max(initial=0))
        self.purpose = int(_commonest(rows.purpose[debit], CHARGE))
        self._auths = rows.auth[link & (rows.result == OK)], rows.bank[link & (rows.result == OK)]
        weak = link & (rows.auth == PIN4)
        self._banks = rows.bank[weak if weak.any() else link if link.any() else rows.account != NONE]
        self._left = self._accounts_by_bank()
        self.known_accounts = sum(map(len, self._left.values()))
        self.verified = np.flatnonzero((rows.wallet_verified == 1) & (first_of(rows.wallet) == np.arange(rows.size)))

    def bank(self) -> int:
        """A bank, likelier the more links it lets through with a four-digit PIN."""
        return int(self.rng.choice(self._banks))

    def victim(self, bank: int) -> Victim:
        """An account at the bank: one that nobody has seen, as often as honest links are of such, or a known one."""
        left = self._left.get(bank, [])
        if not left or self.rng.random() < self.strangers:
            return Victim(int(self.names.new("account", 1)[0]), bank)
        return Victim(left.pop(), bank)

    def anyone(self, bank: int, n: int) -> list[Victim]:
        """`n` accounts at the bank to try, each once, known ones as often as in `victim`."""
        known = self._left.get(bank, [])
        count = min(int(self.rng.binomial(n, 1 - self.strangers)), len(known))
        tried = self.rng.choice(known, count, replace=False).tolist() if count else []
        tried += self.names.new("account", n - count).tolist()
        return [Victim(tried[index], bank) for index in self.rng.permutation(n).tolist()]

    def auth(self, bank: int, *, weakest: bool) -> int:
        """How an account of the bank is linked: by the weakest way it has, or as honest people do."""
        found = self._auths[0][self._auths[1] == bank]
        found = found if len(found) else self._auths[0]
        if not len(found):
            return PIN4
        return int(found.min() if weakest else self.rng.choice(found))  # the PIN has the least code

    def source(self, own: int, service: int) -> int:
        """The source `own`, or the unknown one as often as at honest people's events of the service."""
        return self._unknown if self.rng.random() < self._nowhere[service] else own

    def borrowed(self) -> int:
        """A source that honest people use, most often one of many of them; unknown where all are."""
        return int(self.rng.choice(self._borrowed)) if len(self._borrowed) else self._unknown

    def _accounts_by_bank(self) -> dict[int, list[int]]:
        accounts, where = np.unique(self.rows.account, return_index=True)
        banks = self.rows.bank[where]
        order = self.rng.permutation(len(accounts))
        accounts, banks = accounts[order], banks[order]
        return {bank: accounts[banks == bank].tolist() for bank in np.unique(banks[banks != NONE]).tolist()}


def _share(which: Mask) -> float:
    return float(which.mean()) if len(which) else 0.0


def _commonest(codes: Ints, otherwise: int) -> int:
    known = codes[codes >= 0]
    return int(np.bincount(known).argmax()) if len(known) else otherwise
