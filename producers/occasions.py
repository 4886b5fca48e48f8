"""Debits that stand out and are honest: first days of a wallet, the whole cap at once, several wallets in a row."""

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import CHARGE, MONTHLY_CAP_YEN
from producers import jst, season
from producers.attempts import Attempts, join
from producers.draws import Rng, lognormal_ms, pick
from producers.ties import Ties, first_moments

#: Honest ways to take the whole monthly cap, as the shares of 300,000 yen, and how often; *assumed*.
FULL_CAP_SPLITS = ((1 / 2, 1 / 2, 0), (1 / 3, 1 / 3, 1 / 3), (2 / 3, 1 / 3, 0))
FULL_CAP_WEIGHTS = (0.35, 0.45, 0.20)
HEAVY_MONTH_SHARE = 0.5  # months in which a heavy owner takes the whole cap; *assumed*
FULL_CAP_GAP_MS = 75 * jst.SECOND_MS  # median between its debits; *assumed*: typed in anew, some at once
MIN_GAP_MS = 8 * jst.SECOND_MS  # nobody is faster

#: First charges, and how many newcomers begin so: most try the wallet out or take what the campaign rewards (20,000).
#: One in twelve has a purchase in mind and begins with 50,000 and more; *assumed*: more of them a day than a desk can
#: look at, so that a thief's first charge does not stand out by its size and haste.
FIRST_AMOUNTS = (500, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 30_000, 50_000, 80_000, 100_000)
FIRST_WEIGHTS = (0.02, 0.17, 0.08, 0.10, 0.16, 0.16, 0.17, 0.06, 0.045, 0.01, 0.03)
SECOND_CHARGE_SHARE = 0.22  # of new wallets: once more soon after; *assumed*
SECOND_CHARGE_MS = 6 * jst.MINUTE_MS  # the median until then
#: Of new wallets: the whole cap on the first day, after a first charge that tries it out (a move, a big purchase).
FIRST_FULL_CAP_SHARE = 0.012
TRIED_OUT_MS = 40 * jst.MINUTE_MS  # median from the first charge to the rest; *assumed*

#: Owners of several wallets who charge one after the other for the rewards of each, a month; *assumed*.
SWEEP_SHARE = 0.05
SWEEP_AMOUNTS = (5_000, 10_000, 20_000, 30_000, 50_000)
SWEEP_WEIGHTS = (0.15, 0.25, 0.40, 0.12, 0.08)

#: Large charges made in two or three steps in a row, as services limit a single one; *assumed*.
STEPS_FROM_YEN = 20_000
STEPS_SHARE = 0.05
STEP_MS, FASTEST_STEP_MS = 12 * jst.SECOND_MS, 5 * jst.SECOND_MS  # median pause beyond the fastest one


def first_days(rng: Rng, ties: Ties, month: int) -> Attempts:
    """First charges of new wallets, some with a second soon after, a few of the whole cap."""
    begins, ends = first_moments(month)
    new = np.flatnonzero((ties.first_charge_ms >= begins) & (ties.first_charge_ms < ends))
    amount = pick(rng, FIRST_AMOUNTS, FIRST_WEIGHTS, len(new)).astype(np.int64)
    again = np.flatnonzero(rng.random(len(new)) < SECOND_CHARGE_SHARE)
    delay = MIN_GAP_MS + lognormal_ms(rng, SECOND_CHARGE_MS, 1.3, len(again))
    tie = np.concatenate([new, new[again]])
    moment = np.concatenate([ties.first_charge_ms[new], ties.first_charge_ms[new[again]] + delay])
    full = new[rng.random(len(new)) < FIRST_FULL_CAP_SHARE]
    tried = jst.MINUTE_MS + lognormal_ms(rng, TRIED_OUT_MS, 1.0, len(full))
    whole = _whole_cap(rng, full, ties.first_charge_ms[full] + tried)
    return join([_charges(tie, moment, np.concatenate([amount, amount[again]])), whole])


def whole_caps(rng: Rng, ties: Ties, month: int) -> Attempts:
    """Heavy owners who take the whole cap, around pay-day or the month's start."""
    heavy = np.flatnonzero(ties.heavy & (ties.ended_at_ms > first_moments(month)[0]))
    heavy = heavy[rng.random(len(heavy)) < HEAVY_MONTH_SHARE]
    day = np.where(rng.random(len(heavy)) < 0.5, season.pay_day(month).day - 1, 0)
    return _whole_cap(rng, heavy, _midnights(month)[day] + season.times_of_day(rng, len(heavy)))


def sweeps(rng: Rng, ties: Ties, month: int) -> Attempts:
    """Owners who charge all their wallets within the hour, on a day that offers draw them to."""
    # Ties of one account side by side.
    order = np.argsort(ties.account, kind="stable")
    _, first, count = np.unique(ties.account[order], return_index=True, return_counts=True)
    chosen = np.flatnonzero((count > 1) & (rng.random(len(count)) < SWEEP_SHARE))
    days = jst.days_of(month)
    day = pick(rng, np.arange(len(days)), [season.charges(day) for day in days], len(chosen))
    begins = _midnights(month)[day] + season.times_of_day(rng, len(chosen))
    amount = pick(rng, SWEEP_AMOUNTS, SWEEP_WEIGHTS, len(chosen))
    turn = np.arange(int(count.max(initial=1)))
    some = turn < count[chosen][:, None]
    tie = order[np.minimum(first[chosen][:, None] + turn, len(order) - 1)][some]
    pauses = rng.integers(jst.MINUTE_MS, 20 * jst.MINUTE_MS, some.shape)
    moment = begins[:, None] + np.cumsum(pauses, axis=1)
    return _charges(tie, moment[some], np.broadcast_to(amount[:, None], some.shape)[some])


def in_steps(rng: Rng, attempts: Attempts) -> Attempts:
    """The attempts, some of the large ones cut into steps that follow each other in seconds."""
    cut = (attempts.amount_yen >= STEPS_FROM_YEN) & (rng.random(len(attempts.tie)) < STEPS_SHARE)
    steps = np.where(cut, rng.integers(2, 4, len(cut)), 1)
    which = np.repeat(np.arange(len(cut)), steps)
    turn = np.arange(len(which)) - np.repeat(np.cumsum(steps) - steps, steps)
    pause = FASTEST_STEP_MS + lognormal_ms(rng, STEP_MS, 0.8, len(cut))
    whole = attempts.select(which)
    amount = np.where(cut[which], whole.amount_yen // steps[which] // 1_000 * 1_000, whole.amount_yen)
    return whole._replace(occurred_at_ms=whole.occurred_at_ms + turn * pause[which], amount_yen=amount)


def _whole_cap(rng: Rng, tie: npt.NDArray[np.int64], begins_ms: npt.NDArray[np.int64]) -> Attempts:
    """300,000 yen of each tie in two or three debits, seconds to some minutes apart."""
    split = pick(rng, np.arange(len(FULL_CAP_SPLITS)), FULL_CAP_WEIGHTS, len(tie))
    amounts = np.rint(np.array(FULL_CAP_SPLITS)[split] * MONTHLY_CAP_YEN).astype(np.int64)
    gaps = MIN_GAP_MS + lognormal_ms(rng, FULL_CAP_GAP_MS, 1.0, amounts.size).reshape(amounts.shape)
    moments = begins_ms[:, None] + np.cumsum(gaps, axis=1) - gaps[:, :1]
    some = amounts > 0
    return _charges(np.broadcast_to(tie[:, None], amounts.shape)[some], moments[some], amounts[some])


def _charges(tie: npt.NDArray[np.int64], moment: npt.NDArray[np.int64], amount: npt.NDArray[np.int64]) -> Attempts:
    return Attempts(tie, moment, amount, np.full(len(tie), CHARGE, np.int8))


def _midnights(month: int) -> npt.NDArray[np.int64]:
    return np.array([jst.midnight_ms(day) for day in jst.days_of(month)], np.int64)
