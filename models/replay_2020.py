"""The fraud of 2019 and 2020 replayed: simulated alerts beside public reports, day by day.

The facts are the press's; cases, debits and alerts are simulated, with assumed hours and banks. The two are shown side
by side, not compared case by case.
"""

import datetime as dt
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import ABSENT
from detector.core.model import Model
from detector.jst import JST
from models.backtest.cases import Cases
from models.backtest.groups import Grouping
from models.backtest.labels import Labels
from models.backtest.played import Played
from models.backtest.scorers import alerts_at, of_model
from models.facts_2020 import FACTS, MAY, SEPTEMBER, Fact, reported_by

#: The scenarios, in order of time.
EPISODES = (MAY, SEPTEMBER)


class Taken(NamedTuple):
    """A debit of a case: `lost` of its `yen` were gone at the first alert."""

    at_ms: int
    yen: int
    lost: int


class Case(NamedTuple):
    """A simulated case: `alerted_at_ms` is the event time of its first alert, None without one."""

    case_id: str
    bank: str
    began_at_ms: int
    alerted_at_ms: int | None
    early: bool
    debits: tuple[Taken, ...]


class Day(NamedTuple):
    """Totals from the first day to the end of this one: of the simulation, and `told_` those publicly reported."""

    date: str
    cases: int
    alerted: int
    told_cases: int
    yen_taken: int
    yen_lost: int
    yen_saved: int
    told_yen: int


class Bank(NamedTuple):
    """The cases at a bank, by its code; moments in Japan."""

    bank: str
    cases: int
    alerted: int
    first_case_at: str
    first_alert_at: str | None
    yen_taken: int
    yen_lost: int
    yen_saved: int


@dataclass(frozen=True, slots=True)
class Episode:
    """A scenario, replayed: `cases` in the order they began, one at least; `budget` in false alert groups a day."""

    scenario: str
    model: str
    budget: float
    dates: tuple[dt.date, ...]
    cases: tuple[Case, ...]
    false_groups_per_day: float

    @property
    def first_alert_ms(self) -> int | None:
        """Time of the first alert on any case."""
        return _first_alert(self.cases)

    @property
    def public(self) -> Fact:
        """The fact that made the fraud public."""
        return next(fact for fact in FACTS if fact.episode == self.scenario and fact.public)

    @property
    def lead_days(self) -> int | None:
        """Least number of days from the first alert to `public`; negative if the public knew first."""
        return None if self.first_alert_ms is None else (self.public.day - _date(self.first_alert_ms)).days

    def days(self) -> list[Day]:
        """One row for each of `dates`."""
        return [self._until(date) for date in self.dates]

    def banks(self) -> list[Bank]:
        """One row for each bank that had cases, by its first one."""
        at: dict[str, list[Case]] = defaultdict(list)
        for case in self.cases:
            at[case.bank].append(case)
        return [_bank(code, tuple(cases)) for code, cases in at.items()]

    def figures(self) -> dict[str, Any]:
        """The figures as JSON values."""
        taken, lost = _yen(self.cases)
        return {
            "scenario": self.scenario,
            "model": self.model,
            "budget": self.budget,
            "false_groups_per_day": self.false_groups_per_day,
            "cases": len(self.cases),
            "alerted": _alerted(self.cases),
            "early": sum(case.early for case in self.cases),
            "yen_taken": taken,
            "yen_lost": lost,
            "yen_saved": taken - lost,
            "first_alert_at": moment(self.first_alert_ms),
            "public": self.public.when,
            "lead_days": self.lead_days,
            "days": [day._asdict() for day in self.days()],
            "banks": [bank._asdict() for bank in self.banks()],
        }

    def _until(self, date: dt.date) -> Day:
        debits = [debit for case in self.cases for debit in case.debits if _date(debit.at_ms) <= date]
        taken, lost = sum(debit.yen for debit in debits), sum(debit.lost for debit in debits)
        told_cases, told_yen = reported_by(date)
        return Day(
            date=date.isoformat(),
            cases=sum(_date(case.began_at_ms) <= date for case in self.cases),
            alerted=sum(case.alerted_at_ms is not None and _date(case.alerted_at_ms) <= date for case in self.cases),
            told_cases=told_cases,
            yen_taken=taken,
            yen_lost=lost,
            yen_saved=taken - lost,
            told_yen=told_yen,
        )


def replayed(scenario: str, dates: list[dt.date], played: Played, labels: Labels, model: Model) -> Episode:
    """The outcome of `model`'s alerts on a scenario's log, at the limit of its training days."""
    grouping = Grouping(played)
    alert = alerts_at(of_model(model, played, model.budget)[0][0], grouping, model.budget)
    return Episode(
        scenario=scenario,
        model=model.version,
        budget=model.budget,
        dates=tuple(dates),
        cases=cases_of(played, labels, alert),
        false_groups_per_day=grouping.false_groups(np.flatnonzero(alert)) / len(dates),
    )


def cases_of(played: Played, labels: Labels, alert: npt.NDArray[np.bool_]) -> tuple[Case, ...]:
    """The cases of a log, in the order they began, with the outcome of alerts on the rows where `alert` (n,)."""
    cases = Cases(played, labels)
    outcomes = cases.outcomes(alert)
    numbers = np.unique(played.case[played.case >= 0])  # in the order of `Cases`
    found = []
    for index, number in enumerate(numbers.tolist()):
        own = played.select(played.case == number)
        began_ms = int(own.occurred_at_ms.min())
        at_bank = own.bank[own.bank != ABSENT]
        alerted = bool(outcomes.alerted[index])
        found.append(
            Case(
                case_id=cases.case_ids[index],
                bank=f"{at_bank[0]:04}" if len(at_bank) else "",
                began_at_ms=began_ms,
                alerted_at_ms=began_ms + round(1000 * outcomes.seconds[index]) if alerted else None,
                early=bool(outcomes.early[index]),
                debits=_debits(own, int(outcomes.yen_lost[index])),
            )
        )
    return tuple(sorted(found, key=lambda case: (case.began_at_ms, case.case_id)))


def figures(episodes: tuple[Episode, ...], seed: int, accounts: int) -> dict[str, Any]:
    """A whole replay as JSON values, facts included."""
    facts = [{**asdict(fact), "day": fact.day.isoformat()} for fact in FACTS]
    return {"seed": seed, "accounts": accounts, "facts": facts, "episodes": [one.figures() for one in episodes]}


def moment(at_ms: int | None) -> str | None:
    """A moment in Japan as ISO 8601, to the second."""
    return None if at_ms is None else dt.datetime.fromtimestamp(at_ms // 1000, JST).isoformat()


def _debits(own: Played, lost: int) -> tuple[Taken, ...]:
    """The debits of one case in the order they happened; the first ones are those that were `lost`, in all."""
    rows = np.flatnonzero(own.taken > 0)
    rows = rows[np.argsort(own.occurred_at_ms[rows], kind="stable")]
    found = []
    for at_ms, yen in zip(own.occurred_at_ms[rows].tolist(), own.taken[rows].tolist(), strict=True):
        found.append(Taken(at_ms, yen, min(yen, lost)))
        lost -= found[-1].lost
    return tuple(found)


def _bank(code: str, cases: tuple[Case, ...]) -> Bank:
    taken, lost = _yen(cases)
    return Bank(
        bank=code,
        cases=len(cases),
        alerted=_alerted(cases),
        first_case_at=moment(cases[0].began_at_ms) or "",
        first_alert_at=moment(_first_alert(cases)),
        yen_taken=taken,
        yen_lost=lost,
        yen_saved=taken - lost,
    )


def _yen(cases: tuple[Case, ...]) -> tuple[int, int]:
    debits = [debit for case in cases for debit in case.debits]
    return sum(debit.yen for debit in debits), sum(debit.lost for debit in debits)


def _alerted(cases: tuple[Case, ...]) -> int:
    return sum(case.alerted_at_ms is not None for case in cases)


def _first_alert(cases: tuple[Case, ...]) -> int | None:
    return min((case.alerted_at_ms for case in cases if case.alerted_at_ms is not None), default=None)


def _date(at_ms: int) -> dt.date:
    return dt.datetime.fromtimestamp(at_ms // 1000, JST).date()
