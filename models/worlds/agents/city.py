"""The city: all state of a world, and the acts that honest people and thieves have in common.

Banks and services hold their limits here, so that nobody gets around them: no balance below 0, 300,000 yen a month.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import (
    CHARGE,
    DEBIT,
    INSUFFICIENT,
    LINK,
    LOCKED,
    MONTHLY_CAP_YEN,
    OK,
    OPEN,
    OVER_CAP,
    PAYMENT,
    PAYOUT,
    REFUSED,
    TRANSFER,
    UNLINK,
    WRONG_CREDENTIALS,
)
from models.worlds.agents import assumptions as a
from models.worlds.agents.addresses import Addresses
from models.worlds.agents.calendar import Day, Plans
from models.worlds.agents.journal import NONE, Journal
from models.worlds.agents.people import People
from models.worlds.agents.wallets import Wallets

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
STORED = np.array([service.stored for service in a.SERVICES])
TELLS = np.array([service.tells_source for service in a.SERVICES])


@dataclass(frozen=True, slots=True)
class Mark:
    """Whose acts these are: a case of fraud and a stage of it; `NONE` for honest people."""

    case: int = NONE
    stage: int = NONE


HONEST = Mark()


@dataclass(slots=True)
class City:
    """State of the world at `day`; acts are entered in the journal."""

    rng: np.random.Generator
    people: People
    wallets: Wallets
    addresses: Addresses
    plans: Plans
    journal: Journal
    day: Day

    def services(self, wallet: Ints) -> npt.NDArray[np.int8]:
        """The service of each wallet."""
        return self.wallets.service[wallet]

    def auth(self, account: Ints) -> Ints:
        """How the bank of each account checks a link today."""
        return self.plans.auth(self.people.bank[account], self.day)

    def open(
        self,
        owner: npt.ArrayLike,
        service: npt.ArrayLike,
        ms: Ints,
        source: Ints,
        *,
        verified: npt.ArrayLike,
        mark: Mark,
    ) -> Ints:
        """New wallets of these owners."""
        wallet = self.wallets.add(owner, service, ms, verified)
        self.journal.add(OPEN, ms, wallet, source, case=mark.case, stage=mark.stage)
        return wallet

    def try_link(self, wallet: Ints, account: Ints, ms: Ints, source: Ints, right: Mask, mark: Mark = HONEST) -> None:
        """One attempt each to link accounts, with the right credentials or not."""
        self._attempt(wallet, account, ms, source, np.where(right, OK, WRONG_CREDENTIALS), mark)

    def lock(self, wallet: Ints, account: Ints, ms: Ints, source: Ints, mark: Mark = HONEST) -> None:
        """One attempt each that the bank refuses because of the ones before."""
        self._attempt(wallet, account, ms, source, np.full(len(wallet), LOCKED), mark)

    def unlink(self, wallet: Ints, ms: Ints, source: Ints, mark: Mark = HONEST) -> None:
        """Undo links."""
        account = self.wallets.account[wallet]
        self.journal.add(UNLINK, ms, wallet, source, account=account, case=mark.case, stage=mark.stage)
        self.wallets.account[wallet] = NONE

    def debit(
        self, wallet: Ints, yen: Ints, ms: Ints, source: Ints, purpose: int = CHARGE, mark: Mark = HONEST
    ) -> Ints:
        """Request money from the accounts of linked wallets, each at most once; returns the results."""
        result = np.full(len(wallet), OK)
        account = self.wallets.account[wallet].astype(np.int64)
        todo = np.arange(len(wallet))
        while len(todo):  # in one round of two wallets of an account the second sees what the first left
            _, first = np.unique(account[todo], return_index=True)
            now = todo[first]
            result[now] = self._granted(wallet[now], account[now], yen[now], ms[now], purpose)
            todo = np.delete(todo, first)
        self.journal.add(
            DEBIT,
            ms,
            wallet,
            source,
            account=account,
            amount_yen=yen,
            result=result,
            purpose=purpose,
            case=mark.case,
            stage=mark.stage,
        )
        return result

    def pay(
        self,
        wallet: Ints,
        yen: Ints,
        ms: Ints,
        source: Ints,
        shop: npt.ArrayLike,
        category: npt.ArrayLike,
        mark: Mark = HONEST,
    ) -> None:
        """Pay at shops, from the balance where the service has one; the caller knows that it is enough."""
        fields = {"amount_yen": yen, "shop": shop, "category": category, "case": mark.case, "stage": mark.stage}
        self.journal.add(PAYMENT, ms, wallet, source, **fields)
        stored = STORED[self.services(wallet)]
        self.wallets.balance[wallet[stored]] -= yen[stored]

    def send(self, wallet: Ints, to: Ints, yen: Ints, ms: Ints, source: Ints, mark: Mark = HONEST) -> None:
        """Send money to other wallets of the same service; each sender at most once."""
        fields = {"amount_yen": yen, "counterparty": to, "case": mark.case, "stage": mark.stage}
        self.journal.add(TRANSFER, ms, wallet, source, **fields)
        self.wallets.balance[wallet] -= yen
        np.add.at(self.wallets.balance, to, yen)
        np.maximum.at(self.wallets.last_ms, to, ms)

    def pay_out(self, wallet: Ints, yen: Ints, ms: Ints, source: Ints, mark: Mark = HONEST) -> None:
        """Move money from wallets back to a bank."""
        self.journal.add(PAYOUT, ms, wallet, source, amount_yen=yen, case=mark.case, stage=mark.stage)
        self.wallets.balance[wallet] -= yen

    def _attempt(self, wallet: Ints, account: Ints, ms: Ints, source: Ints, result: Ints, mark: Mark) -> None:
        fields = {"auth": self.auth(account), "result": result, "case": mark.case, "stage": mark.stage}
        self.journal.add(LINK, ms, wallet, source, account=account, **fields)
        linked = result == OK
        self.wallets.account[wallet[linked]] = account[linked]

    def _granted(self, wallet: Ints, account: Ints, yen: Ints, ms: Ints, purpose: int) -> Ints:
        """Results of requests of different accounts; money moves for those that are `OK`."""
        hour = (ms - self.day.begin_ms) // 3_600_000
        closed = (self.day.date.weekday() == 0) & (hour < a.MAINTENANCE_HOURS)
        over = self.wallets.taken[wallet] + yen > MONTHLY_CAP_YEN
        short = self.people.balance[account] < yen
        result = np.select([np.full(len(yen), closed), over, short], [REFUSED, OVER_CAP, INSUFFICIENT], OK)
        ok = result == OK
        self.people.balance[account[ok]] -= yen[ok]
        self.wallets.taken[wallet[ok]] += yen[ok]
        if purpose == CHARGE:
            self.wallets.balance[wallet[ok]] += yen[ok]
        return result
