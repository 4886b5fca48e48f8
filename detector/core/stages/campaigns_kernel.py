"""Kernel of the campaigns stage: the counts of one source, bank × service, service or shop.

A row is such a key. Its counts (`campaign_patterns`) are compared with the key's own usual, the mean of its days. A
spell begins with the first event above the usual and ends after `QUIET_S`; it is a campaign, and is told, once a count
is too large. All counts and yen are of the spell, and so include what came before it was told.
"""

import math
from typing import Any

import numpy as np
from numba import njit

from detector.contract.loads import copy_row
from detector.contract.vocabulary import ABSENT, DEBIT, LINK, OK, OPEN
from detector.core.admission import APPLY_FRESH
from detector.core.stage import ALARM_MILLIONTHS, ESCALATED, YEN_DEBITED, YEN_LEFT
from detector.core.stages import campaign_patterns as patterns
from detector.core.stages.campaign_patterns import (
    ALERTED,
    BANK,
    BANK_EMPTIED,
    BANKS,
    EMPTIED,
    FAILED,
    LINKED,
    MOST,
    OPENED,
    QUIET_S,
    SERVICE,
    SHOP,
    SOURCE,
    SPENT,
    UNTOLD_QUIET_S,
)
from detector.core.stages.campaigns_row import BITS, NAMED_BANKS, SEEN, USUAL_DAYS, clear, end
from detector.core.stages.distinct import bits_set, counts, is_in, put_in
from detector.core.stages.jst import day_of, first_day_of, month_of
from detector.core.triage import MILLION
from detector.jst import DAY_MS, DAY_S

YOUNG_MS = DAY_MS  # goods were bought within 24 hours of the wallet's opening (arrests of January 2021)
#: A count is above the usual if it exceeds `SLACK` times that by so many deviations (of a Poisson count) and half an
#: event: by the first event, where nothing is usual; evenings have twice the events of a mean hour.
SLACK, SIGMAS, ABOVE = 2.0, 2.0, 0.5
#: The next update on accounts or yen: twice as many as at the last, and some at least.
LEAST_ACCOUNTS, LEAST_YEN = 10, 100_000
HALVINGS = 24  # after which nothing is left in float32
#: A clear alert: its alarm, in false alarms a day over all banks. On the first of a month honest people charge to the
#: cap, and there are five times as many false alerts as usual, few of them so clear.
STRONG_A_DAY = 3.0
_STRONG = int(STRONG_A_DAY * MILLION)
#: News of an update; `CLOSED` comes alone.
BEGUN, PATTERN, NEW_BANK, FIRST_YEN, YEN, ACCOUNTS, CLOSED = (1 << bit for bit in range(7))
NEWS = ("begun", "pattern", "bank", "first_yen", "yen", "accounts", "closed")
#: Beside the news, where there may be none: the event's account is new in a campaign that is told, or alerts in it.
CONCERNS = 1 << len(NEWS)
_U2, _U4 = 2**16 - 1, 2**32 - 1
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # as in `detector.stream.hop_writer`
_COUNTS, _HALF_LIFE_S, _FLOOR, _TIMES = patterns.COUNTS, patterns.HALF_LIFE_S, patterns.FLOOR, patterns.TIMES
_SCALE = patterns.SCALE
#: Fractions of a half-life from a table, because exp2 rounds differently on other machines.
_STEPS = 64
_PARTS = np.array([round(2.0 ** (-step / _STEPS), 12) for step in range(_STEPS)])
_DISTINCT = counts(BITS)
#: Fewest and most, by a standard deviation of the estimate.
_LOADS = [math.log(BITS / (BITS - k if k < BITS else 0.5)) for k in range(BITS + 1)]
_SIGMA = [math.sqrt(BITS * (math.exp(load) - load - 1)) for load in _LOADS]
_AT_LEAST = np.array([int(BITS * load - sigma) for load, sigma in zip(_LOADS, _SIGMA, strict=True)])
_AT_MOST = np.array([int(BITS * load + sigma) for load, sigma in zip(_LOADS, _SIGMA, strict=True)])
#: A half-life's sum of one a second.
_LN2 = math.log(2.0)


@njit(cache=True)
def campaigns_kernel(
    rows: Any, row_ids: Any, status: Any, batch: Any, start: int, stop: int, told: Any, facts: Any
) -> None:
    """See `detector.core.stage.Stage`; of events with news, `told[i]` is their row as they left it."""
    for i in range(start, stop):
        if status[i] > APPLY_FRESH:
            continue
        row = rows[row_ids[i]]
        time_s = batch.occurred_at_ms[i] // 1000
        if status[i] == APPLY_FRESH:
            clear(row, batch.role[i], time_s)
        row.news = 0
        _turn(row, day_of(time_s))
        quiet_s = QUIET_S[row.role] if row.updates else UNTOLD_QUIET_S[row.role]
        over = row.began_ms != 0 and time_s - row.hot_s > quiet_s
        closes = over and row.updates > 0
        if closes:
            row.news = CLOSED
            copy_row(told, i, rows, row_ids[i])
        if over:
            end(row)
        _take(row, batch, i, facts[i], time_s)
        if closes:  # there is one snapshot: what begins with the same event is told with the next one
            row.news, row.updates = CLOSED, 0
        elif row.news:
            copy_row(told, i, rows, row_ids[i])


@njit(cache=True)
def _turn(row: Any, day: int) -> None:
    """Add the finished day, and empty ones after it, to the usual."""
    gone: Any = min(day - np.int64(row.day), 4 * USUAL_DAYS)
    if gone <= 0:
        return
    for empty in range(gone):
        row.days = min(np.int64(row.days) + 1, USUAL_DAYS)
        for slot in range(MOST):
            today = 0.0 if empty else float(row.today[slot])
            if _COUNTS[row.role, slot] == FAILED and row.role == SOURCE and row.began_ms != 0:
                today = min(today, 1.0 + 2.0 * row.usual[slot])  # a slow spray must not become its own usual
            row.usual[slot] += (today - row.usual[slot]) / row.days
    row.today[:] = 0
    row.day = day


@njit(cache=True)
def _left(seconds: int, half_life_s: float) -> Any:
    """What is left of a count after a time."""
    steps = seconds * _STEPS / half_life_s
    whole = np.int64(steps)
    if whole >= HALVINGS * _STEPS:
        return 0.0
    # Between two steps in proportion: events seconds apart must not keep a count from fading.
    part = _PARTS[whole % _STEPS] * (1.0 - (steps - whole) * (1.0 - _PARTS[1]))
    return part / float(np.int64(1) << (whole // _STEPS))


@njit(cache=True)
def _take(row: Any, batch: Any, i: int, facts: Any, time_s: int) -> None:
    """Count the event; begin a spell, tell a campaign, or what is new in it.

    At a source a spell has everything, at a bank or service what alerts or is above the usual, elsewhere this alone.
    """
    alerts = facts[ESCALATED] != 0
    fired, above, counted = _count(row, batch, i, facts, alerts, time_s)
    if above:
        if row.began_ms == 0:
            row.began_ms = batch.occurred_at_ms[i]
            row.origin = batch.origin[i]
            row.origin_offset = batch.origin_offset[i]
        row.hot_s = max(np.int64(row.hot_s), time_s)
    if row.began_ms == 0:
        return
    added = row.role == SOURCE or above or (alerts and (row.role in (BANK, SERVICE)))
    # Bits do not tell many accounts apart: one that is counted, as none of the last few, is told as new too.
    new = counted or not is_in(row.accounts, batch.account[i])
    news = _add(row, batch, i, facts, alerts, time_s) if added else 0
    if fired & ~np.int64(row.patterns):
        news |= PATTERN
        row.patterns |= fired
    if row.patterns == 0:
        return
    accounts = _DISTINCT[bits_set(row.accounts)]
    if row.updates == 0:
        news = BEGUN
    elif accounts >= 2 * np.int64(row.told_accounts) and accounts >= row.told_accounts + LEAST_ACCOUNTS:
        news |= ACCOUNTS
    if row.updates > 0 and row.yen_taken >= 2 * np.int64(row.told_yen) and row.yen_taken >= row.told_yen + LEAST_YEN:
        news |= YEN
    if added and batch.account[i] != 0 and (new or alerts):
        row.news = CONCERNS
    if news:
        row.news |= news
        row.updates = min(np.int64(row.updates) + 1, _U2)
        row.told_accounts = accounts
        row.told_yen = row.yen_taken


@njit(cache=True)
def _count(row: Any, batch: Any, i: int, facts: Any, alerts: bool, time_s: int) -> tuple[int, bool, bool]:  # noqa: FBT001 - numba passes by position
    """Bits of the patterns that are too large with this event, whether it is above the usual, and counted at all."""
    role = batch.role[i]
    gone_s: Any = max(0, time_s - np.int64(row.counted_s))
    row.counted_s = max(time_s, np.int64(row.counted_s))
    fired: Any = 0
    above = counted = False
    for slot in range(MOST):
        subject = _subject(_COUNTS[role, slot], batch, i, alerts, facts)
        half_life_s = _HALF_LIFE_S[role, slot]
        row.count[slot] *= _left(gone_s, half_life_s)
        if subject == 0 or _was_seen(row, slot, subject):
            continue
        counted = True
        row.count[slot] += 1
        row.today[slot] = min(np.int64(row.today[slot]) + 1, _U2)
        scale = _SCALE[role, slot]
        usual = row.usual[scale] * _HALF_LIFE_S[role, scale] / (DAY_S * _LN2)
        if row.count[slot] >= _FLOOR[role, slot] + _TIMES[role, slot] * usual:
            fired |= 1 << slot
        if math.isinf(_FLOOR[role, slot]):
            continue  # no pattern, but the measure of one
        above = above or scale != slot or row.count[slot] >= ABOVE + SLACK * usual + SIGMAS * math.sqrt(usual)
    return fired, above, counted


@njit(cache=True)
def _subject(counts: int, batch: Any, i: int, alerts: bool, facts: Any) -> Any:  # noqa: FBT001 - numba passes by position
    """What the event adds to a count, 0 for nothing."""
    kind, ok = batch.kind[i], batch.result[i] == OK
    young = batch.occurred_at_ms[i] - batch.wallet_opened_at_ms[i] < YOUNG_MS
    subject = np.uint64(0)
    if counts == FAILED:
        subject = batch.account[i] if kind == LINK and not ok else subject
    elif counts == OPENED:
        subject = batch.wallet[i] if kind == OPEN or (kind == LINK and ok and young) else subject
    elif counts == LINKED:
        subject = batch.account[i] if kind == LINK and ok and young else subject
    elif counts == SPENT:
        subject = batch.wallet[i]
    elif not alerts:
        pass
    elif counts == ALERTED:
        subject = batch.account[i]
    elif counts == EMPTIED:
        day = day_of(batch.occurred_at_ms[i] // 1000)
        emptied = kind == DEBIT and ok and facts[YEN_LEFT] == 0 and day != first_day_of(month_of(day))
        subject = batch.account[i] if emptied and facts[ALARM_MILLIONTHS] <= _STRONG else subject
    elif counts == BANKS:
        subject = np.uint64(batch.bank[i] + 1) if facts[ALARM_MILLIONTHS] <= _STRONG else subject
    return subject


@njit(cache=True)
def _was_seen(row: Any, slot: int, subject: Any) -> bool:
    """Whether it is among the last counted; remembers it if not."""
    mark = np.uint16((subject * _GOLDEN) >> np.uint64(48)) | np.uint16(1)  # never 0, which is an empty slot
    for at in range(SEEN):
        if row.seen[slot, at] == mark:
            return True
    row.seen[slot, row.seen_next[slot]] = mark
    row.seen_next[slot] = (row.seen_next[slot] + 1) % SEEN
    return False


@njit(cache=True)
def _add(row: Any, batch: Any, i: int, facts: Any, alerts: bool, time_s: int) -> Any:  # noqa: FBT001 - numba passes by position
    """Add the event to the spell; news of banks and yen."""
    news: Any = 0
    kind, ok = batch.kind[i], batch.result[i] == OK
    if kind == LINK and ok:
        row.linked = min(np.int64(row.linked) + 1, _U2)
    elif kind == LINK:
        row.failures = min(np.int64(row.failures) + 1, _U2)
    elif kind == OPEN:
        row.opened = min(np.int64(row.opened) + 1, _U2)
    row.alerts = min(np.int64(row.alerts) + alerts, _U2)
    account = batch.wallet[i] if row.role == SHOP else batch.account[i]
    if account == 0:
        return news
    new = not is_in(row.accounts, account)
    put_in(row.accounts, account)
    if ok and kind in (LINK, DEBIT):
        _put_at_risk(row, account, 0 if kind == LINK else batch.amount_yen[i], facts[YEN_LEFT])
    if (kind == DEBIT and ok) or row.role == SHOP:
        if row.yen_taken == 0:
            row.first_yen_s = time_s
            news |= FIRST_YEN
        # What was debited before an account was emptied came here with no event; of a known one it is counted.
        taken = facts[YEN_DEBITED] if row.role == BANK_EMPTIED and new else batch.amount_yen[i]
        row.yen_taken = min(np.int64(row.yen_taken) + taken, _U4)
    if alerts and batch.bank[i] != ABSENT and _is_new_bank(row, batch.bank[i] + 1):
        news |= NEW_BANK
    return news


@njit(cache=True)
def _put_at_risk(row: Any, account: Any, debited: int, left: int) -> None:
    """Add what was left of an account not counted yet; take away what is debited of it (0 for a link).

    Where its bit is set it may be another one, the more so the more bits are. A link is most often an account's first,
    and counts while that agrees with the bits; a debit, where there are links, only if accounts are missing by them.
    """
    few = _AT_LEAST if row.linked else _DISTINCT
    may_be = (few if debited else _AT_MOST)[bits_set(row.at_risk)]
    at_risk = np.int64(row.yen_at_risk)
    if not is_in(row.at_risk, account) or row.counted < may_be:
        put_in(row.at_risk, account)
        row.counted += 1
        at_risk += left + debited
    row.yen_at_risk = min(max(at_risk - debited, 0), _U4)


@njit(cache=True)
def _is_new_bank(row: Any, bank: int) -> bool:
    for slot in range(row.banks_named):
        if row.banks[slot] == bank:
            return False
    if row.banks_named == NAMED_BANKS:
        return False
    row.banks[row.banks_named] = bank
    row.banks_named += 1
    return True
