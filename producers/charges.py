"""Debits of one month of normal life: who charges, when, how much."""

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import CHARGE, DEBIT, PURCHASE, SERVICES
from producers import events, jst, season
from producers.attempts import Attempts, answered, join
from producers.draws import Rng, pick
from producers.events import Events
from producers.occasions import first_days, in_steps, sweeps, whole_caps
from producers.ties import FREE, MONTHLY, PAY_DAY, THRESHOLD, Ties

#: Services whose wallets also pay shops straight from the account.
PAYS_DIRECTLY = np.isin(np.array(SERVICES), ["d_payment", "paypay", "linepay", "paypal"])
DIRECT_SHARE = 0.25  # of the debits of free spenders there; *assumed*
USUAL_MAX_YEN = 100_000  # larger charges are made by `occasions`

AT_HOME, ON_THE_WAY = 0.6, 0.35  # where people act; the rest from addresses that the service does not know; *assumed*
COUNTER_MS = 3 * jst.HOUR_MS  # how long after its opening a wallet set up in a shop still acts from the shop's address


def debits_of(rng: Rng, ties: Ties, month: int) -> Events:
    """All debits of `ties` that fall into the numbered month, in order of time."""
    ordinary = in_steps(rng, join([_usual(rng, ties, month), first_days(rng, ties, month)]))
    wanted = join([ordinary, whole_caps(rng, ties, month), sweeps(rng, ties, month)])
    attempts, result = answered(rng, wanted, ties, month)
    of = ties.select(attempts.tie)
    return events.build(
        len(result),
        kind=DEBIT,
        occurred_at_ms=attempts.occurred_at_ms,
        service=of.service,
        wallet=of.wallet,
        opened_at_ms=of.opened_at_ms,
        verified=of.verified,
        source=sources(rng, of, attempts.occurred_at_ms),
        account=of.account,
        result=result,
        amount_yen=attempts.amount_yen,
        purpose=attempts.purpose,
    )


def sources(rng: Rng, of: Ties, moments_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Source of each event: home, carrier or campus, or unknown; at first the shop counter that set the wallet up."""
    draw = rng.random(len(of.home))
    usual = np.where(draw < AT_HOME, of.home, np.where(draw < AT_HOME + ON_THE_WAY, of.away, np.uint64(0)))
    return np.where((of.counter > 0) & (moments_ms - of.opened_at_ms < COUNTER_MS), of.counter, usual)


def _usual(rng: Rng, ties: Ties, month: int) -> Attempts:
    """Charges by habit over the whole month; those outside a tie's lifetime are dropped later."""
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
    purpose = np.where(direct, PURCHASE, CHARGE).astype(np.int8)
    return Attempts(tie, midnights[day] + time, np.minimum(amount, USUAL_MAX_YEN), purpose)
