"""One case of fraud in the hands of its thief: acts at a moment, and what the thief sees of their results."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import CHARGE, OK, PURCHASE
from models.worlds.agents import assumptions as a
from models.worlds.agents import loot, shops
from models.worlds.agents.addresses import UNKNOWN
from models.worlds.agents.city import STORED, TELLS, City, Mark
from models.worlds.agents.gangs import Gang
from models.worlds.agents.wallets import NOBODY

Ints = npt.NDArray[np.int64]
_DAY_MS = 86_400_000


def one(value: int) -> Ints:
    """An array of one."""
    return np.array([value])


@dataclass(slots=True)
class Case:
    """A case: `number` in the list of names, the victim's account, the service, and the address it comes from."""

    city: City
    gang: Gang
    number: int
    victim: int
    service: int
    address: int

    def open(self, ms: int) -> int:
        """A wallet with nothing but an e-mail address."""
        mark = Mark(self.number, loot.LINK)
        source = one(self._source(self.address))
        return int(self.city.open(NOBODY, self.service, one(ms), source, verified=False, mark=mark)[0])

    def take_verified(self, ms: int) -> int:
        """A verified wallet that somebody else opened: one that lies idle, or one with a forged paper."""
        wallets, rng = self.city.wallets, self.city.rng
        column = slice(0, wallets.size)
        idle = (wallets.account[column] < 0) & (wallets.last_ms[column] < ms - _DAY_MS) & wallets.verified[column]
        idle &= (wallets.service[column] == self.service) & (wallets.owner[column] != NOBODY)
        found = np.flatnonzero(idle)
        if not len(found):
            return int(wallets.add(NOBODY, self.service, ms - int(rng.integers(30, 500)) * _DAY_MS, True)[0])
        wallet = int(rng.choice(found))
        self.city.people.wallet[int(wallets.owner[wallet]), self.service] = -1
        wallets.owner[wallet] = NOBODY
        return wallet

    def link(self, wallet: int, ms: int, account: int | None = None, *, right: bool = True) -> None:
        """Try to link the victim's account, or another one."""
        mark, source = Mark(self.number, loot.LINK), one(self._source(self.address))
        account = self.victim if account is None else account
        self.city.try_link(one(wallet), one(account), one(ms), source, np.array([right]), mark)

    def unlink(self, wallet: int, ms: int) -> None:
        """Give a link up that has nothing left."""
        self.city.unlink(one(wallet), one(ms), one(self._source(self.address)), Mark(self.number, loot.CASH_OUT))

    def debit(self, wallet: int, yen: int, ms: int, stage: int = loot.DRAIN) -> int:
        """Debit the victim; returns the result. Services without a balance pay for goods with it at once."""
        mark, source = Mark(self.number, stage), one(self._source(self.address))
        purpose = CHARGE if STORED[self.service] else PURCHASE
        result = int(self.city.debit(one(wallet), one(yen), one(ms), source, purpose, mark)[0])
        if result == OK and purpose == PURCHASE:
            category = shops.ONLINE
            shop = shops.shop_of(self.city.rng, one(self.gang.region), one(category), one(self.number))
            self.city.pay(one(wallet), one(yen), one(ms + 1_000), source, shop, category, mark)
            self._sold(yen)
        return result

    def pay(self, wallet: int, yen: int, ms: int, shop: int, category: int) -> None:
        """Buy what can be sold on, by the phone of the gang's buyer."""
        source, mark = one(self._source(self.gang.buyer)), Mark(self.number, loot.CASH_OUT)
        self.city.pay(one(wallet), one(yen), one(ms), source, shop, category, mark)
        self._sold(yen)

    def send(self, wallet: int, to: int, yen: int, ms: int) -> None:
        """Move money on to another wallet."""
        source, mark = one(self._source(self.address)), Mark(self.number, loot.CASH_OUT)
        self.city.send(one(wallet), one(to), one(yen), one(ms), source, mark)

    def balance(self, wallet: int) -> int:
        """What the wallet holds."""
        return int(self.city.wallets.balance[wallet])

    def most_yen(self) -> int:
        """The most that one debit can be: a purchase is paid by barcode."""
        return max(self.gang.split) if STORED[self.service] else a.BARCODE_YEN

    def _source(self, address: int) -> int:
        return address if TELLS[self.service] else UNKNOWN

    def _sold(self, yen: int) -> None:
        self.gang.purse_yen += int(yen * loot.FENCE)
