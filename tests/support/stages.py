"""The smallest stage: counts a key's events and sums its yen."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.core.row_versions import RowVersion
from detector.core.stage import HEADER, Feature, Stage

ROW = np.dtype(
    [
        *HEADER,
        ("events", "<i4"),
        ("yen", "<i8"),
    ]
)


def counting_into(feature: str) -> Any:
    """A kernel that counts events into the feature of this name, and sums yen."""

    @njit
    def count(
        rows: Any, row_ids: Any, status: Any, batch: Any, start: int, stop: int, X: Any, facts: Any
    ) -> None:  # pragma: no cover - compiled
        for i in range(start, stop):
            if status[i] <= 1:
                row = rows[row_ids[i]]
                if status[i] == 1:
                    row.events = 0
                    row.yen = 0
                row.events += 1
                row.yen += batch.amount_yen[i]
                X[i][feature] = row.events
                facts[i, 0] = row.yen
                facts[i, 1] = 0

    return count


COUNTING = Stage(
    "counting",
    "account",
    ROW,
    3,
    counting_into("events"),
    (Feature("events", "events so far", "count", 1, ("debit",), "", ""),),
    frozenset({"account", "amount_yen"}),
)

#: What a release before wrote: one field more, in another order.
COUNTING_BEFORE = RowVersion(2, 0xBEF0, np.dtype([*HEADER, ("gone", "<u8", (4,)), ("yen", "<i8"), ("events", "<i4")]))


def rows_of(*keys_and_offsets: tuple[int, int], version: int = COUNTING.version) -> npt.NDArray[Any]:
    """Rows of the counting stage as its kernel would leave them, one a pair of key and last offset."""
    rows = np.zeros(len(keys_and_offsets), ROW)
    for row, (key, offset) in zip(rows, keys_and_offsets, strict=True):
        row["key"], row["last_offset"] = key, offset
        row["version"], row["kernel"] = version, COUNTING.kernel_hash
    return rows
