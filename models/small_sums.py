"""Simulated attacks in sums that people of the history ask for: more debits, and smaller ones, than the press told of.

Whoever steals what a wallet can take at once is seen by the sum. Others take what is usual for somebody, and unusual
for the victim alone; trees that never met them know nothing of what is usual for an account.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch
from detector.contract.hashing import P1
from detector.contract.vocabulary import DEBIT, MONTHLY_CAP_YEN

#: Greatest share in a round of cases in such sums; the most debits in the place of one; how long after each other, ms,
#: log-uniform; yen are whole hundreds. All *assumed*: nobody published them, so all are in.
SMALLER, MOST_PARTS, GAP_MS, UNIT_YEN = 0.9, 4, (15_000, 5_400_000), 100
#: A case asks for what people ask who ask for most, from this share of all debits on at the highest.
HIGHEST = 0.9
#: Debits of less than this share of a case's largest are tests, and stay as they are.
TEST = 0.2


class Split(NamedTuple):
    """Events; which of the events given each is, int64 (n,); and how much later than that, ms int64 (n,)."""

    batch: Batch
    given: npt.NDArray[np.int64]
    later_ms: npt.NDArray[np.int64]


def in_small_sums(
    rng: np.random.Generator,
    batch: Batch,
    case: npt.NDArray[np.int64],
    usual_yen: npt.NDArray[np.int64],
    sums: npt.NDArray[np.int64],
) -> Split:
    """The events of one round, where in some cases each debit is up to `MOST_PARTS` debits of sums of the history.

    `case` int64 (n,), negative for events without a single victim; `usual_yen` int64 (cases,): of the victim of each,
    in ascending order of cases, 0 if unknown: a thief asks for more; `sums` int64, ascending: yen of debits.
    """
    n, share = batch.size, rng.uniform(0, SMALLER)
    times, gap_ms, least = np.ones(n, np.int64), np.zeros(n, np.int64), np.full(n, np.nan)
    for one, usual in zip(np.unique(case[case >= 0]).tolist(), usual_yen.tolist(), strict=True):
        if not len(sums) or rng.random() >= share:
            continue
        mine = (case == one) & (batch.kind == DEBIT)
        mine &= batch.amount_yen >= TEST * batch.amount_yen[mine].max(initial=0)
        times[mine] = rng.integers(1, MOST_PARTS + 1)
        gap_ms[mine] = int(np.exp(rng.uniform(*np.log(GAP_MS))))
        more = np.searchsorted(sums, usual, side="right") / len(sums)
        least[mine] = max(rng.uniform(0, HIGHEST), min(more, HIGHEST))
    index = np.repeat(np.arange(n), times)
    part = np.arange(len(index)) - np.searchsorted(index, index)
    parts = batch.select(index)
    amount, asked = parts.amount_yen.copy(), np.flatnonzero(~np.isnan(least[index]))
    amount[asked] = sums[(rng.uniform(least[index[asked]], 1) * len(sums)).astype(np.int64)]
    amount[asked] = _within_cap(amount[asked], case[index[asked]])
    event_id = np.where(parts.event_id != 0, parts.event_id + part.astype(np.uint64) * P1, np.uint64(0))
    later_ms = part * gap_ms[index]
    return Split(parts._replace(amount_yen=amount, event_id=event_id), index, later_ms)


def _within_cap(yen: npt.NDArray[np.int64], case: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Yen in whole units, less of each where a case would exceed the cap."""
    _, index = np.unique(case, return_inverse=True)
    total = np.bincount(index, yen) if len(yen) else np.ones(1)
    within = yen * np.minimum(1.0, MONTHLY_CAP_YEN / np.maximum(total, 1))[index]
    return np.maximum(UNIT_YEN, (within // UNIT_YEN).astype(np.int64) * UNIT_YEN)
