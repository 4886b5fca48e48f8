"""The cases stage: numbers the alerts of one account (of one wallet, for events without an account).

What an analyst opens once: all alerts within 24 hours of the first (DESIGN section 3, budget).
"""

from typing import Any

import numpy as np
from numba import njit

from detector.core.admission import APPLY_FRESH
from detector.core.stage import CASE_OFFSET, CASE_ORIGIN, CASE_UPDATE, HEADER, Stage

CASE_MS = 24 * 3600 * 1000
_MAX_UPDATES = 2**16 - 1

ROW = np.dtype(
    [
        *HEADER,
        ("origin", "<i4"),  # of the case's first alert
        ("origin_offset", "<i8"),
        ("started_ms", "<i8"),
        ("updates", "<u2"),  # alerts of the case so far; 0 only where there is no case
        ("_room", "u1", (6,)),
    ]
)


@njit(cache=True)
def cases_kernel(
    rows: Any,
    row_ids: Any,
    status: Any,
    batch: Any,
    start: int,
    stop: int,
    X: Any,  # noqa: ARG001 - an alert's case is no feature of it
    facts: Any,
) -> None:
    """See `detector.core.stage.Stage`.

    An alert opens a case where there is none, or the case's first alert is 24 hours or more before it; a late alert
    joins the open case. Update numbers stop at 65,535.
    """
    for i in range(start, stop):
        if status[i] > APPLY_FRESH:
            continue
        row = rows[row_ids[i]]
        time_ms = batch.occurred_at_ms[i]
        if status[i] == APPLY_FRESH or row.updates == 0 or time_ms - row.started_ms >= CASE_MS:
            row.origin = batch.origin[i]
            row.origin_offset = batch.origin_offset[i]
            row.started_ms = time_ms
            row.updates = 0
        facts[i, CASE_ORIGIN] = row.origin
        facts[i, CASE_OFFSET] = row.origin_offset
        facts[i, CASE_UPDATE] = row.updates
        row.updates = min(np.int64(row.updates) + 1, _MAX_UPDATES)


CASES = Stage("cases", "subject", ROW, 1, cases_kernel, ())
