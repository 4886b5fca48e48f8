"""A whole back-test: every scorer on one labelled log and one budget of false alert groups a day."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import ABSENT
from detector.core.budgets import BankBudgets
from detector.core.model import Model
from detector.core.stage import Columns
from detector.errors import UserError
from models.backtest.baselines import BASELINES, baselines
from models.backtest.cases import Cases
from models.backtest.figures import Figures, figures_of, intervals
from models.backtest.groups import Grouping, Groups
from models.backtest.labels import HONEST, Labels
from models.backtest.played import Played
from models.backtest.scorers import (
    BEST_SINGLE,
    NAMES,
    Scorer,
    alerts_at,
    of_model,
    single_features,
)
from models.curve import CURVE
from models.datasets import Dataset
from models.kinds_of_day import GroupsOn, groups_by_kind_of_day


@dataclass(frozen=True, slots=True)
class Scored:
    """Result of a scorer. `alert` bool (n,) by row of the log; `curve`: its figures at every budget of `CURVE`, the
    limit of every scorer set in hindsight.
    """

    figures: Figures
    meaning: str
    intervals: dict[str, tuple[float, float]]
    alert: npt.NDArray[np.bool_]
    curve: tuple[Figures, ...]


class BankRow(NamedTuple):
    """A bank's budget and actual false alert groups a day, and the share of the budget used, None without one.

    `own`: the bank's own budget, not its share of that of all banks.
    """

    bank: str
    budget: float
    own: bool
    false_groups_per_day: float
    used: float | None


@dataclass(frozen=True, slots=True)
class Backtest:
    """`days` have events; `hindsight` is the model with its limit set in hindsight like the others'; `budgets` are the
    banks'; `notes` are for people.
    """

    budget: float
    days: npt.NDArray[np.int64]
    scorers: tuple[Scored, ...]
    hindsight: Figures
    groups: Groups
    played: Played
    cases: Cases
    notes: tuple[str, ...]
    budgets: BankBudgets

    def figures(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return {
            "budget": self.budget,
            "days": len(self.days),
            "false_groups_by_kind_of_day": {name: on._asdict() for name, on in self.kinds_of_day().items()},
            "scorers": [asdict(scored.figures) for scored in self.scorers],
        }

    def banks(self) -> list[BankRow]:
        """Each bank with a budget or a false group, by share of the budget used, greatest first."""
        actual = self.false_groups_by_bank()
        rows = []
        for bank in {**self.budgets.shares, **actual}:
            budget, groups = self.budgets.of_bank(bank, self.budget), actual.get(bank, 0.0)
            used = groups / budget if budget else None
            rows.append(BankRow(bank, budget, bank in self.budgets.own, groups, used))
        return sorted(rows, key=lambda row: (-np.inf if row.used is None else -row.used, row.bank))

    def kinds_of_day(self) -> dict[str, GroupsOn]:
        """The model's false alert groups a day on each kind of day that occurs."""
        return groups_by_kind_of_day(self.played.day[self.groups.first[~self.groups.true]], self.days)

    def false_groups_by_bank(self) -> dict[str, float]:
        """A day, of each bank that has some, most first; "wallets" for groups of wallets."""
        banks = self.played.bank[self.groups.first[~self.groups.true]].tolist()
        counts = Counter("wallets" if bank == ABSENT else f"{bank:04}" for bank in banks)
        return {bank: n / len(self.days) for bank, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))}


def backtest(
    played: Played,
    labels: Labels,
    model: Model,
    columns: Columns,
    *,
    budget: float,
    train: Dataset | None = None,
    seed: int = 1,
) -> Backtest:
    """Compare all scorers that can be had on `played`; `budget` is in false alert groups a day over all banks.

    `train`: normal days for the baselines that learn, which are left out without it. `seed` is of the forest among them
    and of the intervals. Raises UserError for an invalid budget, and if no label matches an event of the log.
    """
    if not 0 < budget < np.inf:
        raise UserError(f"a budget of {budget} false alert groups a day: give a positive, finite --budget")
    cases, grouping, days = Cases(played, labels), Grouping(played), played.days
    if not cases.count:
        raise UserError(
            f"none of the {len(labels.event_id):,} labelled events is an event of a case in the log that the model's"
            " stages read: give the labels of these events"
        )
    most = budget * len(days)
    bench = _Bench(played, cases, grouping, len(days), seed)
    scorers, notes = of_model(model, played, budget)
    if train is None:
        notes += [f"{baseline.name} is left out: give normal days to learn from with --train" for baseline in BASELINES]
    else:
        scorers += baselines(train, played, columns, seed)
    scorers.append(_best_single(bench, model, columns, most))
    scorers.sort(key=lambda scorer: NAMES.index(scorer.name))
    own = scorers[0]
    missing = len(labels.event_id) - int((played.case != HONEST).sum())
    if missing:
        notes.append(f"{missing:,} labelled events are not in the log, or of kinds that the model's stages do not read")
    scored = tuple(bench.scored(scorer, most) for scorer in scorers)
    return Backtest(
        budget=budget,
        days=days,
        scorers=scored,
        hindsight=bench.figures(own.name, alerts_at(own._replace(limit=None), grouping, most)),
        groups=grouping.groups(np.flatnonzero(scored[0].alert)),
        played=played,
        cases=cases,
        notes=tuple(notes),
        budgets=model.banks,
    )


@dataclass(frozen=True, slots=True)
class _Bench:
    """What all scorers are measured on."""

    played: Played
    cases: Cases
    grouping: Grouping
    days: int
    seed: int

    def figures(self, name: str, alert: npt.NDArray[np.bool_]) -> Figures:
        groups = self.grouping.groups(np.flatnonzero(alert))
        return figures_of(name, self.cases.outcomes(alert), self.cases, groups, self.days)

    def scored(self, scorer: Scorer, most: float) -> Scored:
        alert = alerts_at(scorer, self.grouping, most)
        loose = scorer._replace(limit=None)
        curve = [self.figures(scorer.name, alerts_at(loose, self.grouping, b * self.days)) for b in CURVE]
        return Scored(
            figures=self.figures(scorer.name, alert),
            meaning=scorer.meaning,
            intervals=intervals(self.cases.outcomes(alert), self.cases, self.seed),
            alert=alert,
            curve=tuple(curve),
        )


def _best_single(bench: _Bench, model: Model, columns: Columns, most: float) -> Scorer:
    """The single feature that finds most cases early at this budget, chosen in hindsight."""
    signs = np.array([feature.risk for feature in columns.features], np.float32)

    def quality(scorer: Scorer) -> tuple[float, float]:
        figures = bench.figures(scorer.name, alerts_at(scorer, bench.grouping, most))
        return figures.early, figures.alerted

    best = max(single_features(model, bench.played, signs), key=quality)
    return best._replace(name=BEST_SINGLE, meaning=f"in hindsight: {best.name}")
