"""Reads and writes a wallet's row: what an event stores, and what of it is within a time.

For a late event, later records have age 0, never a negative one.
"""

from typing import Any

import numpy as np
from numba import njit

from detector.core.stages import two_days
from detector.core.stages.jst import day_of, month_of
from detector.core.stages.wallet_row import ACCOUNTS, DEBITS, FLOWS, TRIED_BITS
from detector.jst import DAY_S

HALF_LIFE_S = 420  # of the decayed sums: a drain takes minutes, an honest second charge is hours later
HALVINGS = 24  # half-lives after which nothing is left: below float32 precision
#: Fractions of a half-life from a table, because exp2 rounds differently on other machines.
_PARTS = np.array([2.0 ** (-second / HALF_LIFE_S) for second in range(HALF_LIFE_S)])
_U1, _U2, _U4 = 2**8 - 1, 2**16 - 1, 2**32 - 1
RECEIVED = _U1  # code of a movement into the wallet; those out of it have the event's kind


@njit(cache=True)
def turn_month(row: Any, month: int) -> None:
    """Reset the month's sum if `month` is later."""
    if month > row.month:
        row.month = month
        row.month_yen = 0


@njit(cache=True)
def count_event(row: Any, hour: int) -> None:
    """Count an event; a late one counts in the newest hour."""
    if hour > row.hour:
        two_days.begin(row.events, hour - row.hour)
        row.hour = hour
    row.events[0] = min(np.int64(row.events[0]) + 1, _U1)


@njit(cache=True)
def count_attempt(row: Any, day: int, account: Any, succeeded: bool) -> None:  # noqa: FBT001 - numba passes by position
    """Count a link attempt; a late one counts on the newest day."""
    days = day - row.day
    if days > 0:
        two_days.begin(row.attempts, days)
        two_days.begin(row.failures, days)
        two_days.begin(row.tried, days)
        row.day = day
    row.attempts[0] = min(np.int64(row.attempts[0]) + 1, _U1)
    if succeeded:
        row.streak = 0
    else:
        row.failures[0] = min(np.int64(row.failures[0]) + 1, _U1)
        row.streak = min(np.int64(row.streak) + 1, _U1)
    row.tried[0] = np.int64(row.tried[0]) | 1 << np.int64(account & np.uint64(TRIED_BITS - 1))


@njit(cache=True)
def tried_of_two(row: Any, day: int) -> int:
    """Accounts tried on `day` and the day before it; accounts that share a bit count once."""
    age = max(0, day - row.day)
    bits = np.int64(row.tried[0]) if age <= 1 else np.int64(0)
    if age == 0:
        bits |= np.int64(row.tried[1])
    count = 0
    while bits:
        bits &= bits - 1
        count += 1
    return count


@njit(cache=True)
def slot_of(row: Any, account: Any) -> int:
    """Slot of a remembered account, −1 if it is not remembered."""
    half = _half(account)
    for slot in range(ACCOUNTS):
        if row.account[slot] == half:
            return slot
    return -1


@njit(cache=True)
def is_cut(row: Any, slot: int) -> Any:
    """1 if the account in this slot was unlinked since."""
    return row.cut >> slot & 1


@njit(cache=True)
def link(row: Any, account: Any, now_s: int) -> None:
    """Remember a successful link."""
    slot = slot_of(row, account)
    if slot >= 0 and is_cut(row, slot):
        row.relinks = min(np.int64(row.relinks) + 1, _U1)
    row.linked_day[_remember(row, account)] = day_of(now_s)
    if row.first_link_s == 0:
        row.first_link_s = now_s
    row.last_link_s = max(np.int64(row.last_link_s), now_s)


@njit(cache=True)
def cut(row: Any, account: Any) -> None:
    """Mark an account as unlinked, if it is remembered."""
    slot = slot_of(row, account)
    if slot >= 0:
        row.cut |= 1 << slot


@njit(cache=True)
def _remember(row: Any, account: Any) -> Any:
    """Remember an account, evicting the oldest if needed, and clear its unlinked bit; its slot."""
    slot: Any = slot_of(row, account)
    if slot < 0:
        slot = np.int64(row.next_account)
        row.account[slot] = _half(account)
        row.linked_day[slot] = 0
        row.next_account = (slot + 1) % ACCOUNTS
        row.accounts_ever = min(np.int64(row.accounts_ever) + 1, _U2)
    row.cut &= ~(1 << slot)
    return slot


@njit(cache=True)
def debit(row: Any, account: Any, now_s: int, yen: int) -> None:
    """Remember a successful debit, overwriting the oldest of six."""
    _remember(row, account)
    slot = row.next_debit
    row.debit_s[slot] = now_s
    row.debit_tens[slot] = tens_of(yen)
    row.next_debit = (slot + 1) % DEBITS
    if month_of(day_of(now_s)) == row.month:
        row.month_yen = min(np.int64(row.month_yen) + yen, _U4)
    newest_s: Any = max(now_s, np.int64(row.decayed_s))
    before, own = decay(newest_s - row.decayed_s), decay(newest_s - now_s)
    row.decayed_yen = row.decayed_yen * before + yen * own
    row.decayed_debits = row.decayed_debits * before + own
    row.decayed_s = newest_s


@njit(cache=True)
def decay(seconds: int) -> Any:
    """Decay factor after `seconds`: 2 ** -(seconds / 420), 0 after 24 half-lives."""
    halvings = seconds // HALF_LIFE_S
    if halvings >= HALVINGS:
        return 0.0
    return _PARTS[seconds % HALF_LIFE_S] / (1 << halvings)


@njit(cache=True)
def charged_tens(row: Any, now_s: int) -> int:
    """Tens of yen of the remembered debits of the last 24 hours."""
    tens = 0
    for j in range(DEBITS):
        if row.debit_s[j] > 0 and max(0, now_s - row.debit_s[j]) < DAY_S:
            tens += row.debit_tens[j]
    return tens


@njit(cache=True)
def move(row: Any, now_s: int, kind: int, yen: int) -> None:
    """Remember money paid, sent, paid out or `RECEIVED`, overwriting the oldest of six."""
    slot = row.next_flow
    row.flow_s[slot] = now_s
    row.flow_kind[slot] = kind
    row.flow_tens[slot] = tens_of(yen)
    row.next_flow = (slot + 1) % FLOWS


@njit(cache=True)
def spent_tens(row: Any, now_s: int) -> int:
    """Tens of yen of the remembered movements out of the wallet in the last 24 hours."""
    tens = 0
    for j in range(FLOWS):
        within = row.flow_s[j] > 0 and max(0, now_s - row.flow_s[j]) < DAY_S
        if within and row.flow_kind[j] != RECEIVED:
            tens += row.flow_tens[j]
    return tens


@njit(cache=True)
def _half(account: Any) -> Any:
    """Upper half of an account's hash, never 0."""
    return max(np.int64(account >> np.uint64(32)), 1)


@njit(cache=True)
def tens_of(yen: int) -> int:
    """Whole tens of yen, as rings hold them."""
    return min(yen // 10, _U2)
