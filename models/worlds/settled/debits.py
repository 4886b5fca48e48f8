"""Debits of owners: a cluster process for each account, its intensity its own by hour of the week and by episode."""

import datetime as dt

import numpy as np

from detector.contract.vocabulary import CHARGE, DEBIT, INSUFFICIENT, MONTHLY_CAP_YEN, OK, OVER_CAP, PURCHASE
from models.worlds.settled.episodes import pace
from models.worlds.settled.habits import amounts, moments
from models.worlds.settled.log import DAY_MS, HOUR_MS, MINUTE_MS, NONE, Ints, Log, Rng, join, log
from models.worlds.settled.town import FIRST_DAY, Town

#: Three debits of four by the main wallet; of those after a further one was linked, a third through that one. Assumed.
MAIN_WALLET, FURTHER_WALLET = 0.75, 0.35
#: Most people charge soon after linking a new wallet, an hour later on average. Assumed.
FIRST_CHARGE, FIRST_CHARGE_MS = 0.8, HOUR_MS
#: Services run standing orders at three in the morning, within 20 minutes; no device is at work.
ORDER_MS, ORDER_SPREAD_MS = 3 * HOUR_MS, 20 * MINUTE_MS
#: A wallet that pays straight from the account is charged in one debit of ten, as a thief does. Assumed.
CHARGED_ALL_THE_SAME = 0.1
#: A debit in 80 finds too little money. Assumed.
NO_MONEY = 1 / 80


def owners_debits(town: Town, rng: Rng) -> Log:
    """All debits that owners ask for, in no order, whatever the cap."""
    people = town.people
    account, at_ms = _bursts(town, *_points(town, rng), rng)
    first = np.flatnonzero(
        (town.wallets.linked_ms > town.days[0] * DAY_MS) & (rng.random(town.wallets.size) < FIRST_CHARGE)
    )
    wallet = np.append(_wallets(town, account, at_ms, rng), first)
    account = np.append(account, town.wallets.account[first])
    wait_ms = MINUTE_MS + rng.exponential(FIRST_CHARGE_MS, len(first)).astype(np.int64)
    at_ms = np.append(at_ms, town.wallets.linked_ms[first] + wait_ms)
    asked = _debits(
        town,
        at_ms,
        account,
        wallet,
        source=town.sources(account, at_ms, rng),
        amount_yen=amounts(people, account, at_ms, rng, town.episodes),
        rng=rng,
    )
    debits = join(asked, _standing_orders(town, rng))
    return debits.where(debits.at_ms > town.wallets.linked_ms[debits.wallet])


def within_cap(debits: Log) -> Log:
    """The debits in order of time, refused where a wallet's cap of the month would be exceeded."""
    debits = debits.where(np.lexsort((debits.wallet, debits.at_ms)))
    month = months(debits.at_ms)
    group = debits.wallet * (month.max(initial=0) + 1) + month
    order = np.argsort(group, kind="stable")
    begins = np.flatnonzero(np.diff(group[order], prepend=-1))
    length = np.diff(np.append(begins, len(order)))
    result = debits.result.copy()
    # What is refused leaves the cap as it was: settle the first excess of each group, then look again.
    while True:
        taken = np.where(result == OK, debits.amount_yen, 0)[order]
        total = np.cumsum(taken)
        month_yen = total - np.repeat(total[begins] - taken[begins], length)
        over = np.flatnonzero((month_yen > MONTHLY_CAP_YEN) & (taken > 0))
        if not len(over):
            return debits._replace(result=result)
        _, first = np.unique(group[order][over], return_index=True)
        result[order[over[first]]] = OVER_CAP


def months(at_ms: Ints) -> Ints:
    """Calendar months since the one before the first day's."""
    day = np.datetime64(FIRST_DAY, "D") + at_ms // DAY_MS
    return np.asarray(day.astype("datetime64[M]").astype(np.int64) - np.datetime64(FIRST_DAY, "M").astype(np.int64) + 1)


def _points(town: Town, rng: Rng) -> tuple[Ints, Ints]:
    """Accounts and moments of the points of the process."""
    days = np.arange(*town.days)
    counts = [rng.poisson(pace(town.people, town.episodes, day, day % 7)) for day in days.tolist()]
    account = np.concatenate([np.repeat(np.arange(town.people.size), count) for count in counts])
    day = np.repeat(days, [count.sum() for count in counts])
    return account, moments(town.people, town.episodes, account, day, rng)


def _bursts(town: Town, account: Ints, at_ms: Ints, rng: Rng) -> tuple[Ints, Ints]:
    """The points and those that follow them: the owner charges again, as once was too little."""
    some = np.flatnonzero(rng.random(len(account)) < town.people.burst[account])
    parent = np.repeat(some, rng.geometric(0.6, len(some)))
    nth = np.arange(len(parent)) - np.searchsorted(parent, parent) + 1
    later = at_ms[parent] + (town.people.burst_ms[account[parent]] * rng.gamma(nth)).astype(np.int64)
    return np.append(account, account[parent]), np.append(at_ms, later)


def _wallets(town: Town, account: Ints, at_ms: Ints, rng: Rng) -> Ints:
    """The wallet of each debit: the main one, another, or one opened meanwhile."""
    people, n = town.people, len(account)
    other = rng.integers(0, people.wallets[account])
    wallet = people.first_wallet[account] + np.where(rng.random(n) < MAIN_WALLET, 0, other)
    further = town.further[account]
    linked = (further != NONE) & (at_ms > town.wallets.linked_ms[further])
    return np.where(linked & (rng.random(n) < FURTHER_WALLET), further, wallet)


def _standing_orders(town: Town, rng: Rng) -> Log:
    """A fixed amount by the main wallet on the account's own day of each month."""
    people, days = town.people, np.arange(*town.days)
    day_of_month = [(FIRST_DAY + dt.timedelta(days=day)).day for day in days.tolist()]
    account, index = np.nonzero(people.order_day[:, None] == np.array(day_of_month)[None, :])
    at_ms = days[index] * DAY_MS + ORDER_MS + rng.integers(0, ORDER_SPREAD_MS, len(account))
    usual = np.round(np.exp(people.usual_ln) / 1_000).clip(1, 50).astype(np.int64) * 1_000
    return _debits(town, at_ms, account, people.first_wallet[account], NONE, usual[account], rng)


def _debits(
    town: Town, at_ms: Ints, account: Ints, wallet: Ints, source: Ints | int, amount_yen: Ints, rng: Rng
) -> Log:
    result = np.where(rng.random(len(wallet)) < NO_MONEY, INSUFFICIENT, OK)
    direct = town.wallets.pays_directly[wallet] & (rng.random(len(wallet)) >= CHARGED_ALL_THE_SAME)
    purpose = np.where(direct, PURCHASE, CHARGE)
    return log(
        at_ms,
        DEBIT,
        account=account,
        wallet=wallet,
        source=source,
        amount_yen=amount_yen,
        purpose=purpose,
        result=result,
    )
