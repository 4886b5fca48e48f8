"""The wallet stage as its feature table defines it, slowly: every feature recomputed from all events of a wallet.

Also random lives of wallets, with all that makes streams hard: late events, repeated ids, month ends, long silences.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.contract.batch import DTYPES, OWN, RECEIVING, Batch
from detector.contract.vocabulary import (
    ABSENT,
    DEBIT,
    DEBIT_RESULTS,
    LINK,
    LINK_RESULTS,
    OK,
    OPEN,
    PAYMENT,
    PAYOUT,
    RESULTS,
    TRANSFER,
    UNLINK,
)
from detector.core.stages.wallet_features import FEATURES

JST = timezone(timedelta(hours=9))
NEVER_MS = 10**15
NAMES = tuple(feature.name for feature in FEATURES)
START_MS = 1_598_500_000_000  # 27 August 2020 in Japan: month ends are never far
Found = dict[str, float]


@dataclass(frozen=True)
class Event:
    """An event of a wallet; codes as in a batch. `role` RECEIVING: `wallet` receives from `other`."""

    offset: int
    event_id: int
    kind: int
    at_ms: int
    wallet: int = 1
    account: int = 0
    opened_ms: int = START_MS - 86_400_000
    verified: bool = False
    result: int = ABSENT
    yen: int = 0
    shop: int = 0
    category: int = 0
    other: int = 0
    role: int = OWN
    hop_index: int = 0

    @property
    def at_s(self) -> int:
        return self.at_ms // 1000

    @property
    def local(self) -> datetime:
        return datetime.fromtimestamp(self.at_s, UTC).astimezone(JST)

    @property
    def day(self) -> int:
        return self.local.date().toordinal()

    @property
    def month(self) -> tuple[int, int]:
        return self.local.year, self.local.month

    @property
    def taken(self) -> int:
        return self.yen if self.kind == DEBIT and self.result == OK else 0

    @property
    def linked(self) -> bool:
        return self.kind == LINK and self.result == OK


def batch_of(events: Iterable[Event]) -> Batch:
    """The events as columns."""
    events = list(events)
    columns: dict[str, list[Any]] = {name: [0] * len(events) for name in DTYPES}
    columns |= {
        "offset": [e.offset for e in events],
        "hop_index": [e.hop_index for e in events],
        "record": list(range(len(events))),
        "kind": [e.kind for e in events],
        "occurred_at_ms": [e.at_ms for e in events],
        "event_id": [e.event_id for e in events],
        "wallet": [e.wallet for e in events],
        "wallet_opened_at_ms": [e.opened_ms for e in events],
        "wallet_verified": [e.verified for e in events],
        "account": [e.account for e in events],
        "result": [e.result for e in events],
        "amount_yen": [e.yen for e in events],
        "shop": [e.shop for e in events],
        "shop_category": [e.category for e in events],
        "counterparty": [e.other for e in events],
        "role": [e.role for e in events],
    }
    return Batch(**{name: np.array(columns[name], dtype) for name, dtype in DTYPES.items()})


@dataclass
class Life:
    """A wallet: where it is in the log, and its events since it was last new."""

    position: tuple[int, int] = (-1, 0)
    events: list[Event] = field(default_factory=list)


@dataclass
class Oracle:
    """Takes events one at a time; `(status, features by name)` of each."""

    ttl_ms: int = NEVER_MS
    watermark_ms: int = 0
    lives: dict[int, Life] = field(default_factory=dict)

    def take(self, event: Event) -> tuple[int, Found]:
        self.watermark_ms = max(self.watermark_ms, event.at_ms)
        life = self.lives.setdefault(event.wallet, Life())
        if (event.offset, event.hop_index) <= life.position:
            return 2, {}
        life.position = event.offset, event.hop_index
        fresh = not life.events or self.watermark_ms - max(e.at_ms for e in life.events) > self.ttl_ms
        if fresh:
            life.events = []
        elif event.event_id in [e.event_id for e in life.events[-4:]]:
            return 3, {}
        found = features(life.events, event)
        life.events.append(event)
        return int(fresh), found

    def matrix(self, events: list[Event]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Status and features of `events` as the stage gives them."""
        taken = [self.take(event) for event in events]
        rows = [[found.get(name, math.nan) for name in NAMES] for _, found in taken]
        return (
            np.array([status for status, _ in taken], np.int8),
            np.array(rows, np.float64).astype(np.float32).reshape(len(events), len(NAMES)),
        )


def features(past: list[Event], event: Event) -> Found:
    """All features of an event, as of `past`: links and debits have some."""
    if event.kind not in (LINK, DEBIT):
        return {}
    return (
        {"holder_events_2h": len(of_two_units([*past, event], event, lambda e: e.at_s // 3_600))}
        | accounts(past, event)
        | attempts(past, event)
        | charges(past, event)
        | links(past, event)
        | {"spent_share_24h": spent_share(past, event)}
    )


def since(event: Event, then_s: float) -> float:
    return max(0, event.at_s - then_s)


def of_two_units(events: list[Event], event: Event, unit: Callable[[Event], int]) -> list[Event]:
    """Those of the newest day (or hour) and the one before it; a late one counts on the newest when it came."""
    newest, dated = 0, []
    for e in events:
        newest = max(newest, unit(e))
        dated.append((newest, e))
    return [e for day, e in dated if day >= max(newest, unit(event)) - 1]


@dataclass
class Held:
    """An account that is remembered."""

    account: int
    linked_day: int | None = None
    cut: bool = False


@dataclass
class Holder:
    """The last six accounts with a successful link or debit, oldest first; how many ever, and how many came back."""

    held: list[Held] = field(default_factory=list)
    ever: int = 0
    relinks: int = 0

    def find(self, account: int) -> Held | None:
        return next((h for h in self.held if h.account == account), None)

    def take(self, e: Event) -> None:
        known = self.find(e.account)
        if e.kind == UNLINK and known:
            known.cut = True
        if e.linked or e.taken:
            self.relinks += bool(e.linked and known and known.cut)
            if known is None:
                known = Held(e.account)
                self.held = [*self.held, known][-6:]
                self.ever += 1
            known.cut = False
            if e.linked:
                known.linked_day = e.day


def accounts(past: list[Event], event: Event) -> Found:
    holder = Holder()
    for e in past:
        holder.take(e)
    known = holder.find(event.account)
    linking = event.kind == LINK
    recent = {h.account for h in holder.held if h.linked_day is not None and h.linked_day >= event.day - 1}
    return {
        "accounts_ever": holder.ever + (known is None),
        "accounts_2d": len(recent | ({event.account} if linking else set())),
        "relinks": holder.relinks + bool(linking and known and known.cut),
    }


def attempts(past: list[Event], event: Event) -> Found:
    tried = of_two_units([e for e in [*past, event] if e.kind == LINK], event, lambda e: e.day)
    found: Found = {
        "holder_attempts_2d": len(tried),
        "holder_failures_2d": sum(e.result != OK for e in tried),
        "tried_accounts_2d": len({e.account % 32 for e in tried}),
    }
    if event.kind == LINK:
        results = [e.result == OK for e in past if e.kind == LINK]
        found["holder_failures_before"] = results[::-1].index(True) if True in results else len(results)
    return found


def links(past: list[Event], event: Event) -> Found:
    linked = [e.at_s for e in past if e.linked]
    debited = [e.at_s for e in past if e.taken]
    found: Found = {}
    if linked:
        found |= {"since_any_link_s": since(event, max(linked)), "since_first_link_s": since(event, linked[0])}
    if debited and event.kind != LINK:
        found["since_charge_s"] = since(event, max(debited))
    return found


def whole_tens(yen: int) -> int:
    return 10 * min(yen // 10, 65_535)


def charged(past: list[Event], event: Event) -> int:
    """Yen of the last six successful debits within 24 hours, and of this one."""
    debits = [e for e in [e for e in past if e.taken][-6:] if since(event, e.at_s) < 86_400]
    return sum(whole_tens(e.taken) for e in [*debits, event])


def charges(past: list[Event], event: Event) -> Found:
    this = event.kind == DEBIT
    count, yen, newest_s = decayed(past)
    left = decay(max(0, event.at_s - newest_s))
    month = max(e.month for e in [*past, event])
    earlier = 0 if event.month < month else sum(e.taken for e in past if e.month == month)
    return {
        "holder_yen_24h": charged(past, event),
        "holder_debits_decayed": count * left + this,
        "holder_yen_decayed": yen * left + event.taken,
        "holder_cap_share": (min(earlier, 2**32 - 1) + event.taken) / 300_000,
    }


def decay(seconds: int) -> float:
    """Half of it every seven minutes, nothing after 24 halvings."""
    return 0.0 if seconds >= 24 * 420 else 2.0 ** (-(seconds % 420) / 420) / 2 ** (seconds // 420)


def decayed(past: list[Event]) -> tuple[float, float, int]:
    """Debits and yen, decayed to the newest debit, as float32 after every step; and that debit's second."""
    count, yen, newest_s = 0.0, 0.0, 0
    for e in past:
        if e.taken:
            before_s, newest_s = newest_s, max(newest_s, e.at_s)
            left, own = decay(newest_s - before_s), decay(newest_s - e.at_s)
            count, yen = float(np.float32(count * left + own)), float(np.float32(yen * left + e.taken * own))
    return count, yen, newest_s


def spent_share(past: list[Event], event: Event) -> float:
    """What left the wallet, of the last six movements but debits those within 24 hours, against what was charged."""
    moved = [e for e in past if e.kind in (PAYMENT, TRANSFER, PAYOUT)][-6:]
    spent = sum(whole_tens(e.yen) for e in moved if e.role == OWN and since(event, e.at_s) < 86_400)
    return spent / charged(past, event) if charged(past, event) else math.nan


def lives(
    seed: int, n: int, *, wallets: int = 6, late: float = 0.1, repeated: float = 0.05, calm: float = 0.5
) -> list[Event]:
    """A stream of `n` events over a few wallets and accounts, transfers on both of their sides.

    `late` and `repeated`: shares of events that happened earlier, and that carry the id of a recent one. `calm`: share
    of steps of days rather than seconds, so that windows, days, months and times to live all come to an end.
    """
    draw = np.random.default_rng(seed)
    now_ms, found = START_MS, list[Event]()
    while len(found) < n:
        offset = len(found)
        now_ms += int(draw.exponential(86_400_000 if draw.random() < calm / 4 else 40_000))
        at_ms = now_ms - int(draw.exponential(7_200_000)) if draw.random() < late else now_ms
        event = _random_event(draw, offset, at_ms, wallets)
        if found and draw.random() < repeated:
            event = replace(found[-1 - int(draw.integers(min(len(found), 12)))], offset=offset, hop_index=0)
        found.append(event)
        if event.kind == TRANSFER and event.role == OWN:
            found.append(replace(event, wallet=event.other, other=event.wallet, role=RECEIVING, hop_index=1))
    return found[:n]


def _random_event(draw: np.random.Generator, offset: int, at_ms: int, wallets: int) -> Event:
    kinds = (LINK, UNLINK, DEBIT, OPEN, PAYMENT, TRANSFER, PAYOUT)
    kind = int(draw.choice(kinds, p=[0.2, 0.06, 0.35, 0.02, 0.17, 0.12, 0.08]))
    results = {LINK: LINK_RESULTS, DEBIT: DEBIT_RESULTS}.get(kind, ())
    result = ABSENT
    if results:
        result = OK if draw.random() < 0.7 else RESULTS.index(str(draw.choice(results)))
    amounts = (1, 3_000, 20_000, 44_999, 45_005, 49_999, 90_000, 123_457, 10**9)
    yen = int(draw.choice(amounts)) if kind in (DEBIT, PAYMENT, TRANSFER, PAYOUT) else 0
    account, shop = int(draw.integers(1, 9)), int(draw.integers(9))
    return Event(
        offset=offset,
        event_id=offset + 1,
        kind=kind,
        at_ms=at_ms,
        wallet=int(draw.integers(1, wallets + 1)) << 48,
        account=(account << 32) + account * account if kind in (LINK, UNLINK, DEBIT) else 0,
        opened_ms=at_ms - int(draw.exponential(10**8)) + (10**7 if draw.random() < 0.05 else 0),
        verified=bool(draw.random() < 0.5),
        result=result,
        yen=yen,
        shop=shop << 48 if kind == PAYMENT else 0,
        category=shop // 2 if kind == PAYMENT else 0,
        other=int(draw.integers(1, wallets + 5)) << 48 if kind == TRANSFER else 0,
    )
