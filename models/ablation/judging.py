"""One model on one labelled log: a row of figures for the page's tables."""

from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from detector.core.detectors import Detector
from detector.core.model import Model
from models.backtest.cases import Cases
from models.backtest.figures import Figures, figures_of
from models.backtest.groups import Grouping
from models.backtest.labels import Labels
from models.backtest.played import Played
from models.backtest.scorers import alerts_at, of_model
from models.outcomes import calibrate
from models.span import Span

DIGITS = 4  # of a share or rate in the figures: far finer than the effect of chance


class Budgets(NamedTuple):
    """False alert groups a day: the usual budget, and a smaller one."""

    usual: float
    strict: float


class Log(NamedTuple):
    """A labelled log as a model saw it, with its cases and groups, which do not depend on the model."""

    played: Played
    cases: Cases
    grouping: Grouping

    @classmethod
    def of(cls, played: Played, labels: Labels) -> Self:
        """The log of what was played."""
        return cls(played, Cases(played, labels), Grouping(played))

    def scored_by(self, model: Model, X: npt.NDArray[np.float32] | None = None) -> "Log":
        """The same log with this model's scores, of these features if given."""
        X = self.played.X if X is None else X
        scores = np.stack([detector.score_many(X, self.played.kind) for detector in model.detectors], axis=1)
        return self._replace(played=self.played._replace(scores=scores, X=X))


@dataclass(frozen=True, slots=True)
class Row:
    """Outcome of a model's alerts; shares are means over typologies, see `Figures`.

    The `_strict` ones are at the smaller budget, where differences show, with the limit set in hindsight to exactly
    that many false groups: they measure detection without the error of the limit.
    """

    name: str
    text: str
    alerted: float
    early: float
    before_debit: float
    yen_lost: float
    false_groups_per_day: float
    early_strict: float
    yen_lost_strict: float
    typologies: dict[str, dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON values."""
        return {name: rounded(value) for name, value in asdict(self).items()}


def judged(name: str, text: str, model: Model, log: Log, budgets: Budgets) -> Row:
    """The row of `model` on a log that has its scores."""
    days = len(log.played.days)
    own = of_model(model, log.played, budgets.usual)[0][0]

    def figures(alert: npt.NDArray[np.bool_]) -> Figures:
        groups = log.grouping.groups(np.flatnonzero(alert))
        return figures_of(name, log.cases.outcomes(alert), log.cases, groups, days)

    found = figures(alerts_at(own, log.grouping, budgets.usual * days))
    strict = figures(alerts_at(own._replace(limit=None), log.grouping, budgets.strict * days))
    return Row(
        name=name,
        text=text,
        alerted=found.alerted,
        early=found.early,
        before_debit=found.before_debit,
        yen_lost=found.yen_lost or 0.0,
        false_groups_per_day=found.false_groups_per_day,
        early_strict=strict.early,
        yen_lost_strict=strict.yen_lost or 0.0,
        typologies={typology: asdict(row) for typology, row in found.typologies.items()},
    )


def with_detectors(model: Model, detectors: tuple[Detector, ...], span: Span) -> Model:
    """The model with these detectors, its limits set on the held-out days of `span`."""
    return replace(model, detectors=detectors, calibrations=calibrate(detectors, span))


def rounded(value: Any) -> Any:
    """The value with all its numbers rounded to `DIGITS`."""
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    return round(value, DIGITS) if isinstance(value, float) else value
