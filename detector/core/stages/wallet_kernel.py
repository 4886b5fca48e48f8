"""Kernel of the wallet stage: the history of one wallet with its accounts, and what was spent from it.

Features are as of before the event, plus the event itself. All values are whole seconds and yen, except the two decayed
sums, which are float32 in the row and computed by a table, so that row and oracle agree to the last bit.
"""

from typing import Any

from numba import njit

from detector.contract.batch import RECEIVING
from detector.contract.vocabulary import DEBIT, LINK, MONTHLY_CAP_YEN, OK, OPEN, UNLINK
from detector.core.admission import APPLY_FRESH
from detector.core.stages import two_days
from detector.core.stages import wallet_memory as memory
from detector.core.stages.jst import day_of, month_of
from detector.core.stages.wallet_row import ACCOUNTS, clear

HOUR_S = 3_600


@njit(cache=True)
def wallet_kernel(
    rows: Any,
    row_ids: Any,
    status: Any,
    batch: Any,
    start: int,
    stop: int,
    X: Any,
    facts: Any,  # noqa: ARG001 - facts are of the account: they go on as they came
) -> None:
    """See `detector.core.stage.Stage`."""
    for i in range(start, stop):
        if status[i] > APPLY_FRESH:
            continue
        row = rows[row_ids[i]]
        now_s = batch.occurred_at_ms[i] // 1000
        kind = batch.kind[i]
        if status[i] == APPLY_FRESH:
            clear(row)
        memory.turn_month(row, month_of(day_of(now_s)))
        memory.count_event(row, now_s // HOUR_S)
        if kind == UNLINK:
            memory.cut(row, batch.account[i])
        elif batch.role[i] == RECEIVING:
            memory.move(row, now_s, memory.RECEIVED, batch.amount_yen[i])
        elif kind == LINK:
            _both(row, batch, i, now_s, 0, X[i])
            _link(row, batch, i, now_s, X[i])
        elif kind == DEBIT:
            taken = batch.amount_yen[i] if batch.result[i] == OK else 0
            _both(row, batch, i, now_s, taken, X[i])
            _debit(row, batch, i, now_s, taken, X[i])
        elif kind != OPEN:
            memory.move(row, now_s, kind, batch.amount_yen[i])


@njit(cache=True)
def _both(row: Any, batch: Any, i: int, now_s: int, taken: int, x: Any) -> None:
    """Features of links and debits, this debit included with `taken` yen."""
    linking = 1 if batch.kind[i] == LINK else 0
    x.holder_events_2h = two_days.of_two(row.events, row.hour, now_s // HOUR_S)
    _accounts(row, batch.account[i], day_of(now_s), linking, x)
    if row.first_link_s > 0:
        x.since_any_link_s = max(0, now_s - row.last_link_s)
        x.since_first_link_s = max(0, now_s - row.first_link_s)
    tens = memory.tens_of(taken)
    charged_yen = 10 * (memory.charged_tens(row, now_s) + tens)
    x.holder_yen_24h = charged_yen
    if charged_yen > 0:
        x.spent_share_24h = 10 * memory.spent_tens(row, now_s) / charged_yen
    left = memory.decay(max(0, now_s - row.decayed_s))
    x.holder_debits_decayed = row.decayed_debits * left + (1 - linking)
    x.holder_yen_decayed = row.decayed_yen * left + taken
    late = month_of(day_of(now_s)) < row.month
    x.holder_cap_share = (taken if late else row.month_yen + taken) / MONTHLY_CAP_YEN


@njit(cache=True)
def _link(row: Any, batch: Any, i: int, now_s: int, x: Any) -> None:
    account, day, succeeded = batch.account[i], day_of(now_s), batch.result[i] == OK
    x.holder_failures_before = row.streak
    memory.count_attempt(row, day, account, succeeded)
    _attempts(row, day, x)
    if succeeded:
        memory.link(row, account, now_s)


@njit(cache=True)
def _debit(row: Any, batch: Any, i: int, now_s: int, taken: int, x: Any) -> None:
    if row.decayed_s > 0:
        x.since_charge_s = max(0, now_s - row.decayed_s)
    _attempts(row, day_of(now_s), x)
    if batch.result[i] == OK:
        memory.debit(row, batch.account[i], now_s, taken)


@njit(cache=True)
def _accounts(row: Any, account: Any, day: int, linking: int, x: Any) -> None:
    """Counts of the wallet's accounts, this event's included; `linking` is 1 for a link attempt."""
    slot = memory.slot_of(row, account)
    is_new = 1 if slot < 0 else 0
    recent = is_new * linking
    for other in range(ACCOUNTS):
        linked = row.linked_day[other] > 0 and row.linked_day[other] >= day - 1
        recent += linked or (other == slot and linking == 1)
    back = linking if slot >= 0 and memory.is_cut(row, slot) else 0
    x.accounts_ever = row.accounts_ever + is_new
    x.accounts_2d = recent
    x.relinks = row.relinks + back


@njit(cache=True)
def _attempts(row: Any, day: int, x: Any) -> None:
    """Link attempts of two days; this event is already counted."""
    x.holder_attempts_2d = two_days.of_two(row.attempts, row.day, day)
    x.holder_failures_2d = two_days.of_two(row.failures, row.day, day)
    x.tried_accounts_2d = memory.tried_of_two(row, day)
