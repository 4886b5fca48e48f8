"""Attempted debits of a month, and what the bank answers: funds, refusals, the monthly cap."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import INSUFFICIENT, MONTHLY_CAP_YEN, OK, OVER_CAP, REFUSED
from producers import jst, season
from producers.draws import Rng
from producers.ties import Ties, first_moments

INSUFFICIENT_SHARE = 0.011  # of debits; twice that in the week before pay-day; *assumed*
RETRY_SHARE = 0.55  # of debits without funds: once more with half the amount; *assumed*
REFUSED_SHARE = 0.0008  # closed accounts, the bank's own limits; *assumed*


class Attempts(NamedTuple):
    """Attempted debits; every array has shape `(n,)`; `tie` is an index in the month's `Ties`."""

    tie: npt.NDArray[np.int64]
    occurred_at_ms: npt.NDArray[np.int64]
    amount_yen: npt.NDArray[np.int64]
    purpose: npt.NDArray[np.int8]

    def select(self, which: Any) -> "Attempts":
        """The attempts at `which` (slice, index array or mask), in that order."""
        return Attempts(*(column[which] for column in self))


def join(parts: list[Attempts]) -> Attempts:
    """All attempts of `parts`, in order."""
    columns: Iterator[tuple[Any, ...]] = zip(*parts, strict=True)
    return Attempts(*(np.concatenate(column) for column in columns))


def answered(rng: Rng, attempts: Attempts, ties: Ties, month: int) -> tuple[Attempts, npt.NDArray[np.int8]]:
    """The attempts that lie in the numbered month, with retries, in order of time; and the result of each."""
    attempts, insufficient = _without_funds(rng, _within(attempts, ties, month), month)
    order = np.lexsort((attempts.tie, attempts.occurred_at_ms))
    attempts, insufficient = attempts.select(order), insufficient[order]
    result = np.where(insufficient, INSUFFICIENT, np.where(rng.random(len(order)) < REFUSED_SHARE, REFUSED, OK))
    result[_over_cap(attempts, result == OK)] = OVER_CAP
    return attempts, result.astype(np.int8)


def _within(attempts: Attempts, ties: Ties, month: int) -> Attempts:
    """The attempts that lie in the month and in the life of their tie."""
    begins, ends = first_moments(month)
    moment = attempts.occurred_at_ms
    keep = (moment >= begins) & (moment < ends)
    keep &= (moment >= ties.first_charge_ms[attempts.tie]) & (moment < ties.ended_at_ms[attempts.tie])
    return attempts.select(keep)


def _without_funds(rng: Rng, attempts: Attempts, month: int) -> tuple[Attempts, npt.NDArray[np.bool_]]:
    """The attempts with the retries of those that fail for lack of funds, and a mask of these retries."""
    size = len(attempts.tie)
    pay_day = season.pay_day(month)
    lean = (attempts.occurred_at_ms >= jst.midnight_ms(pay_day) - 7 * jst.DAY_MS) & (
        attempts.occurred_at_ms < jst.midnight_ms(pay_day)
    )
    fails = rng.random(size) < np.where(lean, 2 * INSUFFICIENT_SHARE, INSUFFICIENT_SHARE)
    again = fails & (rng.random(size) < RETRY_SHARE) & (attempts.amount_yen >= 1_000)
    delay = rng.integers(30 * jst.SECOND_MS, 5 * jst.MINUTE_MS, int(again.sum()))
    _, ends = first_moments(month)
    retries = Attempts(
        attempts.tie[again],
        np.minimum(attempts.occurred_at_ms[again] + delay, ends - 1),
        attempts.amount_yen[again] // 2,
        attempts.purpose[again],
    )
    both = join([attempts, retries])
    return both, np.concatenate([fails, np.zeros(len(retries.tie), np.bool_)])


def _over_cap(attempts: Attempts, counts: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Indices of the attempts that would exceed their tie's monthly cap; `attempts` are in order of time.

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
