"""Groups the alerts of one key into cases: what an analyst opens once."""

from typing import Any

from numba import njit

CASE_MS = 24 * 3600 * 1000  # an alert group is one account and 24 hours (DESIGN section 3, budget)
_MAX_UPDATES = 2**16 - 1


@njit(cache=True)
def assign_cases(
    rows: Any, row_ids: Any, alerting: Any, offsets: Any, times_ms: Any, out_case_offset: Any, out_update: Any
) -> None:
    """The case of every alerting event: the offset of the case's first alert, and the number of the update, from 0.

    `alerting` int64 (k,) are places in the batch, ascending; `row_ids`, `offsets`, `times_ms` int64 (n,) of the batch.
    Writes `out_case_offset` and `out_update` int64 (k,). An alert opens a case where its row has none or the case's
    first alert is 24 hours or more before it; a late alert joins the open case. Update numbers stop at 65,535.
    """
    for k in range(len(alerting)):
        i = alerting[k]
        row = rows[row_ids[i]]
        if row.case_updates == 0 or times_ms[i] - row.case_started_ms >= CASE_MS:
            row.case_offset = offsets[i]
            row.case_started_ms = times_ms[i]
            row.case_updates = 0
        out_case_offset[k] = row.case_offset
        out_update[k] = row.case_updates
        # The next update's number, and 0 only where there is no case: saturating, so that it never looks like none.
        row.case_updates = min(row.case_updates + 1, _MAX_UPDATES)
