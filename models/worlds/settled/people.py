"""Who lives in the world: accounts with habits of their own, and the wallets they have had for years."""

from typing import NamedTuple

import numpy as np

from models.worlds.settled.log import DAY_MS, Bools, Floats, Ints, Rng

#: Newcomers a month, of the accounts: the market has long been shared out. The only people nobody knew before.
NEWCOMERS_A_MONTH = 0.005
MONTH_DAYS = 30.4
#: Debits a day: lognormal, so that a few charge daily and most once or twice a week; 25 in 76 days on average. Assumed.
DEBITS_A_DAY, DEBITS_SPREAD = 0.20, 0.7
#: Who charges ten times as much at once charges half as often. Assumed.
RARER = 0.3
#: Yen of a usual debit: the median person's, and the spread (ln) between people. Every twentieth person usually
#: charges more than 40,000 yen, so that a thief's sums are everyday ones for somebody. Assumed.
USUAL_YEN, USUAL_SPREAD = 6_000, 1.15
#: A quarter charge one fixed amount (a button in the app); the others vary by 0.1 to 0.7 (ln). Assumed.
FIXED_AMOUNT = 0.25
#: A debit in 30 is a big one, 3 to 8 times the usual: a fridge, a family dinner. Personal; assumed.
BIG_SHARE, BIG_FACTOR = 1 / 30, (3.0, 8.0)
#: Habits drift: amounts by 15 % (sd) a month, hours by 20 minutes (sd) a month. Assumed.
AMOUNT_DRIFT, HOUR_DRIFT_H = 0.15, 0.33
#: Hours of the day at which people charge: on the way to work, at lunch, in the evening; everyone's own are near one
#: of these, and one in twelve lives at night (shift workers). Assumed.
PEAKS_H, PEAK_SPREAD_H, NIGHT_PEOPLE = (8.0, 12.5, 20.0), 1.8, 1 / 12
#: Accounts that charge by standing order on a fixed day of the month. Assumed.
STANDING_ORDERS = 0.2
#: Wallets of an account: one, two or three; assumed. The main one takes three debits of four.
WALLETS = (0.55, 0.30, 0.15)
#: Markets of the seven services that the contract knows, and how many of their wallets are identity-checked. Assumed.
SERVICE_SHARES = (0.16, 0.20, 0.30, 0.07, 0.12, 0.10, 0.05)
VERIFIED = 0.65
#: Wallets are one to five years old.
OLD_DAYS = (365, 5 * 365)
#: Wallets that pay at the shop straight from the account; the others are charged first. Assumed.
PAY_DIRECTLY = 0.3
#: People share an address at home in households of one to four, at work with 15 on average, and a carrier's address
#: with hundreds: a region of 600 people has eight. Assumed.
HOUSEHOLD, COLLEAGUES, REGION = (0.4, 0.3, 0.2, 0.1), 15, 600
BANKS = 24
SHOPS_OF_A_PERSON = 8
PEOPLE_A_SHOP = 6
#: Popularity of shops, banks and employers falls as a power of their rank: index = n·u^3.
SKEW = 3.0


class People(NamedTuple):
    """One row an account; float64 or int64, (n,) unless said otherwise. `known` first, newcomers at the end."""

    bank: Ints
    begins_ms: Ints  # 0 or less: known before the first day
    rate: Floats  # debits a day
    weekday: Floats  # (n, 7) share of each weekday, Monday first
    peak_h: Floats  # (n, 3) hours of the day
    peak_until: Floats  # (n, 3) cumulative shares of the peaks
    width_h: Floats
    weekend_h: Floats  # later on Saturday and Sunday
    drift_h: Floats  # a month
    usual_ln: Floats
    spread_ln: Floats
    big: Floats  # ln
    drift_ln: Floats  # a month
    unit: Ints  # amounts are multiples of so many yen
    burst: Floats  # share of debits that others follow
    burst_ms: Floats  # mean gap within a burst
    order_day: Ints  # day of the month of a standing order; 0: none
    patience_ms: Floats  # mean time from charge to payment
    household: Ints
    employer: Ints
    region: Ints
    at_work: Floats  # share of working hours at the employer's address
    at_home: Floats  # share of the rest at home
    shops: Ints  # (n, 8) the favourite first
    first_wallet: Ints
    wallets: Ints

    @property
    def size(self) -> int:
        """Number of accounts, newcomers included."""
        return len(self.bank)


class Wallets(NamedTuple):
    """One row a wallet: its account (or `NONE`), the code of its service, times in ms."""

    account: Ints
    service: Ints
    opened_ms: Ints
    linked_ms: Ints
    verified: Bools
    pays_directly: Bools

    @property
    def size(self) -> int:
        """Number of wallets."""
        return len(self.account)


def people(known: int, days: int, rng: Rng) -> People:
    """`known` accounts of old, and the newcomers of `days` days."""
    come = rng.poisson(known * NEWCOMERS_A_MONTH * days / MONTH_DAYS)
    n = known + come
    night = rng.random(n) < NIGHT_PEOPLE
    peak_h = np.array(PEAKS_H) + PEAK_SPREAD_H * rng.standard_normal((n, 3)) + 12 * night[:, None]
    fixed = rng.random(n) < FIXED_AMOUNT
    usual = USUAL_SPREAD * rng.standard_normal(n)
    wallets = 1 + rng.choice(len(WALLETS), n, p=WALLETS)
    wallets[known:] = 1
    shops = max(50, n // PEOPLE_A_SHOP)
    sizes = 1 + rng.choice(len(HOUSEHOLD), n, p=HOUSEHOLD)
    return People(
        bank=skewed(BANKS, n, rng),
        begins_ms=np.append(np.zeros(known), rng.uniform(0, days * DAY_MS, come)).astype(np.int64),
        rate=DEBITS_A_DAY * np.exp(DEBITS_SPREAD * rng.standard_normal(n) - RARER * usual),
        weekday=rng.dirichlet(np.full(7, 4.0), n),
        peak_h=peak_h,
        peak_until=np.cumsum(rng.dirichlet(np.ones(3), n), axis=1),
        width_h=rng.uniform(0.3, 1.5, n),
        weekend_h=rng.uniform(0, 4, n),
        drift_h=HOUR_DRIFT_H * rng.standard_normal(n),
        usual_ln=np.log(USUAL_YEN) + usual,
        spread_ln=np.where(fixed, 0.0, rng.uniform(0.1, 0.7, n)),
        big=np.log(rng.uniform(*BIG_FACTOR, n)),
        drift_ln=np.where(fixed, 0.0, AMOUNT_DRIFT * rng.standard_normal(n)),
        unit=rng.choice([1, 100, 500, 1_000, 5_000], n, p=[0.15, 0.1, 0.2, 0.4, 0.15]),
        burst=rng.beta(1, 9, n),
        burst_ms=rng.uniform(1, 40, n) * 60_000,
        order_day=np.where(rng.random(n) < STANDING_ORDERS, rng.integers(1, 29, n), 0),
        patience_ms=DAY_MS * np.exp(rng.normal(0, 1.2, n)),
        household=rng.permutation(np.repeat(np.arange(n), sizes)[:n]),
        employer=skewed(max(1, n // COLLEAGUES), n, rng),
        region=rng.integers(0, max(2, n // REGION), n),
        at_work=rng.beta(2, 2, n) * (rng.random(n) < 0.6),
        at_home=rng.beta(4, 2, n),
        shops=skewed(shops, n * SHOPS_OF_A_PERSON, rng).reshape(n, SHOPS_OF_A_PERSON),
        first_wallet=np.cumsum(wallets) - wallets,
        wallets=wallets,
    )


def old_wallets(people: People, rng: Rng) -> Wallets:
    """The wallets that people have, in the order of `People.first_wallet`; those of an account differ in service."""
    account = np.repeat(np.arange(people.size), people.wallets)
    preference = np.log(SERVICE_SHARES) + rng.gumbel(size=(people.size, len(SERVICE_SHARES)))
    service = np.argsort(-preference, axis=1)[account, np.arange(len(account)) - people.first_wallet[account]]
    begins = people.begins_ms[account]
    age = rng.integers(OLD_DAYS[0] * DAY_MS, OLD_DAYS[1] * DAY_MS, len(account))
    opened = np.where(begins > 0, begins, -age)
    return wallets(account, service, opened, np.where(begins > 0, begins + 5 * 60_000, opened), rng)


def wallets(account: Ints, service: Ints, opened_ms: Ints, linked_ms: Ints, rng: Rng) -> Wallets:
    """Wallets as anybody's are, identity-checked or not."""
    n = len(account)
    return Wallets(account, service, opened_ms, linked_ms, rng.random(n) < VERIFIED, rng.random(n) < PAY_DIRECTLY)


def together(*parts: Wallets) -> Wallets:
    """All wallets, in the order of the parts."""
    return Wallets(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def skewed(count: int, n: int, rng: Rng) -> Ints:
    """`n` draws of 0…count−1, the first ones far more often."""
    return (count * rng.random(n) ** SKEW).astype(np.int64)
