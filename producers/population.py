"""Who lives here: every tie between a bank account and a wallet.

The population begins on the first day of its era (1 June 2020) and grows by a cohort each month. A month's cohort
depends on the seed, the size, the era and the month alone, so that any two runs of one seed meet the same people with
the same past.
"""

import datetime as dt
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.errors import UserError
from producers import banks, jst, newcomers, ties
from producers.draws import Rng, lognormal_ms, stream
from producers.drift import USUAL, Drift
from producers.families import households, other_service, services_of
from producers.ties import HOUSEHOLD, Ties, source, with_habits

BEGINS = dt.date(2020, 6, 1)
EMAIL_WALLETS_SINCE = dt.date(2019, 9, 1)  # an e-mail address sufficed from then on (press, Sept 2020)
MAX_ACCOUNTS = 20_000_000

#: Of the accounts at the beginning, all *assumed*: a second wallet at another service, a third of these a third one;
#: and a wallet that holds a second account, as of an owner with two banks.
SECOND_WALLET_SHARE = 0.15
THIRD_WALLET_SHARE = 0.2
SECOND_BANK_SHARE = 0.06


class Era(NamedTuple):
    """When a population begins, since when its wallets could be opened, and the share of them that are verified."""

    begins: dt.date
    wallets_since: dt.date
    verified_share: float


#: 0.55 is *assumed*: subscribers of a carrier were verified, others had an e-mail.
EMAIL_ERA = Era(BEGINS, EMAIL_WALLETS_SINCE, 0.55)
#: Before, a wallet was for verified subscribers alone (press, Sept 2020); two years of them, *assumed*.
SUBSCRIBER_ERA = Era(dt.date(2019, 4, 1), dt.date(2017, 4, 1), 1.0)


class Population:
    """The people of one seed; `accounts` are linked when its era begins; `drift` says how they live."""

    def __init__(self, seed: int, accounts: int, era: Era = EMAIL_ERA, drift: Drift = USUAL) -> None:
        if not 10 <= accounts <= MAX_ACCOUNTS:
            raise UserError(f"got {accounts} accounts, expected 10 … {MAX_ACCOUNTS}: choose another --accounts")
        self.seed = seed
        self.accounts = accounts
        self.era = era
        self.drift = drift
        self._first_month = jst.month_of(era.begins)
        self._cohorts: dict[int, Ties] = {}

    def until(self, month: int) -> Ties:
        """All ties made before the end of the numbered month, those of the beginning first.

        Raises UserError for a month before the population begins.
        """
        if not self.lives_in(month):
            got = f"{jst.first_day(month):%B %Y}"
            raise UserError(f"the population begins on {self.era.begins}: got {got}, choose a later --start")
        cohorts = [self.cohort(m) for m in range(self._first_month, month + 1)]
        present = ties.once(ties.concatenate([self._base, *cohorts]))
        replacing = present.select(present.replaces >= 0)
        # `present` is a copy: the beginning stays as it was for earlier months.
        np.minimum.at(present.ended_at_ms, replacing.replaces, replacing.opened_at_ms - newcomers.CUT_BEFORE_MS)
        return self.drift.in_month(month).lived(present)

    def lives_in(self, month: int) -> bool:
        """Whether the population has begun in the numbered month."""
        return month >= self._first_month

    def cohort(self, month: int) -> Ties:
        """The ties that begin in the numbered month."""
        if month not in self._cohorts:
            serial = (month - self._first_month + 1) << 26
            rng = stream(self.seed, "cohort", month)
            self._cohorts[month] = newcomers.cohort(
                rng,
                self._base,
                month,
                self.accounts,
                serial=serial,
                verified_share=self.era.verified_share,
                times=self.drift.in_month(month).newcomers,
            )
        return self._cohorts[month]

    @cached_property
    def _base(self) -> Ties:
        """The ties that exist when the population begins: first wallets, further ones, second accounts of a wallet."""
        rng = stream(self.seed, "base")
        first = self._first_wallets(rng)
        second = first.select(rng.random(self.accounts) < SECOND_WALLET_SHARE)
        third = second.select(rng.random(len(second.account)) < THIRD_WALLET_SHARE)
        further = ties.concatenate([second, third])
        size = len(further.account)
        opened = self._past(rng, size)
        others = self._ties(
            rng,
            account=further.account,
            wallet=np.arange(size, dtype=np.uint64) + np.uint64(self.accounts),
            service=other_service(rng, further.service),
            opened_at_ms=opened,
            linked_at_ms=self._linked(rng, opened),
            home=further.home,
            verified=rng.random(size) < self.era.verified_share,
        )
        wallets = ties.concatenate([first, others])
        return ties.concatenate([wallets, self._second_banks(rng, wallets)])

    def _first_wallets(self, rng: Rng) -> Ties:
        size = self.accounts
        home = source(HOUSEHOLD, households(rng, size))
        opened = self._past(rng, size)
        return self._ties(
            rng,
            account=banks.account_numbers(banks.drawn(rng, size), np.arange(size)),
            wallet=np.arange(size, dtype=np.uint64),
            service=services_of(rng, home),
            opened_at_ms=opened,
            linked_at_ms=self._linked(rng, opened),
            home=home,
            verified=rng.random(size) < self.era.verified_share,
        )

    def _second_banks(self, rng: Rng, wallets: Ties) -> Ties:
        of = wallets.select(rng.random(len(wallets.wallet)) < SECOND_BANK_SHARE)
        size = len(of.wallet)
        return self._ties(
            rng,
            account=banks.account_numbers(banks.drawn(rng, size), self.accounts + np.arange(size)),
            wallet=of.wallet,
            service=of.service,
            opened_at_ms=of.opened_at_ms,
            linked_at_ms=self._linked(rng, of.linked_at_ms),
            home=of.home,
            verified=of.verified,
            away=of.away,
        )

    def _ties(self, rng: Rng, **known: npt.NDArray[np.generic]) -> Ties:
        size = len(known["account"])
        begun = np.full(size, jst.midnight_ms(self.era.begins) - 1)
        return with_habits(rng, accounts=self.accounts, opens=np.zeros(size, np.bool_), first_charge_ms=begun, **known)

    def _past(self, rng: Rng, size: int) -> npt.NDArray[np.int64]:
        """Moments before the beginning at which wallets were opened."""
        past_days = (self.era.begins - self.era.wallets_since).days
        ago = (rng.random(size) * past_days * jst.DAY_MS).astype(np.int64)
        return jst.midnight_ms(self.era.begins) - 1 - ago

    def _linked(self, rng: Rng, opened_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Moments of links after the openings, before the beginning."""
        delay = lognormal_ms(rng, jst.HOUR_MS, 3.0, len(opened_ms))
        linked: npt.NDArray[np.int64] = np.minimum(opened_ms + delay, jst.midnight_ms(self.era.begins) - 1)
        return linked
