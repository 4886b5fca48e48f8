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
        x.holder_events_2h = two_days.of_two(row.events, row.hour, now_s // HOUR_S)
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
    x.holder_failures_before = row.streak
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
    x.holder_age_s = _age_s(batch, i, now_s)
    x.holder_unverified = 1 - batch.wallet_verified[i]
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
    x.holder_fresh_s = min(_age_s(batch, i, now_s), FRESH_S)


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
    x.linked_accounts = held
    x.linked_accounts_2 = min(held, LINKED_2)
    x.linked_accounts_3 = min(held, LINKED_3)
    x.accounts_ever = row.accounts_ever + is_new
    x.accounts_2d = recent
    x.account_new = is_new
    x.relinks = row.relinks + back


@njit(cache=True)
def _since_links(row: Any, now_s: int, x: Any) -> None:
    if row.first_link_s > 0:
        x.since_any_link_s = max(0, now_s - row.last_link_s)
        x.since_first_link_s = max(0, now_s - row.first_link_s)


@njit(cache=True)
def _since_charge(row: Any, now_s: int, x: Any) -> None:
    if row.decayed_s > 0:
        x.since_charge_s = max(0, now_s - row.decayed_s)


@njit(cache=True)
def _attempts(row: Any, day: int, x: Any) -> None:
    """Link attempts of two days; this event is already counted."""
    x.holder_attempts_2d = two_days.of_two(row.attempts, row.day, day)
    x.holder_failures_2d = two_days.of_two(row.failures, row.day, day)
    x.tried_accounts_2d = memory.tried_of_two(row, day)


@njit(cache=True)
def _charged(row: Any, batch: Any, i: int, now_s: int, taken: int, x: Any) -> int:
    """Features of debits from all accounts, this one included with `taken` yen; yen of 24 hours."""
    this = 1 if batch.kind[i] == DEBIT else 0
    count, tens = memory.debits_within(row, now_s, MINUTE_S)
    x.holder_debits_1m_3 = min(count + this, DEBITS_1M)
    count, tens = memory.debits_within(row, now_s, 10 * MINUTE_S)
    x.holder_debits_10m = count + this
    x.holder_yen_10m = 10 * (tens + memory.tens_of(taken))
    count, tens = memory.debits_within(row, now_s, HOUR_S)
    x.holder_debits_1h = count + this
    x.holder_yen_1h = 10 * (tens + memory.tens_of(taken))
    count, tens = memory.debits_within(row, now_s, DAY_S)
    day_yen = 10 * (tens + memory.tens_of(taken))
    x.holder_debits_24h = count + this
    x.holder_yen_24h = day_yen
    x.holder_yen_24h_100k = min(day_yen, YEN_24H)
    x.holder_yen_per_hour = day_yen * HOUR_S / max(_age_s(batch, i, now_s), MINUTE_S)
    left = memory.decay(max(0, now_s - row.decayed_s))
    decayed_yen = row.decayed_yen * left + taken
    x.holder_debits_decayed = row.decayed_debits * left + this
    x.holder_yen_decayed = decayed_yen
    x.holder_yen_decayed_90k = min(decayed_yen, YEN_DECAYED)
    late = month_of(day_of(now_s)) < row.month
    x.holder_cap_share = (taken if late else row.month_yen + taken) / MONTHLY_CAP_YEN
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
    x.spent_24h_yen = spent
    if charged_yen > 0:
        x.spent_share_24h = spent / charged_yen
    x.near_limit_24h = near
    x.fan_out_24h = fan_out
    x.payouts_24h = payouts
    x.payouts_24h_yen = paid_out
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
    x.fan_in_24h = fan_in
    x.received_24h_yen = received


@njit(cache=True)
def _shopping(row: Any, shop: Any, category: Any, x: Any) -> None:
    """Whether shop and category are new to the wallet, if known."""
    if shop != 0:
        x.shop_new = 1
        for j in range(FLOWS):
            if row.flow_kind[j] == PAYMENT and row.flow_other[j] == memory.quarter_of(shop):
                x.shop_new = 0
    if category != 0:
        x.category_new = memory.visit(row, category)
