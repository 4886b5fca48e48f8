"""A thief's steps, each an edit of an honest fragment: a newcomer's beginning, a large day of debits or payments."""

from typing import NamedTuple

import numpy as np

from detector.contract.vocabulary import (
    DEBIT,
    INSUFFICIENT,
    LINK,
    MONTHLY_CAP_YEN,
    OK,
    OPEN,
    PAYMENT,
    TRANSFER,
    UNLINK,
    WRONG_CREDENTIALS,
)
from detector.jst import DAY_MS
from models.worlds.resampled.edits import rhythm, split
from models.worlds.resampled.fragments import ASSUMED, Start
from models.worlds.resampled.market import Market, Victim
from models.worlds.resampled.rows import Ints
from models.worlds.resampled.sheet import CASH_OUT, DRAIN, LINKING, Sheet

#: Honest beginnings are played at up to this speed: a thief knows what he came for, a newcomer reads the screen.
FASTEST = 4.0
#: A drain takes from half a minute (four debits a minute in the trace of September 2020) to two hours (assumed: who
#: fears limits of speed).
DRAIN_MS = (30_000, 7_200_000)
#: Half of the drains take the whole cap, the others from a third of it: not all accounts hold so much (assumed).
WHOLE_CAP, LEAST_SHARE = 0.5, 1 / 3
#: Amounts are chosen, so they are round; and few: a large honest day may hold dozens of small ones.
ROUND_YEN, MOST_LIKE = 1_000, 8
#: Where honest debits or payments are small, so are a thief's, and he takes what so many of them bring (T8's number).
MOST = 20
#: Six in ten campaigns have addresses of their own, the others go through ones that honest people use (assumed).
OWN_SOURCES = 0.6
#: Three in four campaigns use the bank's weakest way to link (the press: four-digit PINs); the others have learnt more.
WEAKEST = 0.75
#: Goods are bought within a day of the wallet's opening (arrests of January 2021), at the earliest minutes later.
SPEND_AFTER_MS = (120_000, 6 * 3_600_000)
#: Payments of goods to sell are nearly as large as a payment can be.
MULE_LEAST = 0.8
#: Half of the verified wallets have a life in the history, the others were only opened as long ago (assumed).
LIVING = 0.5


class Wallet(NamedTuple):
    """A thief's wallet at a service."""

    service: int
    code: int
    opened_ms: int
    verified: int


class Thief:
    """One campaign: its sources, its bank, its pace; writes events to `sheet`, none before `begin_ms`."""

    def __init__(self, market: Market, sheet: Sheet, begin_ms: int, sources: int) -> None:
        self.market, self.sheet, self.begin_ms = market, sheet, begin_ms
        rng = self.rng = market.rng
        self.bank = market.bank()
        own = rng.random() < OWN_SOURCES
        self._sources = (
            market.names.new("source", sources).tolist() if own else [market.borrowed() for _ in range(sources)]
        )
        self.source = self._sources[0]
        self.drain_ms = self.between(*DRAIN_MS)
        self.speed = float(rng.uniform(1, FASTEST))
        self.weakest = bool(rng.random() < WEAKEST)

    def next_source(self) -> None:
        """Go on from any of the campaign's sources."""
        self.source = int(self.rng.choice(self._sources))

    def between(self, least: float, most: float) -> int:
        """A whole number, uniform in its logarithm."""
        return int(np.exp(self.rng.uniform(np.log(least), np.log(most))))

    def start(self) -> Start:
        """An honest newcomer's beginning."""
        starts = self.market.parts.starts
        if not starts:
            return ASSUMED._replace(service=int(self.rng.choice(self.market.services)))
        return starts[self.rng.integers(len(starts))]

    def open(self, case: int, service: int, link_ms: int, start: Start) -> Wallet:
        """A new wallet, opened before the link as the newcomer did, only faster."""
        opened_ms = max(link_ms - int(start.age_ms / self.speed), self.begin_ms)
        wallet = Wallet(service, int(self.market.names.new("wallet", 1)[0]), opened_ms, 0)
        self._write(OPEN, opened_ms, case, LINKING, wallet)
        return wallet

    def verified(self) -> Wallet:
        """A verified subscriber's wallet: one of the history, or one opened as long ago that nobody has seen."""
        rows, at = self.market.rows, self.rng.choice(self.market.verified)
        living = self.rng.random() < LIVING
        code = rows.wallet[at] if living else self.market.names.new("wallet", 1)[0]
        return Wallet(int(rows.service[at]), int(code), int(rows.wallet_opened_at_ms[at]), 1)

    def link(self, case: int, wallet: Wallet, victim: Victim, at_ms: int, failed: int) -> None:
        """Link the victim's account, after so many failures."""
        auth = self.market.auth(victim.bank, weakest=self.weakest)
        for number in range(failed, 0, -1):
            before = max(at_ms - number * self.between(10_000, 60_000), wallet.opened_ms + 1)
            self._write(LINK, before, case, LINKING, wallet, victim, auth=auth, result=WRONG_CREDENTIALS)
        self._write(LINK, at_ms, case, LINKING, wallet, victim, auth=auth, result=OK)

    def fail(self, case: int, stage: int, wallet: Wallet, victim: Victim, at_ms: int) -> None:
        """Try the account in vain."""
        auth = self.market.auth(victim.bank, weakest=self.weakest)
        self._write(LINK, at_ms, case, stage, wallet, victim, auth=auth, result=WRONG_CREDENTIALS)

    def unlink(self, case: int, wallet: Wallet, victim: Victim, at_ms: int) -> None:
        """Let go of the account."""
        self._write(UNLINK, at_ms, case, LINKING, wallet, victim)

    def target(self, *, whole: bool) -> int:
        """Yen to take through a wallet in a month."""
        if whole or self.rng.random() < WHOLE_CAP:
            return MONTHLY_CAP_YEN
        return int(self.rng.uniform(LEAST_SHARE, 1) * MONTHLY_CAP_YEN) // ROUND_YEN * ROUND_YEN

    def drain(self, case: int, wallet: Wallet, victim: Victim, at_ms: int, yen: int) -> tuple[int, int]:
        """Debit `yen` in the proportions and the rhythm of a large honest day; the end and the yen taken.

        As often as honest debits find too little on the account, the money ends before.
        """
        day = self._part(self.market.parts.debits)
        rows = self.market.rows
        day = day[np.sort(np.argsort(-rows.amount_yen[day], kind="stable")[:MOST_LIKE])]
        largest = max(self.market.largest_debit, ROUND_YEN)
        amounts = split(min(yen, MOST * largest), rows.amount_yen[day], largest, ROUND_YEN)
        moments = at_ms + rhythm(rows.occurred_at_ms[day], len(amounts), self.drain_ms)
        ends = self.rng.integers(len(amounts)) if self.rng.random() < self.market.short else len(amounts)
        taken = 0
        for number, (moment, amount) in enumerate(zip(moments.tolist(), amounts, strict=True)):
            result = OK if number < ends else INSUFFICIENT
            self.debit(case, wallet, victim, moment, amount, result)
            if result != OK:
                return moment, taken
            taken += amount
        return int(moments[-1]), taken

    def debit(self, case: int, wallet: Wallet, victim: Victim, at_ms: int, yen: int, result: int) -> None:
        """One debit."""
        purpose = self.market.purpose
        self._write(DEBIT, at_ms, case, DRAIN, wallet, victim, amount_yen=yen, result=result, purpose=purpose)

    def buy(
        self, case: int, wallet: Wallet, at_ms: int, yen: int, shop: tuple[int, int] | None, *, large: bool
    ) -> None:
        """Spend `yen` as in a large honest day of payments, at its shops or all at `shop` and its category; `large`: in
        payments as large as there are.
        """
        if not self.market.parts.payments or yen < ROUND_YEN:
            return
        rows, day = self.market.rows, self._part(self.market.parts.payments)
        begin_ms = at_ms + self.between(*SPEND_AFTER_MS)
        day = day[:MOST_LIKE]
        like = np.ones(1, np.int64) if large else rows.amount_yen[day]
        largest = int(self.market.largest_payment * (self.rng.uniform(MULE_LEAST, 1) if large else 1))
        amounts = split(min(yen, MOST * largest), like, largest, 1)
        moments = begin_ms + rhythm(rows.occurred_at_ms[day], len(amounts), DAY_MS // 2)
        for number, (moment, amount) in enumerate(zip(moments.tolist(), amounts, strict=True)):
            at = day[number % len(day)]
            where, category = shop or (int(rows.shop[at]), int(rows.shop_category[at]))
            self._write(PAYMENT, moment, case, CASH_OUT, wallet, amount_yen=amount, shop=where, shop_category=category)

    def send(self, case: int, wallet: Wallet, at_ms: int, yen: int, hops: tuple[int, int]) -> None:
        """Send `yen` to some other wallets, and from them to one that collects."""
        others = int(self.rng.integers(hops[0], hops[1] + 1))
        codes = self.market.names.new("wallet", others + 1).tolist()
        share = yen // others
        if not share:
            return
        to = {code: self._counterparty(code) for code in codes}
        for number, code in enumerate(codes[1:], 1):
            moment = at_ms + number * self.between(20_000, 600_000)
            self._write(TRANSFER, moment, case, CASH_OUT, wallet, amount_yen=share, counterparty=to[code])
            other = Wallet(wallet.service, code, max(wallet.opened_ms, self.begin_ms), 0)
            later = moment + self.between(60_000, 3_600_000)
            self._write(TRANSFER, later, case, CASH_OUT, other, amount_yen=share, counterparty=to[codes[0]])

    def _counterparty(self, wallet: int) -> int:
        names = self.market.names
        return names.append("counterparty", names.texts["wallet"][wallet])

    def _part(self, parts: tuple[Ints, ...]) -> Ints:
        return parts[self.rng.integers(len(parts))]

    def _write(
        self, kind: int, at_ms: int, case: int, stage: int, wallet: Wallet, victim: Victim | None = None, **fields: int
    ) -> None:
        if kind not in self.market.kinds:
            return
        if victim:
            fields |= {"account": victim.account, "bank": victim.bank}
        self.sheet.add(
            kind,
            at_ms,
            case=case,
            stage=stage,
            service=wallet.service,
            wallet=wallet.code,
            wallet_opened_at_ms=wallet.opened_ms,
            wallet_verified=wallet.verified,
            source=self.market.source(self.source, wallet.service),
            **fields,
        )
