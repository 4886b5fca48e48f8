"""The ties that begin in a month: first wallets, further wallets, new phones with a fresh wallet, second banks."""

import numpy as np
import numpy.typing as npt

from producers import banks, jst, season, ties
from producers.draws import Rng, exponential_ms, lognormal_ms, pick
from producers.families import other_service, services_of
from producers.ties import COUNTER, HOUSEHOLD, Ties, source, with_habits

#: Of the accounts at the beginning, with campaigns on top; *assumed*, so that honest newcomers hide each case.
NEW_WALLETS_PER_DAY = 0.006
#: Whose account a new wallet is tied to: one that no wallet was tied to before, one that has a wallet at another
#: service, or that of the owner's old wallet, which a new phone leaves behind; *assumed*.
FRESH, FURTHER, AFRESH = range(3)
KIND_WEIGHTS = (0.63, 0.30, 0.07)
CUT_BEFORE_MS = 20 * jst.MINUTE_MS  # the old tie ends so long before the fresh wallet is opened
JOINS_FAMILY_SHARE = 0.4  # of fresh accounts: a member of a household that is here already; *assumed*

#: Wallets that get a second account, of the accounts at the beginning; some on the day they are opened; *assumed*.
NEW_BANKS_PER_DAY = 0.0006
AT_ONCE_SHARE = 0.15
FAMILY_ACCOUNT_SHARE = 0.25  # of these accounts: of somebody else in the household

#: Wallets set up with a clerk's help over the shop's network, where many begin at one address; *assumed*.
COUNTER_SHARE, CAMPAIGN_COUNTER_SHARE = 0.06, 0.2
ACCOUNTS_PER_COUNTER = 3_000
COUNTER_SKEW = 2.0  # a few large shops see most

#: Most people link and charge in one go; others some days later, a few after weeks; *assumed*.
PROMPT_SHARE, WEEKS_SHARE = 0.85, 0.03
HASTE_MS = 15 * jst.SECOND_MS  # from the link to the earliest charge


def cohort(
    rng: Rng, base: Ties, month: int, accounts: int, *, serial: int, verified_share: float, times: float = 1.0
) -> Ties:
    """The ties that begin in the numbered month, numbered from `serial` on.

    `times`: factor on the usual number of wallets.
    """
    per_day = times * NEW_WALLETS_PER_DAY * accounts
    wallets = _wallets(rng, base, month, accounts, per_day, serial=serial, verified_share=verified_share)
    first_free = serial + len(wallets.wallet)
    return ties.concatenate([wallets, _second_banks(rng, base, wallets, month, accounts, serial=first_free)])


def _wallets(
    rng: Rng, base: Ties, month: int, accounts: int, per_day: float, *, serial: int, verified_share: float
) -> Ties:
    opened, on_campaign = _moments(rng, month, per_day)
    size = len(opened)
    number = np.arange(size) + serial
    kind = pick(rng, np.arange(len(KIND_WEIGHTS)), KIND_WEIGHTS, size)
    index = rng.integers(0, accounts, size)  # of the tie whose account or household it is
    fresh = kind == FRESH
    at_home = ~fresh | (rng.random(size) < JOINS_FAMILY_SHARE)
    # Numbers of new households lie above all that the beginning has.
    home = np.where(at_home, base.home[index], source(HOUSEHOLD, number))
    service = np.where(fresh, services_of(rng, home), other_service(rng, base.service[index]))
    linked = opened + _delay(rng, 5 * jst.MINUTE_MS, 1.0, 2 * jst.DAY_MS, size)
    counters = source(COUNTER, (2 + accounts // ACCOUNTS_PER_COUNTER) * rng.random(size) ** COUNTER_SKEW)
    fumbled = ties.fumbles(rng, size)
    assisted = rng.random(size) < np.where(on_campaign, CAMPAIGN_COUNTER_SHARE, COUNTER_SHARE)
    return with_habits(
        rng,
        accounts=accounts,
        account=np.where(fresh, banks.account_numbers(banks.drawn(rng, size), number), base.account[index]),
        wallet=number.astype(np.uint64),
        service=np.where(kind == AFRESH, base.service[index], service),
        opened_at_ms=opened,
        opens=np.ones(size, np.bool_),
        verified=rng.random(size) < verified_share,
        linked_at_ms=linked,
        fumbles=fumbled,
        first_charge_ms=_first_charges(rng, linked, fumbled),
        home=home,
        replaces=np.where(kind == AFRESH, index, -1),
        counter=np.where(assisted, counters, np.uint64(0)),
    )


def _second_banks(rng: Rng, base: Ties, wallets: Ties, month: int, accounts: int, *, serial: int) -> Ties:
    """Further accounts of wallets that exist, of the owner's other bank or of somebody in the household."""
    linked, _ = _moments(rng, month, NEW_BANKS_PER_DAY * accounts)
    size = len(linked)
    now = (rng.random(size) < AT_ONCE_SHARE) & (len(wallets.wallet) > 0)
    index = rng.integers(0, accounts, size)
    new = rng.integers(0, max(1, len(wallets.wallet)), size)
    of = ties.concatenate([base, wallets]).select(np.where(now, len(base.wallet) + new, index))
    linked[now] = of.linked_at_ms[now] + 2 * jst.MINUTE_MS + lognormal_ms(rng, 10 * jst.MINUTE_MS, 1.0, int(now.sum()))
    # Members of a household have neighbouring indices.
    mate = base.select((index + 1) % accounts)
    in_family = ~now & (rng.random(size) < FAMILY_ACCOUNT_SHARE) & (mate.home == of.home)
    number = np.arange(size) + serial
    fumbled = ties.fumbles(rng, size)
    return with_habits(
        rng,
        accounts=accounts,
        account=np.where(in_family, mate.account, banks.account_numbers(banks.drawn(rng, size), number)),
        wallet=of.wallet,
        service=of.service,
        opened_at_ms=of.opened_at_ms,
        opens=np.zeros(size, np.bool_),
        verified=of.verified,
        linked_at_ms=linked,
        fumbles=fumbled,
        first_charge_ms=_first_charges(rng, linked, fumbled),
        home=of.home,
        away=of.away,
        counter=np.where(now, of.counter, np.uint64(0)),
    )


def _moments(rng: Rng, month: int, per_day: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Moments in the month, about `per_day` on an ordinary day, in order; and whether each lies in a campaign."""
    days = jst.days_of(month)
    counts = rng.poisson(per_day * np.array([season.newcomers(day) for day in days]))
    midnights = np.array([jst.midnight_ms(day) for day in days], np.int64)
    day = np.repeat(np.arange(len(days)), counts)
    moments = np.sort(midnights[day] + season.times_of_day(rng, len(day)))
    # Sorting stays within the days, so that `day` is still right.
    return moments, np.array([season.campaign(d) is not None for d in days])[day]


def _delay(rng: Rng, median_ms: float, sigma: float, mean_ms: float, size: int) -> npt.NDArray[np.int64]:
    """Delays: short for most people, some days or weeks for the others."""
    hurry = rng.random(size)
    later = exponential_ms(rng, mean_ms, size) * np.where(hurry > 1 - WEEKS_SHARE, 5, 1)
    return np.where(hurry < PROMPT_SHARE, lognormal_ms(rng, median_ms, sigma, size), later)


def _first_charges(
    rng: Rng, linked_at_ms: npt.NDArray[np.int64], fumbled: npt.NDArray[np.int8]
) -> npt.NDArray[np.int64]:
    delay = _delay(rng, 3 * jst.MINUTE_MS, 1.2, 3 * jst.DAY_MS, len(linked_at_ms))
    return ties.linked_by_ms(linked_at_ms, fumbled) + HASTE_MS + delay
