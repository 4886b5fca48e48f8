"""Kernel and row of the source stage: the events of one address or device, and the usual counts of its days.

A family, a campus and a carrier's address are large and normal; suspicious is more than the source's own usual. Counts
are of the newest day (in Japan) and the day before it; late events count on the newest day.
"""

from typing import Any

import numpy as np
from numba import njit

from detector.contract.batch import OWN
from detector.contract.vocabulary import DEBIT, LINK, OK, OPEN
from detector.core.admission import APPLY_FRESH
from detector.core.stage import HEADER
from detector.core.stages import two_days
from detector.core.stages.distinct import counts, ones
from detector.core.stages.jst import day_of
from detector.jst import DAY_MS

PERIOD_DAYS = 15  # two of them are a month, long enough to see slow sprays
USUAL_DAYS = 30  # days in the mean that is the usual
FORGOTTEN_DAYS = 120  # without an event, after which a usual is 0 in float32
YOUNG_MS = DAY_MS  # goods were bought within 24 hours of the wallet's opening (arrests of January 2021)

ROW = np.dtype(
    [
        *HEADER,
        ("day", "<u2"),  # newest day
        ("first_day", "<u2"),
        ("accounts", "<u8", (2, 2)),  # bits of the accounts of that day and the day before it
        ("month_accounts", "<u8", (2, 2)),  # likewise of periods of fifteen days
        ("wallets", "<u8", (2,)),
        ("young_tens", "<u4", (2,)),  # tens of yen debited for wallets less than a day old
        ("usual", "<f4", (4,)),  # a day's accounts, attempts; failures and young yen, which no feature reads now
        ("period", "<u2"),
        ("days", "<u2"),  # in the mean, at most USUAL_DAYS
        ("opened", "<u2", (2,)),
        ("attempts", "<u2", (2,)),
        ("failures", "<u2", (2,)),
    ]
)

#: Added to the usual of two days before a count is divided by it, so that a source without history is not anomalous:
#: one person's day (accounts, attempts).
COMMON = np.array([2.0, 2.0])

_U2, _U4 = 2**16 - 1, 2**32 - 1


_OF_128, _OF_64 = counts(128), counts(64)


@njit(cache=True)
def source_kernel(
    rows: Any,
    row_ids: Any,
    status: Any,
    batch: Any,
    start: int,
    stop: int,
    X: Any,
    facts: Any,  # noqa: ARG001 - facts are of the account: they go on as they came
) -> None:
    """See `detector.core.stage.Stage`. Events of unknown source and receiving sides of transfers have no features."""
    for i in range(start, stop):
        if status[i] > APPLY_FRESH:
            continue
        row = rows[row_ids[i]]
        if status[i] == APPLY_FRESH:
            row.first_day = 0  # even if this event is not counted
        if batch.source[i] == 0 or batch.role[i] != OWN:
            continue
        day = day_of(batch.occurred_at_ms[i] // 1000)
        if row.first_day == 0:
            _clear(row, day)
        _turn(row, day)
        _count(row, batch, i)
        if batch.kind[i] == LINK or batch.kind[i] == DEBIT:
            _features(row, day, X[i])


@njit(cache=True)
def _clear(row: Any, day: int) -> None:
    row.day = day
    row.first_day = day
    row.period = day // PERIOD_DAYS
    row.days = 0
    row.accounts[:, :] = 0
    row.month_accounts[:, :] = 0
    row.wallets[:] = 0
    row.young_tens[:] = 0
    row.usual[:] = 0
    row.opened[:] = 0
    row.attempts[:] = 0
    row.failures[:] = 0


@njit(cache=True)
def _turn(row: Any, day: int) -> None:
    """Begin a new day, and a new period, if needed; the finished day and empty days after it update the usual."""
    gone = day - row.day
    if gone > 0:
        _into_usual(row, gone)
        for word in range(2):
            two_days.begin(row.accounts[:, word], gone)
        two_days.begin(row.wallets, gone)
        two_days.begin(row.young_tens, gone)
        two_days.begin(row.opened, gone)
        two_days.begin(row.attempts, gone)
        two_days.begin(row.failures, gone)
        row.day = day
    period = day // PERIOD_DAYS
    if period > row.period:
        for word in range(2):
            two_days.begin(row.month_accounts[:, word], period - row.period)
        row.period = period


@njit(cache=True)
def _into_usual(row: Any, gone: int) -> None:
    """Update the usual with the newest day, then with `gone − 1` empty days."""
    if gone >= FORGOTTEN_DAYS:
        row.usual[:] = 0
        row.days = USUAL_DAYS
        return
    for empty in range(gone):
        row.days = min(np.int64(row.days) + 1, USUAL_DAYS)
        for what in range(4):
            total = 0.0 if empty else _total(row, what)
            row.usual[what] += (total - row.usual[what]) / row.days


@njit(cache=True)
def _total(row: Any, what: int) -> Any:
    """Count `what` of the newest day, in the order of the usual."""
    if what == 0:
        return float(_OF_128[ones(row.accounts[0, 0]) + ones(row.accounts[0, 1])])
    if what == 1:
        return float(row.attempts[0])
    if what == 2:
        return float(row.failures[0])
    return 10.0 * row.young_tens[0]


@njit(cache=True)
def _count(row: Any, batch: Any, i: int) -> None:
    kind = batch.kind[i]
    row.wallets[0] |= np.uint64(1) << (batch.wallet[i] & np.uint64(63))
    if kind == OPEN:
        row.opened[0] = min(np.int64(row.opened[0]) + 1, _U2)
    if batch.account[i] == 0:
        return
    word, bit = (batch.account[i] >> np.uint64(6)) & np.uint64(1), np.uint64(1) << (batch.account[i] & np.uint64(63))
    row.accounts[0, word] |= bit
    row.month_accounts[0, word] |= bit
    if kind == LINK:
        row.attempts[0] = min(np.int64(row.attempts[0]) + 1, _U2)
        if batch.result[i] != OK:
            row.failures[0] = min(np.int64(row.failures[0]) + 1, _U2)
    elif kind == DEBIT and batch.result[i] == OK:
        age_ms = batch.occurred_at_ms[i] - batch.wallet_opened_at_ms[i]
        if age_ms < YOUNG_MS:
            row.young_tens[0] = min(np.int64(row.young_tens[0]) + batch.amount_yen[i] // 10, _U4)


@njit(cache=True)
def _features(row: Any, day: int, x: Any) -> None:
    accounts = _OF_128[ones(row.accounts[0, 0] | row.accounts[1, 0]) + ones(row.accounts[0, 1] | row.accounts[1, 1])]
    wallets = _OF_64[ones(row.wallets[0] | row.wallets[1])]
    attempts = np.int64(row.attempts[0]) + row.attempts[1]
    failures = np.int64(row.failures[0]) + row.failures[1]
    young = 10 * (np.int64(row.young_tens[0]) + row.young_tens[1])
    x.source_accounts_30d = _OF_128[
        ones(row.month_accounts[0, 0] | row.month_accounts[1, 0])
        + ones(row.month_accounts[0, 1] | row.month_accounts[1, 1])
    ]
    x.source_wallets_2d = wallets
    x.source_opened_2d = np.int64(row.opened[0]) + row.opened[1]
    x.source_attempts_2d = attempts
    if attempts > 0:
        x.source_failure_share = failures / attempts
    x.source_young_yen_2d = young
    x.source_known_days = max(0, day - np.int64(row.first_day))
    x.source_accounts_unusual = accounts / (2.0 * row.usual[0] + COMMON[0])
    x.source_attempts_unusual = attempts / (2.0 * row.usual[1] + COMMON[1])
