"""Evaluates the alerts against labels: cases, yen, false alert groups. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from detector.contract.alerts import Alert
from models.backtest.cases import EARLY_YEN
from producers import jst


class Taken(NamedTuple):
    """A debit of a case: when, how many yen, and whether they were gone at the case's first alert."""

    occurred_at_ms: int
    yen: int
    gone: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled case. `alerted_at_ms` is the event time of the first event that alerted, None where none did."""

    case_id: str
    bank: str
    began_at_ms: int
    alerted_at_ms: int | None
    taken: tuple[Taken, ...]

    @property
    def alerted(self) -> bool:
        """Whether any event of the case raised an alert."""
        return self.alerted_at_ms is not None

    @property
    def yen(self) -> int:
        """Yen debited in the whole case."""
        return sum(debit.yen for debit in self.taken)

    @property
    def yen_lost(self) -> int:
        """Yen gone at the first alert, the alerting debit included; all of them without an alert."""
        return sum(debit.yen for debit in self.taken if debit.gone)

    @property
    def early(self) -> bool:
        """Whether at most `EARLY_YEN` were gone at the first alert."""
        return self.alerted and self.yen_lost <= EARLY_YEN


class Group(NamedTuple):
    """A false alert group: alerts of one account within 24 h, none of them on an event of a case."""

    bank: str
    began_at_ms: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Result of a replay of `days` days; `alerts` counts updates too."""

    days: int
    events: int
    cases: tuple[Case, ...]
    false_groups: tuple[Group, ...]
    alerts: int
    updates: int

    @property
    def false_groups_a_day(self) -> float:
        """Over all banks."""
        return len(self.false_groups) / self.days

    def false_groups_by_bank(self) -> dict[str, float]:
        """A day, of each bank that has some, most first."""
        counts = Counter(group.bank for group in self.false_groups)
        return {bank: n / self.days for bank, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))}

    def figures(self) -> dict[str, Any]:
        """The summary as JSON values."""
        return {
            "days": self.days,
            "events": self.events,
            "cases": len(self.cases),
            "cases_alerted": sum(case.alerted for case in self.cases),
            "cases_alerted_early": sum(case.early for case in self.cases),
            "yen_debited": sum(case.yen for case in self.cases),
            "yen_lost_until_first_alert": sum(case.yen_lost for case in self.cases),
            "alerts": self.alerts,
            "alert_updates": self.updates,
            "false_groups": len(self.false_groups),
            "false_groups_per_day": self.false_groups_a_day,
            "false_groups_per_bank_and_day": self.false_groups_by_bank(),
        }


def evaluate(labels: pd.DataFrame, events: pd.DataFrame, alerts: Iterable[Alert], days: int) -> Evaluation:
    """Compare `alerts` with `labels` over the `days` days of `events`, which are in order of arrival.

    A case is one `case_id` of the labels; its first alert is the first, in order of arrival, on one of its events. Gone
    by then is what had arrived, and what had happened before and arrived later. A group is one alert case: alerts of
    one account within 24 h. Alerts on other events than these, and those raised twice, are ignored.
    """
    first_seen = events.drop_duplicates("event_id").reset_index(drop=True)
    case_of = dict(zip(labels["event_id"], labels["case_id"], strict=True))
    row_of = pd.Series(first_seen.index, index=first_seen["event_id"])
    ours = [alert for alert in {a.alert_id: a for a in alerts}.values() if alert.event_id in row_of.index]
    rows = first_seen[first_seen["event_id"].isin(case_of)]
    rows = rows.assign(case_id=rows["event_id"].map(case_of))
    alerting = sorted({int(row_of[alert.event_id]) for alert in ours if alert.event_id in case_of})
    cases = [_case(str(case_id), found, alerting) for case_id, found in rows.groupby("case_id", sort=True)]
    return Evaluation(
        days=days,
        events=len(first_seen),
        cases=tuple(sorted(cases, key=lambda case: (case.began_at_ms, case.case_id))),
        false_groups=tuple(_false_groups(ours, case_of)),
        alerts=len(ours),
        updates=sum(alert.update > 0 for alert in ours),
    )


def _case(case_id: str, rows: pd.DataFrame, alerting: Sequence[int]) -> Case:
    first = next((row for row in alerting if row in rows.index), None)
    alerted_at_ms = None if first is None else int(rows.at[first, "occurred_at_ms"])  # type: ignore[arg-type]
    debits = rows[(rows["kind"] == "debit") & (rows["result"] == "ok")].sort_values("occurred_at_ms", kind="stable")
    taken = [
        Taken(int(at_ms), int(yen), alerted_at_ms is None or row <= first or at_ms <= alerted_at_ms)
        for row, at_ms, yen in zip(debits.index, debits["occurred_at_ms"], debits["amount_yen"], strict=True)
    ]
    bank = str(rows["bank"].iloc[0])
    return Case(case_id, bank, int(rows["occurred_at_ms"].min()), alerted_at_ms, tuple(taken))


def _false_groups(alerts: Iterable[Alert], case_of: Mapping[str, str]) -> list[Group]:
    groups: dict[str, list[Alert]] = {}
    for alert in alerts:
        groups.setdefault(alert.case_id, []).append(alert)
    return [
        Group(group[0].bank, min(alert.occurred_at_ms for alert in group))
        for group in groups.values()
        if not any(alert.event_id in case_of for alert in group)
    ]


def day_of(at_ms: int, first_day_ms: int) -> int:
    """The number of the day of an event time, counted from 0 at `first_day_ms`, midnight in Japan."""
    return (at_ms - first_day_ms) // jst.DAY_MS
