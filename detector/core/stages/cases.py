"""The cases stage: alerts of one account (of one wallet, for events without an account) become updates of a case.

A case is all alerts within 24 hours of the first: one unit for the analyst and for the budget. An update is raised
when something is new (`detector.core.triage.NEWS`); other alerts are held, and the next update counts them.
"""

from typing import Any

import numpy as np
from numba import njit

from detector.contract.vocabulary import DEBIT, LINK, OK
from detector.core import triage
from detector.core.admission import APPLY_FRESH
from detector.core.stage import (
    ALARM_MILLIONTHS,
    CASE_EVENTS,
    CASE_NEWS,
    CASE_OFFSET,
    CASE_ORIGIN,
    CASE_SEVERITY,
    CASE_UPDATE,
    CASE_URGENCY,
    DETECTOR,
    HEADER,
    YEN_DEBITED,
    YEN_LEFT,
    YEN_PACE,
    Stage,
)

CASE_MS = 24 * 3600 * 1000
SERVICES = 8  # of a case; a ninth takes the slot of the one with the least yen left
HELD = -1  # number of an update that is not raised
_U2, _U4 = 2**16 - 1, 2**32 - 1
_DETECTOR_BITS = 32  # detectors that share a bit count as one

ROW = np.dtype(
    [
        *HEADER,
        ("origin", "<i4"),  # of the case's first alert
        ("origin_offset", "<i8"),
        ("started_ms", "<i8"),
        ("left_yen", "<u4", (SERVICES,)),  # to the cap, of each service in the case, as last known
        ("service", "<u2", (SERVICES,)),  # of each slot: 1 + code, 0 = free
        ("yen", "<u4"),  # debited so far, and as of the last update raised
        ("told_yen", "<u4"),
        ("detectors", "<u4"),  # bits of those that alerted
        ("updates", "<u2"),  # raised so far; 0 only where there is no case
        ("held", "<u2"),  # alerting events since the last update raised
        ("urgency", "<u2"),  # highest so far
        ("severity", "u1"),  # likewise
        ("failed", "u1"),  # 1 once a link attempt failed, and so on
        ("linked", "u1"),  # 1 once a link succeeded after that
        ("guessed", "u1"),  # failed links only so far
        ("emptied", "u1"),  # nothing is left
        ("urgent", "u1"),
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

    An alert opens a case if there is none, or if the case's first alert is 24 hours or more before it; a late alert
    joins the open case. Update numbers stop at 65,535.
    """
    for i in range(start, stop):
        if status[i] > APPLY_FRESH:
            continue
        row = rows[row_ids[i]]
        if status[i] == APPLY_FRESH:
            _close(row)
        _take(row, batch, i, facts[i])


@njit(cache=True)
def _take(row: Any, batch: Any, i: int, facts: Any) -> None:
    """Add an alert to the case, or open one; write the case's facts."""
    time_ms = batch.occurred_at_ms[i]
    if row.updates == 0 or time_ms - row.started_ms >= CASE_MS:
        _close(row)
        row.origin = batch.origin[i]
        row.origin_offset = batch.origin_offset[i]
        row.started_ms = time_ms
    taken = batch.amount_yen[i] if batch.kind[i] == DEBIT and batch.result[i] == OK else 0
    # The account stage has debits that did not alert, the case those older than a day or than the last six.
    row.yen = min(max(np.int64(row.yen) + taken, facts[YEN_DEBITED]), _U4)
    joined = _set_left(row, batch.service[i], facts[YEN_LEFT])
    left: Any = 0
    for slot in range(SERVICES):
        left += np.int64(row.left_yen[slot])
    news = _news(row, batch, i, facts, left, joined)
    facts[CASE_ORIGIN] = row.origin
    facts[CASE_OFFSET] = row.origin_offset
    facts[YEN_DEBITED] = row.yen
    facts[YEN_LEFT] = left
    facts[CASE_SEVERITY] = row.severity
    facts[CASE_URGENCY] = row.urgency
    facts[CASE_NEWS] = news
    facts[CASE_EVENTS] = row.held + 1
    if news:
        facts[CASE_UPDATE] = row.updates
        row.updates = min(np.int64(row.updates) + 1, _U2)
        row.told_yen = row.yen
        row.held = 0
    else:
        facts[CASE_UPDATE] = HELD
        row.held = min(np.int64(row.held) + 1, _U2)


@njit(cache=True)
def _set_left(row: Any, service: int, left_yen: int) -> Any:
    """Store the yen left to a service's cap; whether the service is new in the case."""
    least = 0
    for slot in range(SERVICES):
        # Slots are taken in order: all after the first free one are free.
        if row.service[slot] == service + 1 or row.service[slot] == 0:
            joined = row.service[slot] == 0
            row.service[slot] = service + 1
            row.left_yen[slot] = left_yen
            return joined
        if row.left_yen[slot] < row.left_yen[least]:
            least = slot
    row.service[least] = service + 1
    row.left_yen[least] = left_yen
    return True


@njit(cache=True)
def _news(row: Any, batch: Any, i: int, facts: Any, left: int, joined: bool) -> Any:  # noqa: FBT001 - numba passes by position
    """Bits of what is new in the case with this alert, marked as known; `joined`: its service is new."""
    news: Any = triage.OPENED if row.updates == 0 else 0
    if joined:
        news |= triage.SERVICE
    severity = triage.level_of(left, facts[ALARM_MILLIONTHS])
    if severity > row.severity:
        row.severity = severity
        news |= triage.SEVERITY
    if row.yen >= row.told_yen + triage.YEN_STEP or (row.told_yen == 0 and row.yen > 0):
        news |= triage.YEN
    if left == 0 and row.yen > 0 and row.emptied == 0:
        news |= triage.EMPTIED
    row.emptied = left == 0
    failed = batch.kind[i] == LINK and batch.result[i] != OK
    row.guessed = failed and (row.updates == 0 or row.guessed == 1)
    urgency = triage.urgency_of(left, facts[YEN_PACE], row.guessed == 1)
    row.urgency = max(np.int64(row.urgency), urgency)
    if urgency == triage.THOUSAND and row.urgent == 0:
        row.urgent = 1
        news |= triage.URGENT
    detector = np.int64(1) << (facts[DETECTOR] % _DETECTOR_BITS)
    if row.detectors & detector == 0:
        row.detectors |= detector
        news |= triage.DETECTOR
    if failed:
        row.failed = True
    elif batch.kind[i] == LINK and row.failed and not row.linked:
        row.linked = True
        news |= triage.LINKED
    return triage.OPENED if row.updates == 0 else news


@njit(cache=True)
def _close(row: Any) -> None:
    """Forget the case."""
    row.left_yen[:] = 0
    row.yen = 0
    row.told_yen = 0
    row.detectors = 0
    row.updates = 0
    row.held = 0
    row.urgency = 0
    row.severity = 0
    row.service[:] = 0
    row.failed = 0
    row.linked = 0
    row.guessed = 0
    row.emptied = 0
    row.urgent = 0


READS = frozenset(
    {
        "account",
        "amount_yen",
        "kind",
        "occurred_at_ms",
        "origin",
        "origin_offset",
        "result",
        "service",
        "wallet",
    }
)

CASES = Stage("cases", "subject", ROW, 2, cases_kernel, (), READS, recorded_hash=(2, 0xF3892677))
