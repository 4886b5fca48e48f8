"""The account stage's features in textbook style: a dict an account, plain Python, one event at a time.

Used by the plain Faust contestants. Same definitions as `core/stages/account_kernel.py`, a test compares them, so that
both sides of the comparison do the same work; the state holds JSON values only, so that a `faust.Table` can keep it.
"""

from functools import cache
from math import exp, log, nan, sqrt
from typing import Any, Protocol

from detector.core.stages.account_kernel import MIN_HISTORY, MIN_SPREAD
from detector.core.stages.account_row import DEBITS, HABIT_BINS, SOURCES, WALLETS
from detector.core.stages.jst import day_of, hour_of, month_of

DAY_S, HOUR_S, MINUTE_S = 86_400, 3_600, 60
#: Features that links do not have, from `since_link_s` to `is_charge`.
DEBIT_FEATURES = 15

# Plain functions: a compiled one costs more to call from Python than it saves. Months change seldom: looked up.
_day_of, _hour_of = day_of.py_func, hour_of.py_func
_month_of = cache(month_of.py_func)

State = dict[str, Any]


class Event(Protocol):
    """The fields of a link, unlink or debit; None where its kind does not have one."""

    kind: str
    occurred_at_ms: int
    service: str
    wallet: str
    wallet_opened_at_ms: int
    wallet_verified: bool
    source: str
    auth: str | None
    result: str | None
    amount_yen: int | None
    purpose: str | None


def new_state() -> State:
    """The state of an unknown account."""
    return {
        "first_s": 0,
        "debits": [],  # the last six successful ones: [second, yen]
        "wallets": {},  # the last four, most recently used last: [linked, by PIN]
        "month": 0,
        "month_yen": {},
        "count": 0,
        "log_sum": 0,
        "log_squares": 0,
        "habit": [0] * HABIT_BINS,
        "sources": [],  # the last eight addresses, most recently used last
        "source_day": 0,
        "new_sources": [0, 0],
    }


def take(state: State, event: Event) -> list[float]:
    """The event's features, as of before it, in the order of the account stage; then the state takes it.

    NaN where its kind has no such feature. An unlink has none at all: an empty list.
    """
    now_s = event.occurred_at_ms // 1000
    day = int(_day_of(now_s))
    if not state["first_s"]:
        state["first_s"] = now_s
    if _month_of(day) > state["month"]:
        state["month"], state["month_yen"] = int(_month_of(day)), {}
    if event.kind == "unlink":
        if event.wallet in state["wallets"]:
            state["wallets"][event.wallet][0] = 0
        return []
    ok = event.result == "ok"
    if event.kind == "link":
        found = [
            *_both(state, event, now_s),
            event.result != "ok",
            event.auth == "pin4",
            _hour_of(now_s) < 6,
            *_source(state, event, day),
            *([nan] * DEBIT_FEATURES),
        ]
        if ok:
            wallet = _remember(state, event.wallet)
            wallet[0], wallet[1] = now_s, event.auth == "pin4"
            _own(state, event.source, day)
        return found
    taken = (event.amount_yen or 0) if ok else 0
    wallet = state["wallets"].get(event.wallet)
    by_pin = wallet[1] if wallet and wallet[0] else nan
    found = [
        *_both(state, event, now_s),
        nan,
        by_pin,
        _hour_of(now_s) < 6,
        *_source(state, event, day),
        *_debit(state, event, now_s, taken),
    ]
    if ok:
        _take_debit(state, event, now_s, taken, day)
    return found


def _both(state: State, event: Event, now_s: int) -> list[float]:
    known = event.wallet in state["wallets"]
    return [
        max(0, now_s - event.wallet_opened_at_ms // 1000),
        not event.wallet_verified,
        len(state["wallets"]) + (not known),
        len({service for service, yen in state["month_yen"].items() if yen} | {event.service}),
        max(0, now_s - state["first_s"]),
    ]


def _source(state: State, event: Event, day: int) -> list[float]:
    if not event.source or not state["sources"]:
        return [nan, nan]
    new = event.source not in state["sources"]
    return [new, sum(state["new_sources"][: max(0, 2 - max(0, day - state["source_day"]))]) + new]


def _debit(state: State, event: Event, now_s: int, taken: int) -> list[float]:
    amount = event.amount_yen or 0
    wallet = state["wallets"].get(event.wallet)
    linked = wallet is not None and wallet[0] > 0
    since_s = max(0, now_s - (wallet[0] if linked else event.wallet_opened_at_ms // 1000))
    ages = [(max(0, now_s - second), yen) for second, yen in state["debits"]]
    yen = [sum(yen for age, yen in ages if age < window_s) + taken for window_s in (MINUTE_S, 600, HOUR_S, DAY_S)]
    gap = max(0, now_s - max(second for second, _ in state["debits"])) if state["debits"] else nan
    late = _month_of(_day_of(now_s)) < state["month"]
    return [
        since_s if linked else nan,
        gap,
        sum(age < MINUTE_S for age, _ in ages) + 1,
        *yen,
        taken if late else sum(state["month_yen"].values()) + taken,
        yen[-1] * HOUR_S / max(since_s, MINUTE_S),
        amount,
        *_against_history(state, amount),
        state["habit"][_hour_of(now_s) * HABIT_BINS // 24] / sum(state["habit"]) if state["count"] else nan,
        event.result != "ok",
        event.purpose == "charge",
    ]


def _against_history(state: State, amount: int) -> tuple[float, float]:
    """`amount_z` and `amount_ratio`."""
    count = state["count"]
    if not count:
        return nan, nan
    mean, own = state["log_sum"] / count / 1000, round(1000 * log(amount)) / 1000
    if count < MIN_HISTORY:
        return nan, exp(own - mean)
    variance = max(0.0, state["log_squares"] / count / 1_000_000 - mean * mean)
    return (own - mean) / max(sqrt(variance), MIN_SPREAD), exp(own - mean)


def _take_debit(state: State, event: Event, now_s: int, taken: int, day: int) -> None:
    _remember(state, event.wallet)
    _own(state, event.source, day)
    state["debits"] = [*state["debits"], [now_s, taken]][-DEBITS:]
    if _month_of(_day_of(now_s)) == state["month"]:
        state["month_yen"][event.service] = state["month_yen"].get(event.service, 0) + taken
    size = round(1000 * log(taken))
    state["count"] += 1
    state["log_sum"] += size
    state["log_squares"] += size * size
    state["habit"][_hour_of(now_s) * HABIT_BINS // 24] += 1


def _remember(state: State, wallet: str) -> list[Any]:
    known = state["wallets"]
    found: list[Any] = known.pop(wallet, [0, False])
    if len(known) == WALLETS:
        del known[next(iter(known))]
    known[wallet] = found
    return found


def _own(state: State, source: str, day: int) -> None:
    if not source:
        return
    known = state["sources"]
    if known and source not in known:
        if day > state["source_day"]:
            state["new_sources"] = [0, state["new_sources"][0] if day == state["source_day"] + 1 else 0]
            state["source_day"] = day
        state["new_sources"][0] += 1
    state["sources"] = [*(other for other in known if other != source), source][-SOURCES:]
