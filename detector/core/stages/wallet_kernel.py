"""Kernel of the wallet stage: the history of one wallet with its accounts, shops and other wallets.

Features are as of before the event, plus the event itself. All values are whole seconds and yen, except the two decayed
sums, which are float32 in the row and computed by a table, so that row and oracle agree to the last bit.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from detector.contract.batch import RECEIVING
from detector.contract.vocabulary import DEBIT, LINK, MONTHLY_CAP_YEN, OK, OPEN, PAYMENT, PAYOUT, TRANSFER, UNLINK
from detector.core.admission import APPLY_FRESH
from detector.core.stages import two_days
from detector.core.stages import wallet_memory as memory
from detector.core.stages.jst import day_of, month_of
from detector.core.stages.wallet_row import ACCOUNTS, FLOWS, clear

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
WINDOWS_S = (600, HOUR_S, DAY_S)
NEAR_LIMIT_YEN = (45_000, 49_999)  # payments just under a bar-code payment's limit of 49,999 (press, Sept 2020)


class Cap(NamedTuple):
    """A saturated feature: capped at `at`, because risk no longer rises above it."""

    feature: str
    at: int
    reason: str


#: Caps of saturated features. The score then comes from the conjunction, which separates a thief's first charge from a
#: large honest one.
CAPS = (
    Cap("holder_fresh_s", 12 * HOUR_S, "most thieves' wallets are drained within hours; a day old or a year is one"),
    Cap("linked_accounts_2", 2, "a second account is a stranger's or a family's; a third says no more"),
    Cap("linked_accounts_3", 3, "families stop at two or three, hoards go on"),
    Cap("holder_debits_1m_3", 3, "three charges in a minute are no finger's slip; a fourth is the money gone"),
    Cap("holder_yen_24h_100k", 100_000, "the first 100,000 yen of a victim are what can still be prevented"),
    Cap("holder_yen_decayed_90k", 90_000, "the first big charge of a drain is 90,000 or 100,000 yen"),
)
_AT = {cap.feature: cap.at for cap in CAPS}
FRESH_S, DEBITS_1M = _AT["holder_fresh_s"], _AT["holder_debits_1m_3"]
LINKED_2, LINKED_3 = _AT["linked_accounts_2"], _AT["linked_accounts_3"]
YEN_24H, YEN_DECAYED = _AT["holder_yen_24h_100k"], _AT["holder_yen_decayed_90k"]

#: Columns of the feature matrix in the kernel's order; `wallet_features` describes them.
COLUMNS = (
    "holder_age_s",
    "holder_unverified",
    "holder_fresh_s",
    "linked_accounts",
    "linked_accounts_2",
    "linked_accounts_3",
    "accounts_ever",
    "accounts_2d",
    "account_new",
    "relinks",
    "holder_attempts_2d",
    "holder_failures_2d",
    "holder_failures_before",
    "tried_accounts_2d",
    "since_any_link_s",
    "since_first_link_s",
    "holder_debits_1m_3",
    "holder_debits_10m",
    "holder_yen_10m",
    "holder_debits_1h",
    "holder_yen_1h",
    "holder_debits_24h",
    "holder_yen_24h",
    "holder_yen_24h_100k",
    "holder_debits_decayed",
    "holder_yen_decayed",
    "holder_yen_decayed_90k",
    "holder_yen_per_hour",
    "holder_cap_share",
    "since_charge_s",
    "spent_24h_yen",
    "spent_share_24h",
    "near_limit_24h",
    "shop_new",
    "category_new",
    "fan_out_24h",
    "fan_in_24h",
    "received_24h_yen",
    "payouts_24h",
    "payouts_24h_yen",
    "holder_events_2h",
)
(
    _AGE,
    _UNVERIFIED,
    _FRESH,
    _LINKED,
    _LINKED_2,
    _LINKED_3,
    _EVER,
    _ACCOUNTS_2D,
    _ACCOUNT_NEW,
    _RELINKS,
    _ATTEMPTS,
    _FAILURES,
    _BEFORE,
    _TRIED,
    _SINCE_LINK,
    _SINCE_FIRST,
    _DEBITS_1M,
    _WINDOW_0,
    _,
    _,
    _,
    _,
    _,
    _YEN_24H,
    _DECAYED_DEBITS,
    _DECAYED_YEN,
    _DECAYED_90K,
    _PER_HOUR,
    _CAP_SHARE,
    _SINCE_CHARGE,
    _SPENT,
    _SPENT_SHARE,
    _NEAR_LIMIT,
    _SHOP_NEW,
    _CATEGORY_NEW,
    _FAN_OUT,
    _FAN_IN,
    _RECEIVED,
    _PAYOUTS,
    _PAYOUTS_YEN,
    _EVENTS,
) = range(len(COLUMNS))


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
        x = X[i]
        x[:] = np.nan
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
            continue
        x[_EVENTS] = two_days.of_two(row.events, row.hour, now_s // HOUR_S)
        if batch.role[i] == RECEIVING:
            memory.move(row, now_s, memory.RECEIVED, batch.amount_yen[i], batch.counterparty[i])
            _received(row, now_s, x)
        elif kind == LINK:
            _link(row, batch, i, now_s, x)
        elif kind == DEBIT:
            _debit(row, batch, i, now_s, x)
        else:
            _of_the_wallet(row, batch, i, now_s, x)


@njit(cache=True)
def _link(row: Any, batch: Any, i: int, now_s: int, x: Any) -> None:
    account, day = batch.account[i], day_of(now_s)
    _fresh(batch, i, now_s, x)
    _accounts(row, account, day, 1, x)
    _since_links(row, now_s, x)
    _spent(row, now_s, _charged(row, batch, i, now_s, 0, x), x)
    x[_BEFORE] = row.streak
    memory.count_attempt(row, day, account, batch.result[i] == OK)
    _attempts(row, day, x)
    if batch.result[i] == OK:
        memory.link(row, account, now_s)


@njit(cache=True)
def _debit(row: Any, batch: Any, i: int, now_s: int, x: Any) -> None:
    account, day = batch.account[i], day_of(now_s)
    taken = batch.amount_yen[i] if batch.result[i] == OK else 0
    _fresh(batch, i, now_s, x)
    _accounts(row, account, day, 0, x)
    _since_links(row, now_s, x)
    _since_charge(row, now_s, x)
    _spent(row, now_s, _charged(row, batch, i, now_s, taken, x), x)
    _attempts(row, day, x)
    if batch.result[i] == OK:
        memory.debit(row, account, now_s, taken)


@njit(cache=True)
def _of_the_wallet(row: Any, batch: Any, i: int, now_s: int, x: Any) -> None:
    """Features of an opening, a payment, a transfer sent or a payout."""
    kind = batch.kind[i]
    x[_AGE] = _age_s(batch, i, now_s)
    x[_UNVERIFIED] = 1 - batch.wallet_verified[i]
    if kind == OPEN:
        return
    _fresh(batch, i, now_s, x)
    _since_links(row, now_s, x)
    _since_charge(row, now_s, x)
    if kind == PAYMENT:
        _shopping(row, batch.shop[i], batch.shop_category[i], x)
    other = batch.shop[i] if kind == PAYMENT else batch.counterparty[i]
    memory.move(row, now_s, kind, batch.amount_yen[i], other)
    _spent(row, now_s, 10 * memory.debits_within(row, now_s, DAY_S)[1], x)


@njit(cache=True)
def _age_s(batch: Any, i: int, now_s: int) -> Any:
    return max(0, now_s - batch.wallet_opened_at_ms[i] // 1000)


@njit(cache=True)
def _fresh(batch: Any, i: int, now_s: int, x: Any) -> None:
    x[_FRESH] = min(_age_s(batch, i, now_s), FRESH_S)


@njit(cache=True)
def _accounts(row: Any, account: Any, day: int, linking: int, x: Any) -> None:
    """Counts of the wallet's accounts, this event's included; `linking` is 1 for a link attempt."""
    slot = memory.slot_of(row, account)
    is_new = 1 if slot < 0 else 0
    held, recent = is_new, is_new * linking
    for other in range(ACCOUNTS):
        this = other == slot
        held += row.account[other] != 0 and (this or not memory.is_cut(row, other))
        linked = row.linked_day[other] > 0 and row.linked_day[other] >= day - 1
        recent += linked or (this and linking == 1)
    back = linking if slot >= 0 and memory.is_cut(row, slot) else 0
    x[_LINKED] = held
    x[_LINKED_2] = min(held, LINKED_2)
    x[_LINKED_3] = min(held, LINKED_3)
    x[_EVER] = row.accounts_ever + is_new
    x[_ACCOUNTS_2D] = recent
    x[_ACCOUNT_NEW] = is_new
    x[_RELINKS] = row.relinks + back


@njit(cache=True)
def _since_links(row: Any, now_s: int, x: Any) -> None:
    if row.first_link_s > 0:
        x[_SINCE_LINK] = max(0, now_s - row.last_link_s)
        x[_SINCE_FIRST] = max(0, now_s - row.first_link_s)


@njit(cache=True)
def _since_charge(row: Any, now_s: int, x: Any) -> None:
    if row.decayed_s > 0:
        x[_SINCE_CHARGE] = max(0, now_s - row.decayed_s)


@njit(cache=True)
def _attempts(row: Any, day: int, x: Any) -> None:
    """Link attempts of two days; this event is already counted."""
    x[_ATTEMPTS] = two_days.of_two(row.attempts, row.day, day)
    x[_FAILURES] = two_days.of_two(row.failures, row.day, day)
    x[_TRIED] = memory.tried_of_two(row, day)


@njit(cache=True)
def _charged(row: Any, batch: Any, i: int, now_s: int, taken: int, x: Any) -> int:
    """Features of debits from all accounts, this one included with `taken` yen; yen of 24 hours."""
    this = 1 if batch.kind[i] == DEBIT else 0
    count, tens = memory.debits_within(row, now_s, MINUTE_S)
    x[_DEBITS_1M] = min(count + this, DEBITS_1M)
    for window in range(len(WINDOWS_S)):
        count, tens = memory.debits_within(row, now_s, WINDOWS_S[window])
        x[_WINDOW_0 + 2 * window] = count + this
        x[_WINDOW_0 + 2 * window + 1] = 10 * (tens + memory.tens_of(taken))
    day_yen = 10 * (tens + memory.tens_of(taken))  # the last window is 24 hours
    x[_YEN_24H] = min(day_yen, YEN_24H)
    x[_PER_HOUR] = day_yen * HOUR_S / max(_age_s(batch, i, now_s), MINUTE_S)
    left = memory.decay(max(0, now_s - row.decayed_s))
    decayed_yen = row.decayed_yen * left + taken
    x[_DECAYED_DEBITS] = row.decayed_debits * left + this
    x[_DECAYED_YEN] = decayed_yen
    x[_DECAYED_90K] = min(decayed_yen, YEN_DECAYED)
    late = month_of(day_of(now_s)) < row.month
    x[_CAP_SHARE] = (taken if late else row.month_yen + taken) / MONTHLY_CAP_YEN
    return day_yen


@njit(cache=True)
def _spent(row: Any, now_s: int, charged_yen: int, x: Any) -> None:
    """Money that left the wallet in 24 hours, compared with debits and money received."""
    spent: Any = 0
    paid_out: Any = 0
    near: Any = 0
    payouts, fan_out = 0, 0
    for j in range(FLOWS):
        kind = row.flow_kind[j]
        if kind == memory.RECEIVED or not memory.moved(row, j, now_s):
            continue
        yen = 10 * np.int64(row.flow_tens[j])
        spent += yen
        near += kind == PAYMENT and NEAR_LIMIT_YEN[0] <= yen <= NEAR_LIMIT_YEN[1]
        fan_out += kind == TRANSFER and memory.is_first_with(row, j, now_s)
        payouts += kind == PAYOUT
        paid_out += yen if kind == PAYOUT else 0
    x[_SPENT] = spent
    if charged_yen > 0:
        x[_SPENT_SHARE] = spent / charged_yen
    x[_NEAR_LIMIT] = near
    x[_FAN_OUT] = fan_out
    x[_PAYOUTS] = payouts
    x[_PAYOUTS_YEN] = paid_out
    _received(row, now_s, x)


@njit(cache=True)
def _received(row: Any, now_s: int, x: Any) -> None:
    """Money received from other wallets."""
    received: Any = 0
    fan_in = 0
    for j in range(FLOWS):
        if row.flow_kind[j] == memory.RECEIVED and memory.moved(row, j, now_s):
            received += 10 * np.int64(row.flow_tens[j])
            fan_in += memory.is_first_with(row, j, now_s)
    x[_FAN_IN] = fan_in
    x[_RECEIVED] = received


@njit(cache=True)
def _shopping(row: Any, shop: Any, category: Any, x: Any) -> None:
    """Whether shop and category are new to the wallet, if known."""
    if shop != 0:
        x[_SHOP_NEW] = 1
        for j in range(FLOWS):
            if row.flow_kind[j] == PAYMENT and row.flow_other[j] == memory.quarter_of(shop):
                x[_SHOP_NEW] = 0
    if category != 0:
        x[_CATEGORY_NEW] = memory.visit(row, category)
