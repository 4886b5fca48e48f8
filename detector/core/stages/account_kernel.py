"""Kernel of the account stage: the history of one bank account over all its wallets and services.

All values are integers of seconds and yen, so that row and oracle agree to the last bit. Windows cover the last six
successful debits and saturate there: a drain to the cap takes three to five. Times are clamped: for a late event,
later records have age 0, never a negative one.
"""

from typing import Any

import numpy as np
from numba import njit

from detector.contract.vocabulary import CHARGE, DEBIT, LINK, MONTHLY_CAP_YEN, OK, PIN4, UNLINK
from detector.core.admission import APPLY_FRESH
from detector.core.stage import YEN_DEBITED, YEN_LEFT, YEN_PACE
from detector.core.stages import two_days
from detector.core.stages.account_row import DEBITS, HABIT_BINS, SERVICES, SOURCES, WALLETS, clear
from detector.core.stages.jst import day_of, hour_of, month_of

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
PACE_S = 600  # a drain takes minutes; earlier events say little about the next debit

_U1, _U2, _U4 = 2**8 - 1, 2**16 - 1, 2**32 - 1
NIGHT_ENDS = 6  # o'clock: honest debits are rarest from midnight until then
MIN_HISTORY = 3  # debits before an amount is compared with the account's own spread
MIN_SPREAD = 0.1  # of ln yen: a fixed auto-charge has 0, and a difference of a tenth is normal


# Large helpers take columns of the event, not the batch: where LLVM does not inline a call, counting references to the
# batch's arrays takes 0.2 µs an event.
@njit(cache=True)
def account_kernel(rows: Any, row_ids: Any, status: Any, batch: Any, start: int, stop: int, X: Any, facts: Any) -> None:
    """See `detector.core.stage.Stage`."""
    for i in range(start, stop):
        facts[i, YEN_DEBITED] = 0
        facts[i, YEN_LEFT] = 0
        facts[i, YEN_PACE] = 0
        if status[i] > APPLY_FRESH:
            continue
        row = rows[row_ids[i]]
        now_s = batch.occurred_at_ms[i] // 1000
        if status[i] == APPLY_FRESH:
            clear(row, now_s)
        _turn_month(row, now_s)
        kind = batch.kind[i]
        taken = batch.amount_yen[i] if kind == DEBIT and batch.result[i] == OK else 0
        day_yen = _yen_within(row, now_s, DAY_S) + taken
        if kind != UNLINK:
            wallet_slot = _wallet_slot(row, batch.wallet[i])
            _both(row, batch, i, now_s, wallet_slot, X[i])
            _of_source(row, batch.source[i], day_of(now_s), X[i])
            if kind == LINK:
                X[i].link_failed = batch.result[i] != OK
                X[i].link_by_pin = batch.auth[i] == PIN4
            else:
                _debit(row, batch, i, now_s, wallet_slot, taken, day_yen, X[i])
        facts[i, YEN_DEBITED] = day_yen
        facts[i, YEN_PACE] = _pace(row, now_s, taken)
        if kind != UNLINK and batch.result[i] == OK:
            _remember(row, batch.wallet[i])
            _own(row, batch.source[i], day_of(now_s))
        _update(row, batch, i, now_s, taken)
        facts[i, YEN_LEFT] = max(0, MONTHLY_CAP_YEN - _month_yen(row, batch.service[i]))


@njit(cache=True)
def _turn_month(row: Any, now_s: int) -> None:
    month = month_of(day_of(now_s))
    if month > row.month:
        row.month = month
        row.month_yen[:] = 0
        row.month_service[:] = 0


@njit(cache=True)
def _month_slot(row: Any, service: int) -> int:
    """Slot of a service that debited the account this month, −1 if it has none."""
    for slot in range(SERVICES):
        if row.month_service[slot] == service + 1:
            return slot
    return -1


@njit(cache=True)
def _month_yen(row: Any, service: int) -> Any:
    """Yen that a service debited this month."""
    slot = _month_slot(row, service)
    return np.int64(row.month_yen[slot]) if slot >= 0 else 0


@njit(cache=True)
def _short(wallet: Any) -> Any:
    """Upper half of a wallet's hash, never 0."""
    return max(np.int64(wallet >> np.uint64(32)), 1)


@njit(cache=True)
def _wallet_slot(row: Any, wallet: Any) -> int:
    """Slot of a remembered wallet, −1 if it is not remembered."""
    short = _short(wallet)
    for slot in range(WALLETS):
        if row.wallet[slot] == short:
            return slot
    return -1


@njit(cache=True)
def _short_source(source: Any) -> Any:
    """Upper sixteen bits of an address's hash, never 0."""
    return max(np.int64(source >> np.uint64(48)), 1)


@njit(cache=True)
def _source_slot(row: Any, source: Any) -> int:
    """Slot of one of the account's own addresses, −1 if it is none."""
    short = _short_source(source)
    for slot in range(SOURCES):
        if row.source[slot] == short:
            return slot
    return -1


@njit(cache=True)
def _both(row: Any, batch: Any, i: int, now_s: int, wallet_slot: int, x: Any) -> None:
    """Features of both link attempts and debits."""
    known, services = 0, 0
    for other in range(WALLETS):
        known += row.wallet[other] != 0
    for slot in range(SERVICES):
        services += row.month_service[slot] > 0
    services += _month_slot(row, batch.service[i]) < 0
    x.wallet_age_s = max(0, now_s - batch.wallet_opened_at_ms[i] // 1000)
    x.wallet_unverified = 1 - batch.wallet_verified[i]
    x.wallets = known + (wallet_slot < 0)
    x.services = services
    x.account_known_s = max(0, now_s - row.first_seen_s)
    x.night = hour_of(now_s) < NIGHT_ENDS


@njit(cache=True)
def _of_source(row: Any, source: Any, day: int, x: Any) -> None:
    """An address compared with the account's own."""
    if source != 0 and row.source[0] != 0:
        new = 1 if _source_slot(row, source) < 0 else 0
        x.own_source_new = new
        x.own_sources_2d = two_days.of_two(row.new_sources, row.source_day, day) + new


@njit(cache=True)
def _debit(row: Any, batch: Any, i: int, now_s: int, wallet_slot: int, taken: int, day_yen: int, x: Any) -> None:
    linked = wallet_slot >= 0 and row.linked_s[wallet_slot] > 0
    since_s = max(0, now_s - batch.wallet_opened_at_ms[i] // 1000)
    if linked:
        since_s = max(0, now_s - row.linked_s[wallet_slot])
        x.since_link_s = since_s
        x.link_by_pin = row.auth[wallet_slot] == 1 + PIN4
    x.debits_1m = _count_within(row, now_s, MINUTE_S) + 1
    x.yen_1m = _yen_within(row, now_s, MINUTE_S) + taken
    x.yen_10m = _yen_within(row, now_s, 10 * MINUTE_S) + taken
    x.yen_1h = _yen_within(row, now_s, HOUR_S) + taken
    x.yen_24h = day_yen
    x.yen_per_hour = day_yen * HOUR_S / max(since_s, MINUTE_S)
    month_yen = taken
    if month_of(day_of(now_s)) == row.month:  # a late one has only itself
        for slot in range(SERVICES):
            month_yen += row.month_yen[slot]
    x.month_yen = month_yen
    x.amount_yen = batch.amount_yen[i]
    x.debit_refused = batch.result[i] != OK
    x.is_charge = batch.purpose[i] == CHARGE
    _against_history(row, batch.amount_yen[i], now_s, x)


@njit(cache=True)
def _against_history(row: Any, amount: int, now_s: int, x: Any) -> None:
    """A debit compared with the account's earlier ones."""
    if row.debits == 0:
        return
    last_s: Any = 0
    for j in range(DEBITS):
        last_s = max(last_s, np.int64(row.debit_s[j]))
    x.gap_s = max(0, now_s - last_s)
    mean = row.log_sum / row.debits / 1000
    own = _log1000(amount) / 1000
    x.amount_ratio = np.exp(own - mean)
    if row.debits >= MIN_HISTORY:
        variance = row.log_squares / row.debits / 1_000_000 - mean * mean
        x.amount_z = (own - mean) / max(np.sqrt(max(variance, 0.0)), MIN_SPREAD)
    habits = 0
    for part in range(HABIT_BINS):
        habits += row.habit[part]
    x.hour_habit = row.habit[hour_of(now_s) * HABIT_BINS // 24] / habits


@njit(cache=True)
def _log1000(amount: int) -> Any:
    return np.int64(np.rint(1000 * np.log(amount)))


@njit(cache=True)
def _count_within(row: Any, now_s: int, window_s: int) -> int:
    count = 0
    for j in range(DEBITS):
        count += row.debit_s[j] > 0 and max(0, now_s - row.debit_s[j]) < window_s
    return count


@njit(cache=True)
def _yen_within(row: Any, now_s: int, window_s: int) -> int:
    total = 0
    for j in range(DEBITS):
        if row.debit_s[j] > 0 and max(0, now_s - row.debit_s[j]) < window_s:
            total += row.debit_yen[j]
    return total


@njit(cache=True)
def _pace(row: Any, now_s: int, taken: int) -> Any:
    """Yen a minute of the last ten minutes, over the time since the first debit in them, at least a minute."""
    span_s: Any = MINUTE_S
    for j in range(DEBITS):
        age_s: Any = max(0, now_s - row.debit_s[j])
        if row.debit_s[j] > 0 and age_s < PACE_S:
            span_s = max(span_s, age_s)
    return (_yen_within(row, now_s, PACE_S) + taken) * MINUTE_S // span_s


@njit(cache=True)
def _update(row: Any, batch: Any, i: int, now_s: int, taken: int) -> None:
    """Take the event into the row; its wallet is in the first slot if it succeeded."""
    kind = batch.kind[i]
    if kind == LINK:
        if batch.result[i] == OK:
            row.linked_s[0] = now_s
            row.auth[0] = 1 + batch.auth[i]
    elif kind == UNLINK:
        slot = _wallet_slot(row, batch.wallet[i])
        if slot >= 0:
            row.linked_s[slot] = 0
    elif batch.result[i] == OK:
        _count_debit(row, now_s, taken, batch.service[i])


@njit(cache=True)
def _remember(row: Any, wallet: Any) -> None:
    """Put a wallet used with success in the first slot; one that was not remembered evicts the last."""
    slot = _wallet_slot(row, wallet)
    linked_s: Any = 0
    auth: Any = 0
    if slot >= 0:
        linked_s, auth = np.int64(row.linked_s[slot]), np.int64(row.auth[slot])
    else:
        slot = WALLETS - 1
    for j in range(slot, 0, -1):
        row.wallet[j] = row.wallet[j - 1]
        row.linked_s[j] = row.linked_s[j - 1]
        row.auth[j] = row.auth[j - 1]
    row.wallet[0] = _short(wallet)
    row.linked_s[0] = linked_s
    row.auth[0] = auth


@njit(cache=True)
def _own(row: Any, source: Any, day: int) -> None:
    """Put an address, likewise; a new one evicts the last, and is counted unless it is the first of all."""
    if source == 0:
        return
    slot = _source_slot(row, source)
    if slot < 0:
        slot = SOURCES - 1
        if row.source[0] != 0:
            days = day - row.source_day
            if days > 0:
                two_days.begin(row.new_sources, days)
                row.source_day = day
            row.new_sources[0] = min(np.int64(row.new_sources[0]) + 1, _U1)
    for j in range(slot, 0, -1):
        row.source[j] = row.source[j - 1]
    row.source[0] = _short_source(source)


@njit(cache=True)
def _count_debit(row: Any, now_s: int, taken: int, service: int) -> None:
    row.debit_s[row.next_debit] = now_s
    row.debit_yen[row.next_debit] = taken
    row.next_debit = (row.next_debit + 1) % DEBITS
    if month_of(day_of(now_s)) == row.month:
        slot = _take_slot(row, service)
        row.month_yen[slot] = min(np.int64(row.month_yen[slot]) + taken, _U4)
    if row.debits < _U2:
        row.debits += 1
        row.log_sum += _log1000(taken)
        row.log_squares += _log1000(taken) ** 2
    part = hour_of(now_s) * HABIT_BINS // 24
    if row.habit[part] == _U1:
        for other in range(HABIT_BINS):
            row.habit[other] //= 2
    row.habit[part] += 1


@njit(cache=True)
def _take_slot(row: Any, service: int) -> int:
    """The slot of a service: its own, a free one, or that of the service with the least yen this month."""
    slot = _month_slot(row, service)
    if slot >= 0:
        return slot
    slot = 0
    for other in range(1, SERVICES):
        if row.month_yen[other] < row.month_yen[slot]:
            slot = other
    row.month_service[slot] = service + 1
    row.month_yen[slot] = 0
    return slot
