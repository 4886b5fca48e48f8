"""Who lives here: every tie between a bank account and a wallet, with the habits of its owner.

The population begins on the first day of its era (1 June 2020) and grows by a cohort each month. A month's cohort
depends on the seed, the size, the era and the month alone, so that any two runs of one seed meet the same people with
the same past.
"""

import datetime as dt
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import SERVICES
from detector.errors import UserError
from producers import banks, jst, season
from producers.draws import Rng, exponential_ms, lognormal_ms, pick, stream

BEGINS = dt.date(2020, 6, 1)
EMAIL_WALLETS_SINCE = dt.date(2019, 9, 1)  # an e-mail address sufficed from then on (press, Sept 2020)
MAX_ACCOUNTS = 20_000_000

#: Shares of the wallets by service; *assumed*.
SERVICE_SHARES = dict(zip(SERVICES, (0.20, 0.14, 0.34, 0.04, 0.11, 0.11, 0.03, 0.03), strict=True))
NEW_WALLETS_PER_DAY = 0.0055  # of the accounts at the beginning; *assumed*, with campaigns on top
NEW_ACCOUNT_SHARE = 0.65  # of new wallets: their bank account was never tied to any wallet
SECOND_TIE_SHARE = 0.15  # of the accounts at the beginning: a second wallet at another service
DAILY_END_RATE = 0.00013  # ties that end, about 4 % a month with the dormant; *assumed*

#: What a charge is: yen and how many owners prefer it; *assumed*, the press names 1,000 … 30,000 as usual.
USUAL_AMOUNTS = (1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 30_000, 50_000, 100_000)
AMOUNT_WEIGHTS = (0.10, 0.09, 0.14, 0.21, 0.25, 0.11, 0.06, 0.03, 0.01)

USUAL_MONTH_YEN = 100_000  # owners of large charges charge seldom, so that few meet the monthly cap; *assumed*

#: When an owner charges: any day, on and after pay-day, by standing order, whenever the balance is low.
FREE, PAY_DAY, MONTHLY, THRESHOLD = range(4)
HABIT_WEIGHTS = (0.58, 0.24, 0.06, 0.12)

HOUSEHOLD, CARRIER, CAMPUS, ODD = range(1, 5)  # kinds of source, in the top bits of its number


class Era(NamedTuple):
    """When a population begins, since when its wallets could be opened, and the share of them that are verified."""

    begins: dt.date
    wallets_since: dt.date
    verified_share: float


#: 0.55 is *assumed*: subscribers of a carrier were verified, others had an e-mail.
EMAIL_ERA = Era(BEGINS, EMAIL_WALLETS_SINCE, 0.55)
#: Before, a wallet was for verified subscribers alone (press, Sept 2020); two years of them, *assumed*.
SUBSCRIBER_ERA = Era(dt.date(2019, 4, 1), dt.date(2017, 4, 1), 1.0)


class Ties(NamedTuple):
    """`n` ties of an account to a wallet; every array has shape `(n,)`; moments in epoch ms UTC."""

    account: npt.NDArray[np.uint64]
    wallet: npt.NDArray[np.uint64]
    service: npt.NDArray[np.int8]
    opened_at_ms: npt.NDArray[np.int64]
    opens: npt.NDArray[np.bool_]  # the wallet is new with this tie
    verified: npt.NDArray[np.bool_]
    pin: npt.NDArray[np.bool_]  # linked with the PIN alone
    linked_at_ms: npt.NDArray[np.int64]  # first attempt
    fumbles: npt.NDArray[np.int8]  # wrong tries before the right one
    first_charge_ms: npt.NDArray[np.int64]
    ended_at_ms: npt.NDArray[np.int64]
    charges_a_month: npt.NDArray[np.float64]
    usual_yen: npt.NDArray[np.int64]
    habit: npt.NDArray[np.int8]
    hour: npt.NDArray[np.float64]  # preferred hour of the day
    home: npt.NDArray[np.uint64]  # source shared with the household
    away: npt.NDArray[np.uint64]  # carrier or campus, shared with many
    heavy: npt.NDArray[np.bool_]  # charges the whole monthly cap now and then

    def select(self, which: Any) -> "Ties":
        """The ties at `which` (slice, index array or mask)."""
        return Ties(*(column[which] for column in self))


class Population:
    """The people of one seed; `accounts` are linked when its era begins."""

    def __init__(self, seed: int, accounts: int, era: Era = EMAIL_ERA) -> None:
        if not 10 <= accounts <= MAX_ACCOUNTS:
            raise UserError(f"got {accounts} accounts, expected 10 … {MAX_ACCOUNTS}: choose another --accounts")
        self.seed = seed
        self.accounts = accounts
        self.era = era
        self._first_month = jst.month_of(era.begins)
        self._cohorts: dict[int, Ties] = {}

    def until(self, month: int) -> Ties:
        """All ties made before the end of the numbered month, oldest first.

        Raises UserError for a month before the population begins.
        """
        if not self.lives_in(month):
            got = f"{jst.first_day(month):%B %Y}"
            raise UserError(f"the population begins on {self.era.begins}: got {got}, choose a later --start")
        cohorts = [self._base, *(self.cohort(m) for m in range(self._first_month, month + 1))]
        return Ties(*(np.concatenate(columns) for columns in zip(*cohorts, strict=True)))

    def lives_in(self, month: int) -> bool:
        """Whether the population has begun in the numbered month."""
        return month >= self._first_month

    def cohort(self, month: int) -> Ties:
        """The ties that begin in the numbered month, by the moment their wallet was opened."""
        if month not in self._cohorts:
            self._cohorts[month] = self._new_ties(month)
        return self._cohorts[month]

    @cached_property
    def _base(self) -> Ties:
        """The ties that exist when the population begins."""
        rng = stream(self.seed, "base")
        n = self.accounts
        first = _account_numbers(_banks(rng, n), np.arange(n))
        second = np.flatnonzero(rng.random(n) < SECOND_TIE_SHARE)
        account = np.concatenate([first, first[second]])
        size = len(account)
        service = pick(rng, np.arange(len(SERVICES)), list(SERVICE_SHARES.values()), size)
        # The second wallet is at another service than the first.
        service[n:] = (service[second] + 1 + rng.integers(0, len(SERVICES) - 1, len(second))) % len(SERVICES)
        begins = jst.midnight_ms(self.era.begins)
        past_days = (self.era.begins - self.era.wallets_since).days
        opened = begins - 1 - (rng.random(size) * past_days * jst.DAY_MS).astype(np.int64)
        linked = np.minimum(opened + lognormal_ms(rng, jst.HOUR_MS, 3.0, size), begins - 1)
        return _with_habits(
            rng,
            account=account,
            wallet=np.arange(size, dtype=np.uint64),
            service=service,
            opened_at_ms=opened,
            opens=np.zeros(size, np.bool_),
            linked_at_ms=linked,
            first_charge_ms=np.full(size, begins - 1),
            accounts=self.accounts,
            verified_share=self.era.verified_share,
        )

    def _new_ties(self, month: int) -> Ties:
        rng = stream(self.seed, "cohort", month)
        days = jst.days_of(month)
        weights = np.array([season.newcomers(day) for day in days])
        counts = rng.poisson(NEW_WALLETS_PER_DAY * self.accounts * weights)
        size = int(counts.sum())
        midnights = np.array([jst.midnight_ms(day) for day in days], np.int64)
        opened = np.repeat(midnights, counts) + season.times_of_day(rng, size)
        opened = np.sort(opened)
        serial = np.arange(size) + (month - self._first_month + 1) * (1 << 26)
        fresh = rng.random(size) < NEW_ACCOUNT_SHARE
        known = self._base.account[rng.integers(0, self.accounts, size)]
        account = np.where(fresh, _account_numbers(_banks(rng, size), serial), known)
        linked = opened + np.where(
            rng.random(size) < 0.85,
            lognormal_ms(rng, 5 * jst.MINUTE_MS, 1.0, size),
            exponential_ms(rng, 2 * jst.DAY_MS, size),
        )
        first = (
            linked
            + 2 * jst.MINUTE_MS
            + np.where(
                rng.random(size) < 0.85,
                lognormal_ms(rng, 4 * jst.MINUTE_MS, 1.2, size),
                exponential_ms(rng, 3 * jst.DAY_MS, size),
            )
        )
        return _with_habits(
            rng,
            account=account,
            wallet=serial.astype(np.uint64),
            service=pick(rng, np.arange(len(SERVICES)), list(SERVICE_SHARES.values()), size),
            opened_at_ms=opened,
            opens=np.ones(size, np.bool_),
            linked_at_ms=linked,
            first_charge_ms=first,
            accounts=self.accounts,
            verified_share=self.era.verified_share,
        )


def _banks(rng: Rng, size: int) -> npt.NDArray[np.int64]:
    places: npt.NDArray[np.int64] = pick(rng, np.arange(len(banks.BANKS)), banks.SHARES, size)
    return places


def _account_numbers(bank: npt.NDArray[np.int64], serial: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Account ids: the bank's code above, a number that no other account has below."""
    return (banks.CODES[bank].astype(np.uint64) << np.uint64(40)) | serial.astype(np.uint64)


def _with_habits(
    rng: Rng, *, account: npt.NDArray[np.uint64], accounts: int, verified_share: float, **known: Any
) -> Ties:
    """Ties of the known columns, with drawn habits."""
    size = len(account)
    place = {int(code): i for i, code in enumerate(banks.CODES)}
    codes, inverse = np.unique(account >> np.uint64(40), return_inverse=True)
    pin_share = banks.PIN_SHARES[[place[int(code)] for code in codes]][inverse]
    households = max(1, int(accounts / 2.2))  # persons a household, census 2020
    hour = pick(rng, np.arange(24), season.HOURS, size) + rng.random(size)
    campus = rng.random(size) < 0.05
    away = np.where(
        campus,
        _source(CAMPUS, rng.integers(0, 2 + accounts // 4_000, size)),
        _source(CARRIER, rng.integers(0, 4 + accounts // 1_500, size)),
    )
    usual_yen = pick(rng, USUAL_AMOUNTS, AMOUNT_WEIGHTS, size)
    return Ties(
        account=account,
        verified=rng.random(size) < verified_share,
        pin=rng.random(size) < pin_share,
        fumbles=pick(rng, np.arange(4, dtype=np.int8), (0.915, 0.062, 0.016, 0.007), size),
        ended_at_ms=known["linked_at_ms"] + jst.DAY_MS + exponential_ms(rng, jst.DAY_MS / DAILY_END_RATE, size),
        charges_a_month=np.minimum(rng.gamma(0.9, 6.0, size), 0.5 + USUAL_MONTH_YEN / usual_yen),
        usual_yen=usual_yen,
        habit=pick(rng, np.arange(4, dtype=np.int8), HABIT_WEIGHTS, size),
        hour=hour,
        home=_source(HOUSEHOLD, rng.integers(0, households, size)),
        away=away,
        heavy=rng.random(size) < 0.004,
        **{name: _typed(name, column) for name, column in known.items()},
    )


def _source(kind: int, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    return np.uint64(kind << 60) | numbers.astype(np.uint64)


def _typed(name: str, column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return column.astype(np.int8) if name == "service" else column
