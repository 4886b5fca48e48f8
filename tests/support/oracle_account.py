"""The account stage as its feature table defines it, slowly: every feature recomputed from all events of an account.

Also random lives of accounts, with all that makes streams hard: late events, repeated ids, month ends, long silences.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.contract.batch import DTYPES, Batch
from detector.contract.vocabulary import ABSENT, DEBIT, DEBIT_RESULTS, LINK, LINK_RESULTS, OK, PIN4, RESULTS, UNLINK
from detector.core.stages.account_features import FEATURES

JST = timezone(timedelta(hours=9))
CAP = 300_000
NEVER_MS = 10**15
NAMES = tuple(feature.name for feature in FEATURES)
START_MS = 1_598_500_000_000  # 27 August 2020 in Japan: month ends are never far
NO_FACTS = (0, 0, 0)
SERVICES = (*range(8), 256, 60_000, 65_534)  # known ones and some that are not
WINDOWS = (("1m", 60), ("10m", 600), ("1h", 3_600), ("24h", 86_400))


@dataclass(frozen=True)
class Event:
    """An account event; codes as in a batch."""

    offset: int
    event_id: int
    kind: int
    at_ms: int
    account: int = 1
    wallet: int = 1 << 40
    source: int = 1 << 48
    service: int = 0
    opened_ms: int = START_MS - 86_400_000
    verified: bool = False
    auth: int = ABSENT
    result: int = ABSENT
    yen: int = 0
    purpose: int = ABSENT

    @property
    def identity(self) -> tuple[int, int, int, int]:
        return self.event_id, self.service, self.kind, self.account

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


def batch_of(events: Iterable[Event]) -> Batch:
    """The events as columns."""
    events = list(events)
    columns: dict[str, list[Any]] = {name: [0] * len(events) for name in DTYPES}
    columns |= {
        "offset": [e.offset for e in events],
        "record": list(range(len(events))),
        "kind": [e.kind for e in events],
        "occurred_at_ms": [e.at_ms for e in events],
        "event_id": [e.event_id for e in events],
        "service": [e.service for e in events],
        "wallet": [e.wallet for e in events],
        "source": [e.source for e in events],
        "wallet_opened_at_ms": [e.opened_ms for e in events],
        "wallet_verified": [e.verified for e in events],
        "account": [e.account for e in events],
        "auth": [e.auth for e in events],
        "result": [e.result for e in events],
        "amount_yen": [e.yen for e in events],
        "purpose": [e.purpose for e in events],
    }
    return Batch(**{name: np.array(columns[name], dtype) for name, dtype in DTYPES.items()})


@dataclass
class Wallet:
    """What is remembered of one wallet."""

    wallet: int
    linked_s: int | None = None
    auth: int | None = None


@dataclass
class Life:
    """An account: where it is in the log, and its events since it was last new."""

    position: int = -1
    events: list[Event] = field(default_factory=list)


@dataclass
class Oracle:
    """Takes events one at a time; `(status, features by name, facts)` of each."""

    ttl_ms: int = NEVER_MS
    watermark_ms: int = 0
    lives: dict[int, Life] = field(default_factory=dict)

    def take(self, event: Event) -> tuple[int, dict[str, float], tuple[int, ...]]:
        self.watermark_ms = max(self.watermark_ms, event.at_ms)
        life = self.lives.setdefault(event.account, Life())
        if event.offset <= life.position:
            return 2, {}, NO_FACTS
        life.position = event.offset
        fresh = not life.events or self.watermark_ms - max(e.at_ms for e in life.events) > self.ttl_ms
        if fresh:
            life.events = []
        elif event.identity in [e.identity for e in life.events[-4:]]:
            return 3, {}, NO_FACTS
        found = {} if event.kind == UNLINK else features(life.events, event)
        yen_a_minute = pace(life.events, event)
        life.events.append(event)
        return int(fresh), found, (*exposure(life.events), yen_a_minute)

    def matrix(self, events: list[Event]) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
        """Status, features and facts of `events` as the stage gives them."""
        taken = [self.take(event) for event in events]
        rows = [[found.get(name, math.nan) for name in NAMES] for _, found, _ in taken]
        return (
            np.array([status for status, _, _ in taken], np.int8),
            np.array(rows, np.float64).astype(np.float32).reshape(len(events), len(NAMES)),
            np.array([facts for _, _, facts in taken], np.int64).reshape(len(events), len(NO_FACTS)),
        )


def since(event: Event, then_s: float) -> float:
    return max(0, event.at_s - then_s)


def successful(past: list[Event]) -> list[Event]:
    return [e for e in past if e.kind == DEBIT and e.result == OK]


def within(past: list[Event], event: Event, window_s: int) -> list[Event]:
    """Of the last six successful debits, those of the window."""
    return [e for e in successful(past)[-6:] if since(event, e.at_s) < window_s]


def exposure(events: list[Event]) -> tuple[int, int]:
    """Yen taken in 24 hours up to the newest event, of it and six before; yen its service may still take this month."""
    past, event = events[:-1], events[-1]
    month = max(e.month for e in events)
    here = by_service([e for e in successful(events) if e.month == month]).get(event.service, 0)
    return sum(e.yen for e in within(past, event, 86_400)) + event.taken, max(0, CAP - here)


def by_service(month: list[Event]) -> dict[int, int]:
    """Yen of a month's debits by service, of eight; a ninth evicts the one with the least yen so far."""
    slots: list[list[int]] = []
    for e in month:
        known = next((slot for slot in slots if slot[0] == e.service), None)
        if known is None:
            known = [e.service, 0]
            if len(slots) < 8:
                slots.append(known)
            else:
                slots[slots.index(min(slots, key=lambda slot: slot[1]))] = known
        known[1] += e.yen
    return {slot[0]: slot[1] for slot in slots}


def pace(past: list[Event], event: Event) -> int:
    """Yen a minute over the last ten minutes, from their first debit on, at least a minute."""
    inside = within(past, event, 600)
    span_s = max([60, *(int(since(event, e.at_s)) for e in inside)])
    return (sum(e.yen for e in inside) + event.taken) * 60 // span_s


def remembered(past: list[Event]) -> list[Wallet]:
    """Up to four wallets with a successful link or debit, in order of use; a fifth evicts the least recently used."""
    wallets: list[Wallet] = []
    for e in past:
        known = next((w for w in wallets if w.wallet == e.wallet), None)
        if e.kind == UNLINK:
            if known:
                known.linked_s = None
        elif e.result == OK:
            known = known or Wallet(e.wallet)
            wallets = [*(w for w in wallets if w is not known), known][-4:]
            if e.kind == LINK:
                known.linked_s, known.auth = e.at_s, e.auth
    return wallets


def own_sources(past: list[Event], event: Event) -> dict[str, float]:
    """The event's address against the last eight with a successful link or debit; days as for link attempts."""
    used = [e for e in past if e.kind != UNLINK and e.result == OK and e.source]
    if not event.source or not used:
        return {}
    own: list[int] = []
    newest, days = 0, list[int]()
    for e in used:
        if own and e.source not in own:
            newest = max(newest, e.day)
            days.append(newest)
        own = [*(source for source in own if source != e.source), e.source][-8:]
    new = event.source not in own
    return {"own_source_new": new, "own_sources_2d": sum(day >= max(newest, event.day) - 1 for day in days) + new}


def features(past: list[Event], event: Event) -> dict[str, float]:
    """All features of a link or debit, as of `past`."""
    wallets = remembered(past)
    known = next((w for w in wallets if w.wallet == event.wallet), None)
    month = max(e.month for e in [*past, event])
    here = [e for e in successful(past) if e.month == month]
    both = {
        "wallet_age_s": since(event, event.opened_ms // 1000),
        "wallet_unverified": not event.verified,
        "wallets": len({w.wallet for w in wallets} | {event.wallet}),
        "services": len({*by_service(here), event.service}),
        "account_known_s": since(event, past[0].at_s) if past else 0,
        "night": event.local.hour < 6,
        **own_sources(past, event),
    }
    if event.kind == LINK:
        return both | {"link_failed": event.result != OK, "link_by_pin": event.auth == PIN4}
    return both | debit_features(past, event, known, here, late=event.month < month)


def debit_features(
    past: list[Event], event: Event, known: Wallet | None, here: list[Event], *, late: bool
) -> dict[str, float]:
    found: dict[str, float] = {}
    linked_s = known.linked_s if known else None
    if known and linked_s is not None:
        found["since_link_s"] = since(event, linked_s)
        found["link_by_pin"] = known.auth == PIN4
    found["debits_1m"] = len(within(past, event, 60)) + 1
    for name, window_s in WINDOWS:
        found["yen_" + name] = sum(e.yen for e in within(past, event, window_s)) + event.taken
    services = by_service([] if late else here)
    began_s = event.opened_ms // 1000 if linked_s is None else linked_s
    return (
        found
        | {
            "month_yen": sum(services.values()) + event.taken,
            "yen_per_hour": found["yen_24h"] * 3_600 / max(60, since(event, began_s)),
            "amount_yen": event.yen,
            "debit_refused": event.result != OK,
            "is_charge": event.purpose == 0,
        }
        | own_history(successful(past), event)
    )


def own_history(debits: list[Event], event: Event) -> dict[str, float]:
    if not debits:
        return {}
    gap = since(event, max(e.at_s for e in debits[-6:]))
    logs = [round(1000 * math.log(e.yen)) for e in debits]
    own, mean = round(1000 * math.log(event.yen)) / 1000, sum(logs) / len(logs) / 1000
    hours = [e.local.hour // 4 for e in debits]
    found = {
        "gap_s": gap,
        "amount_ratio": math.exp(own - mean),
        "hour_habit": hours.count(event.local.hour // 4) / len(hours),
    }
    if len(debits) >= 3:
        variance = sum(x * x for x in logs) / len(logs) / 1_000_000 - mean * mean
        found["amount_z"] = (own - mean) / max(math.sqrt(max(0.0, variance)), 0.1)
    return found


def lives(
    seed: int, n: int, *, accounts: int = 6, late: float = 0.1, repeated: float = 0.05, calm: float = 0.5
) -> list[Event]:
    """A stream of `n` events over a few accounts and wallets.

    `late` and `repeated`: shares of events that happened earlier, and that carry the id of a recent one. `calm`: share
    of steps of days rather than seconds, so that windows, days, months and times to live all come to an end.
    """
    draw = np.random.default_rng(seed)
    now_ms, found = START_MS, list[Event]()
    for offset in range(n):
        now_ms += int(draw.exponential(86_400_000 if draw.random() < calm / 4 else 40_000))
        at_ms = now_ms - int(draw.exponential(7_200_000)) if draw.random() < late else now_ms
        if found and draw.random() < repeated:
            earlier = found[-1 - int(draw.integers(min(len(found), 12)))]
            found.append(Event(**(vars(earlier) | {"offset": offset})))
        else:
            found.append(_random_event(draw, offset, at_ms, accounts))
    return found


def _random_event(draw: np.random.Generator, offset: int, at_ms: int, accounts: int) -> Event:
    kind = int(draw.choice([LINK, UNLINK, DEBIT], p=[0.25, 0.05, 0.7]))
    results = {LINK: LINK_RESULTS, DEBIT: DEBIT_RESULTS}.get(kind, ())
    result = ABSENT
    if results:
        result = OK if draw.random() < 0.7 else RESULTS.index(str(draw.choice(results)))
    amounts = (1, 3_000, 20_000, 90_000, 100_000, 123_457, 10**9)
    yen = int(draw.choice(amounts, p=[0.05, 0.3, 0.3, 0.2, 0.1, 0.04, 0.01])) if kind == DEBIT else 0
    return Event(
        offset=offset,
        event_id=offset + 1,
        kind=kind,
        at_ms=at_ms,
        account=int(draw.integers(1, accounts + 1)),
        wallet=int(draw.integers(1, 8)) << 32,
        source=int(draw.integers(0, 13)) << 48,  # 0 is unknown; more than are remembered
        service=int(draw.choice(SERVICES)) if draw.random() < 0.5 else 0,
        opened_ms=at_ms - int(draw.exponential(10**8)) + (10**7 if draw.random() < 0.05 else 0),
        verified=bool(draw.random() < 0.5),
        auth=int(draw.integers(3)) if kind == LINK else ABSENT,
        result=result,
        yen=yen,
        purpose=int(draw.integers(2)) if kind == DEBIT else ABSENT,
    )
