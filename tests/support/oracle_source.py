"""The source stage as its feature table defines it, slowly: every feature recomputed from all events of a source."""

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.contract.batch import DTYPES, OWN, RECEIVING, Batch
from detector.contract.vocabulary import ABSENT, DEBIT, DEBIT_RESULTS, LINK, LINK_RESULTS, OK, OPEN, RESULTS, TRANSFER
from detector.core.stages.source_features import FEATURES

NAMES = tuple(feature.name for feature in FEATURES)
NEVER_MS = 10**15
DAY_MS = 86_400_000
START_MS = 1_598_500_000_000
JST_MS = 9 * 3_600_000


@dataclass(frozen=True)
class Event:
    """An event of a source; codes as in a batch."""

    offset: int
    event_id: int
    kind: int
    at_ms: int
    source: int = 1
    account: int = 0
    wallet: int = 1
    opened_ms: int = START_MS
    result: int = ABSENT
    yen: int = 0
    role: int = OWN

    @property
    def day(self) -> int:
        return (self.at_ms // 1000 * 1000 + JST_MS) // DAY_MS

    @property
    def key(self) -> int:
        return self.source or self.account or self.wallet


def batch_of(events: list[Event]) -> Batch:
    """The events as columns."""
    columns: dict[str, Any] = {name: [0] * len(events) for name in DTYPES}
    columns |= {
        "offset": [e.offset for e in events],
        "kind": [e.kind for e in events],
        "occurred_at_ms": [e.at_ms for e in events],
        "event_id": [e.event_id for e in events],
        "source": [e.source for e in events],
        "account": [e.account for e in events],
        "wallet": [e.wallet for e in events],
        "wallet_opened_at_ms": [e.opened_ms for e in events],
        "result": [e.result for e in events],
        "amount_yen": [e.yen for e in events],
        "role": [e.role for e in events],
    }
    return Batch(**{name: np.array(columns[name], dtype) for name, dtype in DTYPES.items()})


@dataclass
class Oracle:
    """Takes events one at a time; `(status, features by name)` of each."""

    ttl_ms: int = NEVER_MS
    watermark_ms: int = 0
    positions: dict[int, int] = field(default_factory=dict)
    lives: dict[int, list[Event]] = field(default_factory=dict)

    def take(self, event: Event) -> tuple[int, dict[str, float]]:
        self.watermark_ms = max(self.watermark_ms, event.at_ms)
        if event.offset <= self.positions.get(event.key, -1):
            return 2, {}
        self.positions[event.key] = event.offset
        life = self.lives.get(event.key, [])
        fresh = not life or self.watermark_ms - max(e.at_ms for e in life) > self.ttl_ms
        if fresh:
            life = []
        elif event.event_id in [e.event_id for e in life[-4:]]:
            return 3, {}
        self.lives[event.key] = [*life, event]
        counted = [e for e in self.lives[event.key] if e.source and e.role == OWN]
        has_features = event.source and event.role == OWN and event.kind in (LINK, DEBIT)
        return int(fresh), features(counted, event) if has_features else {}

    def matrix(self, events: list[Event]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Status and features of `events` as the stage gives them."""
        taken = [self.take(event) for event in events]
        rows = [[found.get(name, math.nan) for name in NAMES] for _, found in taken]
        X = np.array(rows, np.float64).astype(np.float32).reshape(len(events), len(NAMES))
        return np.array([status for status, _ in taken], np.int8), X


def dated(events: list[Event], days: int) -> list[tuple[int, Event]]:
    """Events with the newest period of so many days when they came: late ones count on it."""
    newest, found = 0, []
    for e in events:
        newest = max(newest, e.day // days)
        found.append((newest, e))
    return found


def distinct(hashes: set[int], bits: int) -> int:
    """Linear counting over the lowest bits of the hashes."""
    left = bits - len({h % bits for h in hashes})
    return round(bits * math.log(bits / (left or 0.5)))


def accounts_of(events: list[Event]) -> int:
    return distinct({e.account for e in events if e.account}, 128)


def attempts_of(events: list[Event]) -> list[Event]:
    return [e for e in events if e.kind == LINK]


def young_yen(events: list[Event]) -> int:
    paid = (e for e in events if e.kind == DEBIT and e.result == OK and e.at_ms - e.opened_ms < DAY_MS)
    return sum(e.yen // 10 * 10 for e in paid)


def a_day(events: list[Event]) -> tuple[float, float, float, float]:
    """Counts of one day, in the order of the usual."""
    tried = attempts_of(events)
    return accounts_of(events), len(tried), sum(e.result != OK for e in tried), young_yen(events)


def usual_of(days: list[tuple[int, Event]]) -> list[float]:
    """The mean a day before the newest, of up to thirty days, in float32 after every step."""
    usual, known = [np.float32(0)] * 4, 0
    seen = sorted({day for day, _ in days})
    for day, later in pairwise(seen):
        if later - day >= 120:
            usual, known = [np.float32(0)] * 4, 30
            continue
        for empty in range(later - day):
            known = min(known + 1, 30)
            totals = (0.0,) * 4 if empty else a_day([e for d, e in days if d == day])
            usual = [np.float32(u + (t - float(u)) / known) for u, t in zip(map(float, usual), totals, strict=True)]
    return [float(u) for u in usual]


def features(events: list[Event], event: Event) -> dict[str, float]:
    """All features of the last of a source's events."""
    days, periods = dated(events, 1), dated(events, 15)
    newest, period = days[-1][0], periods[-1][0]
    two = [e for day, e in days if day >= newest - 1]
    tried = attempts_of(two)
    failed = sum(e.result != OK for e in tried)
    accounts, wallets, yen = accounts_of(two), distinct({e.wallet for e in two}, 64), young_yen(two)
    usual = usual_of(days)
    found: dict[str, float] = {
        "source_accounts_30d": accounts_of([e for p, e in periods if p >= period - 1]),
        "source_wallets_2d": wallets,
        "source_opened_2d": sum(e.kind == OPEN for e in two),
        "source_attempts_2d": len(tried),
        "source_young_yen_2d": yen,
        "source_known_days": max(0, event.day - events[0].day),
        "source_accounts_unusual": accounts / (2 * usual[0] + 2),
        "source_attempts_unusual": len(tried) / (2 * usual[1] + 2),
    }
    if tried:
        found["source_failure_share"] = failed / len(tried)
    return found


def lives(seed: int, n: int, *, sources: int = 3, late: float = 0.1, repeated: float = 0.05) -> list[Event]:
    """Random events of some sources, one of them unknown, in order of arrival."""
    rng = np.random.default_rng(seed)
    at_ms, found = START_MS, list[Event]()
    for offset in range(n):
        at_ms += int(
            rng.choice([1_000, 3_600_000, 20 * 3_600_000, 5 * DAY_MS, 130 * DAY_MS], p=[0.5, 0.3, 0.15, 0.04, 0.01])
        )
        if found and rng.random() < repeated:
            earlier = found[int(rng.integers(max(0, len(found) - 6), len(found)))]
            found.append(Event(**{**earlier.__dict__, "offset": offset}))
            continue
        kind = int(rng.choice([LINK, DEBIT, OPEN, TRANSFER], p=[0.4, 0.4, 0.1, 0.1]))
        of_account = kind in (LINK, DEBIT)
        words = LINK_RESULTS if kind == LINK else DEBIT_RESULTS
        when_ms = at_ms - int(rng.random() < late) * int(rng.integers(0, 3 * DAY_MS))
        found.append(
            Event(
                offset,
                int(rng.integers(1, 2**62)),
                kind,
                when_ms,
                source=int(rng.integers(0, sources + 1)),
                account=int(rng.integers(1, 2**63)) if of_account and rng.random() < 0.7 else 77 * of_account,
                wallet=int(rng.integers(1, 40)),
                opened_ms=when_ms - int(rng.integers(0, 2 * DAY_MS)),
                result=RESULTS.index(words[int(rng.integers(0, len(words)))]) if of_account else ABSENT,
                yen=int(rng.integers(1, 300_001)) if kind in (DEBIT, TRANSFER) else 0,
                role=RECEIVING if kind == TRANSFER and rng.random() < 0.5 else OWN,
            )
        )
    return found
