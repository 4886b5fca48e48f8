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
#: A case asks for what people ask who ask for most, down to this share of all debits.
LOWEST = 0.9


class Split(NamedTuple):
    """Events; which of the events given each is, int64 (n,); and how much later than that, ms int64 (n,)."""

    batch: Batch
    index: npt.NDArray[np.int64]
    later_ms: npt.NDArray[np.int64]


def in_small_sums(
    rng: np.random.Generator, batch: Batch, case: npt.NDArray[np.int64], sums: npt.NDArray[np.int64]
) -> Split:
    """The events of one round, of some cases with each debit in the place of which are up to `MOST_PARTS`.

    `case` int64 (n,), negative for events without a single victim; `sums` int64, ascending: yen of a history's debits.
    """
    n, share = batch.size, rng.uniform(0, SMALLER)
    times, amount = np.ones(n, np.int64), batch.amount_yen.copy()
    gap_ms = np.zeros(n, np.int64)
    lowest = np.full(n, -1.0)
    for one in np.unique(case[case >= 0]).tolist():
        mine = (case == one) & (batch.kind == DEBIT)
        if len(sums) and rng.random() < share:
            times[mine] = rng.integers(1, MOST_PARTS + 1)
            gap_ms[mine] = int(np.exp(rng.uniform(*np.log(GAP_MS))))
            lowest[mine] = rng.uniform(0, LOWEST)
    index = np.repeat(np.arange(n), times)
    part = np.arange(len(index)) - np.searchsorted(index, index)
    split = np.flatnonzero(lowest[index] >= 0)
    amount = amount[index]
    amount[split] = sums[(rng.uniform(lowest[index[split]], 1) * len(sums)).astype(np.int64)]
    amount[split] = _within_cap(amount[split], case[index[split]])
    parts = batch.select(index)
    event_id = np.where(parts.event_id != 0, parts.event_id + part.astype(np.uint64) * P1, np.uint64(0))
    return Split(parts._replace(amount_yen=amount, event_id=event_id), index, part * gap_ms[index])


def _within_cap(yen: npt.NDArray[np.int64], case: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Yen in whole units, less of each where a case would exceed the cap."""
    _, index = np.unique(case, return_inverse=True)
    total = np.bincount(index, yen) if len(yen) else np.ones(1)
    within = yen * np.minimum(1.0, MONTHLY_CAP_YEN / np.maximum(total, 1))[index]
    return np.maximum(UNIT_YEN, (within // UNIT_YEN).astype(np.int64) * UNIT_YEN)
