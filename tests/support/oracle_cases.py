"""The cases stage as `detector.core.triage` and its docstrings define it, slowly: a case is the list of its alerts.

Also random alerts of accounts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from support.alone import no_facts
from support.models import make_batch

from detector.contract.batch import Batch
from detector.contract.vocabulary import DEBIT, LINK, OK, WRONG_CREDENTIALS
from detector.core.stage import ALARM_MILLIONTHS, DETECTOR, YEN_DEBITED, YEN_LEFT, YEN_PACE
from detector.core.triage import SEVERITIES

CASE_MS = 86_400_000
START_MS = 1_598_886_300_000
SERVICES = (*range(8), 256, 60_000, 65_534)  # known ones and some that are not
LEVELS = ("low", "medium", "high", "critical")


def severity_of(yen_at_risk: int, alarm: float) -> str:
    """The severity of the first row of the table that applies."""
    return next(row.severity for row in SEVERITIES if yen_at_risk >= row.yen_at_risk and alarm <= row.alarm)


@dataclass(frozen=True)
class Alerting:
    """Input of the cases stage for one event; `debited`, `left` and `pace` as from the account stage."""

    at_ms: int = START_MS
    account: int = 1
    kind: int = DEBIT
    result: int = OK
    service: int = 0
    yen: int = 0
    debited: int = 0
    left: int = 300_000
    pace: int = 0
    alarm: float = 5.0
    detector: int = 0

    @property
    def taken(self) -> int:
        return self.yen if self.kind == DEBIT and self.result == OK else 0


@dataclass(frozen=True)
class Update:
    """Result of one event: the update's number, None if none is raised, and the case's current values."""

    number: int | None
    first: int = -1
    events: int = 1
    debited: int = 0
    left: int = 0
    severity: str = ""
    urgency: int = 0
    news: frozenset[str] = frozenset()


@dataclass
class Case:
    """A case: its alerts, each with its event's index, and which of them were raised."""

    alerts: list[tuple[int, Alerting]] = field(default_factory=list)
    raised: list[int] = field(default_factory=list)  # indices of alerts


@dataclass
class Oracle:
    """Takes events one at a time."""

    cases: dict[int, Case] = field(default_factory=dict)
    events: int = 0

    def take(self, event: Alerting) -> Update:
        self.events += 1
        case = self.cases.setdefault(event.account, Case())
        if case.alerts and event.at_ms - case.alerts[0][1].at_ms >= CASE_MS:
            case = self.cases[event.account] = Case()
        before = [alert for _, alert in case.alerts]
        case.alerts.append((self.events - 1, event))
        now = [alert for _, alert in case.alerts]
        news = self.news(case, before, now)
        held = len(now) - 1 - (case.raised[-1] if case.raised else -1)
        number = len(case.raised) if news else None
        if news:
            case.raised.append(len(now) - 1)
        return Update(
            number,
            case.alerts[0][0],
            held,
            debited(now),
            left(now),
            LEVELS[worst(now)],
            max(urgency(now[: i + 1]) for i in range(len(now))),
            frozenset(news),
        )

    def news(self, case: Case, before: list[Alerting], now: list[Alerting]) -> set[str]:
        event = now[-1]
        if not before:
            return {"opened"}
        at_last_update = debited(now[: case.raised[-1] + 1])
        failed = [alert.kind == LINK and alert.result != OK for alert in now]
        freed = [any(failed[:i]) and alert.kind == LINK and alert.result == OK for i, alert in enumerate(now)]
        found = {
            "severity": worst(now) > worst(before),
            "yen": debited(now) >= at_last_update + 30_000 or (at_last_update == 0 and debited(now) > 0),
            "emptied": left(now) == 0 and debited(now) > 0 and left(before) > 0,
            "urgent": urgency(now) == 1000 and all(urgency(now[:i]) < 1000 for i in range(1, len(now))),
            "detector": event.detector not in {alert.detector for alert in before},
            "service": event.service not in by_service(before),
            "linked": freed[-1] and not any(freed[:-1]),
        }
        return {name for name, told_now in found.items() if told_now}


def debited(alerts: list[Alerting]) -> int:
    total = 0
    for alert in alerts:
        total = max(total + alert.taken, alert.debited)
    return total


def left(alerts: list[Alerting]) -> int:
    return sum(by_service(alerts).values())


def by_service(alerts: list[Alerting]) -> dict[int, int]:
    """What is left of each service's cap, of eight; a ninth evicts the one with the least left."""
    slots: list[list[int]] = []
    for alert in alerts:
        known = next((slot for slot in slots if slot[0] == alert.service), None)
        if known is None:
            known = [alert.service, 0]
            if len(slots) < 8:
                slots.append(known)
            else:
                slots[slots.index(min(slots, key=lambda slot: slot[1]))] = known
        known[1] = alert.left
    return {slot[0]: slot[1] for slot in slots}


def worst(alerts: list[Alerting]) -> int:
    """Index of the highest severity, each with what was left then."""
    found = [LEVELS.index(severity_of(left(alerts[: i + 1]), alert.alarm)) for i, alert in enumerate(alerts)]
    return max(found, default=-1)


def urgency(alerts: list[Alerting]) -> int:
    """Thousandths at the last of them."""
    yen, pace = left(alerts), alerts[-1].pace
    if yen == 0:
        return 0
    if all(alert.kind == LINK and alert.result != OK for alert in alerts):
        return 5
    if pace == 0:
        return 750
    return max(750, int(1000 * 3600 / max(3600, -(-yen * 60 // pace))))


def batch_of(events: Sequence[Alerting], first: int = 0) -> tuple[Batch, npt.NDArray[np.int64]]:
    """The events as they come out of a hop, and their facts; the offset of each source record is its index."""
    n = len(events)
    index = np.arange(first, first + n)
    batch = make_batch(
        n,
        offset=index,
        origin_offset=index,
        event_id=index + 1,
        occurred_at_ms=[event.at_ms for event in events],
        account=[event.account for event in events],
        kind=[event.kind for event in events],
        result=[event.result for event in events],
        service=[event.service for event in events],
        amount_yen=[event.yen for event in events],
    )
    facts = no_facts(n)
    columns = {
        YEN_DEBITED: [event.debited for event in events],
        YEN_LEFT: [event.left for event in events],
        YEN_PACE: [event.pace for event in events],
        ALARM_MILLIONTHS: [round(event.alarm * 1_000_000) for event in events],
        DETECTOR: [event.detector for event in events],
    }
    for fact, values in columns.items():
        facts[:, fact] = values
    return batch, facts


def lives(seed: int, n: int, accounts: int = 3) -> list[Alerting]:
    """Random events: debits and links, failed ones too, some late."""
    draw = np.random.default_rng(seed)
    now_ms, found = START_MS, list[Alerting]()
    for _ in range(n):
        now_ms += int(draw.exponential(CASE_MS if draw.random() < 0.03 else 300_000))
        kind = LINK if draw.random() < 0.4 else DEBIT
        event = Alerting(
            at_ms=now_ms - int(draw.exponential(CASE_MS)) if draw.random() < 0.05 else now_ms,
            account=int(draw.integers(1, accounts + 1)),
            kind=kind,
            result=OK if draw.random() < 0.5 else WRONG_CREDENTIALS,
            service=int(draw.choice(SERVICES)) if draw.random() < 0.1 else 0,
            yen=int(draw.integers(1, 90_000)) if kind == DEBIT else 0,
            debited=int(draw.integers(0, 200_000)) if draw.random() < 0.3 else 0,
            left=int(draw.choice([0, 20_000, 200_000, 300_000])),
            pace=int(draw.choice([0, 100, 5_000, 90_000])),
            alarm=float(draw.choice([0.25, 1.0, 5.0])),
            detector=int(draw.integers(7)) if draw.random() < 0.2 else 0,
        )
        found.append(event)
    return found
