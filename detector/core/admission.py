"""Admission: each event is applied to its row once and in order (PROTOCOL rules 7, 10, 12)."""

from typing import Any

from numba import njit

from detector.core.rows import mark_row

#: Status codes. A stage's kernel applies events with the first two; for the second it clears the row first.
APPLY, APPLY_FRESH, REPLAY, DUPLICATE = range(4)


@njit(cache=True)
def admit(
    rows: Any,
    row_ids: Any,
    offsets: Any,
    indexes: Any,
    times_ms: Any,
    identities: Any,
    start: int,
    watermark_ms: int,
    ttl_ms: int,
    version: int,
    kernel: int,
    dirty: Any,
    status: Any,
) -> tuple[int, int]:
    """Update the headers of the rows of events `start … stop - 1` and write `status` int8 (n,); `(stop, watermark_ms)`.

    Event i of row `row_ids[i]` int64 has position (`offsets[i]` int64, `indexes[i]` int32), ascending, event time
    `times_ms[i]` int64 and `identities[i]` uint64 (`Batch.identity`, 0: none). The watermark is the greatest event
    time so far, replays included. Then, for each event:

    - at or before its row's position: `REPLAY`, nothing changes;
    - its row is empty, or `watermark − last_seen > ttl`: `APPLY_FRESH`, recent identities and last seen are reset;
    - its identity is among the row's last four: `DUPLICATE`, only the row's position moves on;
    - else `APPLY`.

    Stops before an event that would clear a row already touched in this call, so that the steps after the kernel
    (judging, cases) see that row before it is cleared: a batch of n then equals n batches of one.
    """
    for i in range(start, len(row_ids)):
        row = rows[row_ids[i]]
        position = (offsets[i], indexes[i])
        advanced_ms = max(watermark_ms, times_ms[i])
        if position <= (row.last_offset, row.last_index):
            watermark_ms = advanced_ms
            status[i] = REPLAY
            continue
        empty = row.last_offset < 0
        fresh = empty or advanced_ms - row.last_seen_ms > ttl_ms
        if fresh and not empty and (row.last_offset, row.last_index) >= (offsets[start], indexes[start]):
            return i, watermark_ms
        watermark_ms = advanced_ms
        row.last_offset = offsets[i]
        row.last_index = indexes[i]
        mark_row(dirty, row_ids[i])
        if fresh:
            row.recent_ids[:] = 0
            row.recent_next = 0
            row.last_seen_ms = times_ms[i]
        elif _is_recent(row, identities[i]):
            status[i] = DUPLICATE
            continue
        status[i] = APPLY_FRESH if fresh else APPLY
        row.version = version
        row.kernel = kernel
        row.last_seen_ms = max(row.last_seen_ms, times_ms[i])
        row.recent_ids[row.recent_next] = identities[i]
        row.recent_next = (row.recent_next + 1) % len(row.recent_ids)
    return len(row_ids), watermark_ms


@njit(cache=True)
def _is_recent(row: Any, identity: Any) -> bool:
    if identity == 0:
        return False
    for recent in row.recent_ids:
        if recent == identity:
            return True
    return False
