"""Debits of one month of normal life: who charges when and how much, and what the bank answers."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import (
    CHARGE,
    DEBIT,
    INSUFFICIENT,
    MONTHLY_CAP_YEN,
    OK,
    OVER_CAP,
    PURCHASE,
    REFUSED,
    SERVICES,
)
from producers import events, jst, season
from producers.draws import Rng, pick
from producers.events import Events
from producers.population import FREE, MONTHLY, PAY_DAY, THRESHOLD, Ties

#: Honest ways to take the whole monthly cap, as the shares of 300,000 yen; *assumed*.
FULL_CAP_SPLITS = ((1 / 2, 1 / 2, 0), (1 / 3, 1 / 3, 1 / 3), (2 / 3, 1 / 3, 0))
HEAVY_MONTH_SHARE = 0.5  # months in which a heavy owner takes the whole cap
FIRST_FULL_CAP_SHARE = 0.006  # of new wallets: the whole cap on the first day (a move, a big purchase)
FIRST_AMOUNTS = (500, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 30_000, 50_000, 100_000)
FIRST_WEIGHTS = (0.02, 0.18, 0.08, 0.10, 0.17, 0.18, 0.19, 0.05, 0.02, 0.01)  # 20,000: what the campaign rewards
SECOND_CHARGE_SHARE = 0.22  # of new wallets: once more within the hour
INSUFFICIENT_SHARE = 0.011  # of debits; twice that in the week before pay-day
RETRY_SHARE = 0.55  # of debits without funds: once more with half the amount
REFUSED_SHARE = 0.0008
#: Services whose wallets also pay shops straight from the account.
PAYS_DIRECTLY = np.isin(np.array(SERVICES), ["d_payment", "paypay", "linepay", "paypal"])
DIRECT_SHARE = 0.25


class Debits(NamedTuple):
    """Attempted debits; every array has shape `(n,)`; `tie` is a place in the month's `Ties`."""

    tie: npt.NDArray[np.int64]
    occurred_at_ms: npt.NDArray[np.int64]
    amount_yen: npt.NDArray[np.int64]
    purpose: npt.NDArray[np.int8]

    def select(self, which: Any) -> "Debits":
        """The debits at `which` (slice, index array or mask), in that order."""
        return Debits(*(column[which] for column in self))


def debits_of(rng: Rng, ties: Ties, month: int) -> Events:
    """All debits of `ties` that fall into the numbered month, in order of time."""
    parts = [_usual(rng, ties, month), _first_days(rng, ties, month), _full_caps(rng, ties, month)]
    attempts = _join(parts)
    attempts = _within(attempts, ties, month)
    attempts, insufficient = _without_funds(rng, attempts, month)
    order = np.lexsort((attempts.tie, attempts.occurred_at_ms))
    attempts = attempts.select(order)
    insufficient = insufficient[order]
    result = np.where(insufficient, INSUFFICIENT, np.where(rng.random(len(order)) < REFUSED_SHARE, REFUSED, OK))
    result[_over_cap(attempts, result == OK)] = OVER_CAP
    of = ties.select(attempts.tie)
    return events.build(
        len(order),
        kind=DEBIT,
        occurred_at_ms=attempts.occurred_at_ms,
        service=of.service,
        wallet=of.wallet,
        opened_at_ms=of.opened_at_ms,
        verified=of.verified,
        source=sources(rng, of),
        account=of.account,
        result=result,
        amount_yen=attempts.amount_yen,
        purpose=attempts.purpose,
    )


def sources(rng: Rng, of: Ties) -> npt.NDArray[np.uint64]:
    """Where each event comes from: home, carrier or campus, or unknown."""
    place = rng.random(len(of.home))
    return np.where(place < 0.6, of.home, np.where(place < 0.95, of.away, np.uint64(0)))


def _join(parts: list[Debits]) -> Debits:
    columns: Iterator[tuple[Any, ...]] = zip(*parts, strict=True)
    return Debits(*(np.concatenate(column) for column in columns))


def _usual(rng: Rng, ties: Ties, month: int) -> Debits:
    """Charges by habit over the whole month; those before a tie's time fall out later."""
    days = jst.days_of(month)
    weights = np.array([season.charges(day) for day in days])
    alive = ties.ended_at_ms > jst.midnight_ms(days[0])
    rate = np.where(ties.habit == MONTHLY, 1.0, ties.charges_a_month * weights.sum() / 30.0)
    counts = np.where(ties.habit == MONTHLY, 1, rng.poisson(rate)) * alive
    tie = np.repeat(np.arange(len(counts)), counts)
    habit = ties.habit[tie]
    day = pick(rng, np.arange(len(days)), weights, len(tie))
    # Half of what pay-day people charge falls on pay-day, the rest on the days after it up to the month's end.
    pay_day = season.pay_day(month).day - 1
    on_pay_day = (habit == PAY_DAY) & (rng.random(len(tie)) < 0.5)
    day[on_pay_day] = np.minimum(pay_day + rng.geometric(0.55, int(on_pay_day.sum())) - 1, len(days) - 1)
    standing = habit == MONTHLY
    day[standing] = np.where(ties.account[tie[standing]] % np.uint64(3) == 0, 0, pay_day)
    time = season.times_of_day(rng, len(tie))
    own_hour = (ties.hour[tie] + rng.normal(0.0, 0.9, len(tie))) % 24 * jst.HOUR_MS
    time = np.where(rng.random(len(tie)) < 0.6, own_hour.astype(np.int64), time)
    # Standing orders run in the early morning, one after the other.
    time[standing] = 5 * jst.HOUR_MS + rng.integers(0, 2 * jst.HOUR_MS, int(standing.sum()))
    factor = pick(rng, (1.0, 2.0, 3.0, 0.5), (0.75, 0.12, 0.04, 0.09), len(tie))
    fixed = standing | (habit == THRESHOLD)
    amount = np.where(fixed, ties.usual_yen[tie], np.maximum(500, ties.usual_yen[tie] * factor)).astype(np.int64)
    direct = PAYS_DIRECTLY[ties.service[tie]] & (habit == FREE) & (rng.random(len(tie)) < DIRECT_SHARE)
    amount[direct] = np.clip(2_000 * np.exp(1.1 * rng.standard_normal(int(direct.sum()))), 80, 49_999)
    midnights = np.array([jst.midnight_ms(day) for day in days], np.int64)
    return Debits(
        tie, midnights[day] + time, np.minimum(amount, 100_000), np.where(direct, PURCHASE, CHARGE).astype(np.int8)
    )


def _first_days(rng: Rng, ties: Ties, month: int) -> Debits:
    """First charges of new wallets, some with a second soon after, a few of the whole cap."""
    begins, ends = jst.midnight_ms(jst.first_day(month)), jst.midnight_ms(jst.first_day(month + 1))
    new = np.flatnonzero((ties.first_charge_ms >= begins) & (ties.first_charge_ms < ends))
    amount = pick(rng, FIRST_AMOUNTS, FIRST_WEIGHTS, len(new)).astype(np.int64)
    again = np.flatnonzero(rng.random(len(new)) < SECOND_CHARGE_SHARE)
    delay = rng.integers(jst.MINUTE_MS // 2, jst.HOUR_MS, len(again))
    tie = np.concatenate([new, new[again]])
    moment = np.concatenate([ties.first_charge_ms[new], ties.first_charge_ms[new[again]] + delay])
    ordinary = Debits(tie, moment, np.concatenate([amount, amount[again]]), np.full(len(tie), CHARGE, np.int8))
    full = new[rng.random(len(new)) < FIRST_FULL_CAP_SHARE]
    whole = _whole_cap(rng, full, ties.first_charge_ms[full] + 2 * jst.HOUR_MS)
    return _join([ordinary, whole])


def _full_caps(rng: Rng, ties: Ties, month: int) -> Debits:
    """Heavy owners who take the whole cap, around pay-day or the month's start."""
    days = jst.days_of(month)
    heavy = np.flatnonzero(ties.heavy & (ties.ended_at_ms > jst.midnight_ms(days[0])))
    heavy = heavy[rng.random(len(heavy)) < HEAVY_MONTH_SHARE]
    day = np.where(rng.random(len(heavy)) < 0.5, season.pay_day(month).day - 1, 0)
    midnights = np.array([jst.midnight_ms(day) for day in days], np.int64)
    return _whole_cap(rng, heavy, midnights[day] + season.times_of_day(rng, len(heavy)))


def _whole_cap(rng: Rng, tie: npt.NDArray[np.int64], begins_ms: npt.NDArray[np.int64]) -> Debits:
    """300,000 yen of each tie in two or three debits, half a minute to some minutes apart."""
    shares = np.array(FULL_CAP_SPLITS)[rng.integers(0, len(FULL_CAP_SPLITS), len(tie))]
    gaps = rng.integers(30 * jst.SECOND_MS, 8 * jst.MINUTE_MS, shares.shape)
    moments = begins_ms[:, None] + np.cumsum(gaps, axis=1) - gaps[:, :1]
    amounts = np.rint(shares * MONTHLY_CAP_YEN).astype(np.int64)
    some = amounts > 0
    return Debits(
        np.broadcast_to(tie[:, None], shares.shape)[some],
        moments[some],
        amounts[some],
        np.full(int(some.sum()), CHARGE, np.int8),
    )


def _within(attempts: Debits, ties: Ties, month: int) -> Debits:
    """The attempts that lie in the month and in the life of their tie."""
    begins, ends = jst.midnight_ms(jst.first_day(month)), jst.midnight_ms(jst.first_day(month + 1))
    moment = attempts.occurred_at_ms
    keep = (moment >= begins) & (moment < ends)
    keep &= (moment >= ties.first_charge_ms[attempts.tie]) & (moment < ties.ended_at_ms[attempts.tie])
    return attempts.select(keep)


def _without_funds(rng: Rng, attempts: Debits, month: int) -> tuple[Debits, npt.NDArray[np.bool_]]:
    """The attempts with the retries of those that fail for want of money, and which these are."""
    size = len(attempts.tie)
    pay_day = season.pay_day(month)
    lean = (attempts.occurred_at_ms >= jst.midnight_ms(pay_day) - 7 * jst.DAY_MS) & (
        attempts.occurred_at_ms < jst.midnight_ms(pay_day)
    )
    fails = rng.random(size) < np.where(lean, 2 * INSUFFICIENT_SHARE, INSUFFICIENT_SHARE)
    again = fails & (rng.random(size) < RETRY_SHARE) & (attempts.amount_yen >= 1_000)
    delay = rng.integers(30 * jst.SECOND_MS, 5 * jst.MINUTE_MS, int(again.sum()))
    ends = jst.midnight_ms(jst.first_day(month + 1))
    retries = Debits(
        attempts.tie[again],
        np.minimum(attempts.occurred_at_ms[again] + delay, ends - 1),
        attempts.amount_yen[again] // 2,
        attempts.purpose[again],
    )
    both = _join([attempts, retries])
    return both, np.concatenate([fails, np.zeros(len(retries.tie), np.bool_)])


def _over_cap(attempts: Debits, counts: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Places of the attempts that would exceed their tie's monthly cap; `attempts` are in order of time.

    Works on the n-th attempt of every tie at once, so that it takes as many steps as the busiest tie has attempts.
    """
    totals = np.bincount(attempts.tie, attempts.amount_yen * counts)
    near = np.flatnonzero(counts & (totals[attempts.tie] > MONTHLY_CAP_YEN))
    order = near[np.argsort(attempts.tie[near], kind="stable")]
    _, first, group = np.unique(attempts.tie[order], return_index=True, return_inverse=True)
    rank = np.arange(len(order)) - first[group]
    used = np.zeros(len(first), np.int64)
    refused = []
    for turn in range(int(rank.max(initial=-1)) + 1):
        now = np.flatnonzero(rank == turn)
        after = used[group[now]] + attempts.amount_yen[order[now]]
        fits = after <= MONTHLY_CAP_YEN
        used[group[now[fits]]] = after[fits]
        refused.append(order[now[~fits]])
    return np.concatenate([np.zeros(0, np.int64), *refused])
