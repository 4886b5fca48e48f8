"""From a data set to a model: fit on the earlier days, calibrate on the later ones."""

import datetime as dt
import platform
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import IsolationForest

from detector.artifact import Draft
from detector.contract.vocabulary import KINDS
from detector.core.calibration import Calibration, fit_calibration
from detector.core.detectors import DETECTORS, Detector, DetectorSpec, ForestDetector
from detector.core.forest import Forest
from detector.core.stage import Columns, Feature
from detector.core.surprise import fit_surprise
from detector.errors import UserError
from models.datasets import SCORED_KINDS, Dataset
from models.flatten import flatten, fold

MIN_DAYS = 3  # two to learn from, one to calibrate on
HELD_OUT = 1 / 3  # of the days, the last ones: rates are counted on days the forest has not seen
LIBRARIES = ("numpy", "numba", "scikit-learn")


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train: `budget` in false alert groups a day over all banks; `max_samples` events a tree."""

    budget: float = 20.0
    seed: int = 1
    max_samples: int = 256
    trees: int = 100
    #: Events a kind that scikit-learn chooses each tree's sample from; surprises and medians are of all events.
    max_events: int = 500_000
    #: Kinds of event that the model scores; own data may have links alone, or debits alone.
    kinds: tuple[str, ...] = tuple(KINDS[code] for code in SCORED_KINDS)


def train(data: Dataset, columns: Columns, plan: Plan, data_sha256: str) -> Draft:
    """The model of normal life in `data`; `data_sha256` names the file it came from.

    Raises UserError for fewer than three days, a kind of event that is missing from the earlier or later days, or a
    budget so small that the held-out days cannot measure it.
    """
    days = np.unique(data.day)
    if len(days) < MIN_DAYS:
        raise UserError(f"{len(days)} days with links or debits: give a history of at least {MIN_DAYS} days (JST)")
    split = days[-max(1, int(len(days) * HELD_OUT))]
    fitting, held_out = data.select(data.day < split), data.select(data.day >= split)
    _check_kinds(fitting, held_out, plan)
    held_out_days = int((days >= split).sum())
    _check_budget(plan.budget, held_out_days, len(days))
    detectors = tuple(_fit(spec, fitting, columns, plan) for spec in DETECTORS)
    calibrations, summaries = [], {}
    for detector in detectors:
        scores = detector.score_many(held_out.X, held_out.kind)
        calibration = fit_calibration(scores, held_out.kind, held_out.account, held_out.day, held_out_days)
        calibrations.append(calibration)
        limit = plan.budget * detector.spec.share
        summaries[detector.name] = _summary(calibration, scores, held_out, limit, held_out_days)
    return Draft(
        label=_date(days[-1]),
        columns=columns,
        detectors=detectors,
        calibrations=tuple(calibrations),
        usual=_medians(fitting, len(columns.features)),
        budget=plan.budget,
        seed=plan.seed,
        libraries={"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        training={
            "data_sha256": data_sha256,
            "events": len(data.kind),
            "days": len(days),
            "first_day": _date(days[0]),
            "held_out_from": _date(split),
            "last_day": _date(days[-1]),
            "held_out_days": held_out_days,
            "fitted_events": _per_kind(fitting),
            "held_out_events": _per_kind(held_out),
            "trees": plan.trees,
            "max_samples": plan.max_samples,
            "max_events": plan.max_events,
        },
        calibration=summaries,
    )


def _fit(spec: DetectorSpec, data: Dataset, columns: Columns, plan: Plan) -> Detector:
    kinds = tuple(kind for kind in spec.kinds if kind in plan.kinds)
    forests = {KINDS.index(kind): _fit_forest(kind, data, columns.features, plan) for kind in kinds}
    return ForestDetector(replace(spec, kinds=kinds), forests)


def _fit_forest(kind: str, data: Dataset, features: tuple[Feature, ...], plan: Plan) -> Forest:
    code = KINDS.index(kind)
    places = np.array([j for j, feature in enumerate(features) if kind in feature.kinds], np.int64)
    sign = np.array([features[j].risk for j in places], np.float32)
    X = data.X[data.kind == code][:, places]
    surprise = fit_surprise(X, sign)
    random = np.random.default_rng([plan.seed, code])
    if len(X) > plan.max_events:
        X = X[np.sort(random.choice(len(X), plan.max_events, replace=False))]
    forest = IsolationForest(
        n_estimators=plan.trees,
        max_samples=min(plan.max_samples, len(X)),
        random_state=int(random.integers(2**31)),
    )
    return fold(flatten(forest.fit(surprise.surprise_many(X))), surprise, places)


def _summary(
    calibration: Calibration, scores: npt.NDArray[np.float64], data: Dataset, limit: float, days: int
) -> dict[str, Any]:
    """What the detector's part of the budget comes to on the held-out days."""
    alert = calibration.judge(scores, data.kind)[1] <= limit
    groups = np.unique(np.stack([data.account[alert], data.day[alert].astype(np.uint64)]), axis=1).shape[1]
    thresholds = {KINDS[code]: float(scores[alert & (data.kind == code)].min(initial=np.inf)) for code in SCORED_KINDS}
    return {
        "limit_per_day": limit,
        "held_out_groups_per_day": groups / days,
        "thresholds": {kind: score for kind, score in thresholds.items() if np.isfinite(score)},
    }


def _medians(data: Dataset, n_features: int) -> npt.NDArray[np.float32]:
    """Upper median of every kind and feature over events that have it, (len(KINDS), n_features)."""
    medians = np.full((len(KINDS), n_features), np.nan, np.float32)
    for code in SCORED_KINDS:
        medians[code] = fit_surprise(data.X[data.kind == code], np.ones(n_features, np.float32), knots=2).usual
    return medians


def _check_kinds(fitting: Dataset, held_out: Dataset, plan: Plan) -> None:
    for code in (KINDS.index(kind) for kind in plan.kinds):
        for part, data, least in (("first", fitting, 2), ("last", held_out, 1)):
            if (found := int((data.kind == code).sum())) < least:
                raise UserError(
                    f"{found} {KINDS[code]} events in the {part} days of the history, at least {least} are needed:"
                    " give a longer history, or one with links and debits"
                )


def _check_budget(budget: float, held_out_days: int, days: int) -> None:
    finest = max(1 / (held_out_days * spec.share) for spec in DETECTORS)
    if not np.isfinite(budget):
        raise UserError(f"a budget of {budget} false alert groups a day: give a finite --budget")
    if budget < finest:
        raise UserError(
            f"a budget of {budget:g} a day cannot be measured on {days} days, the last {held_out_days} held out:"
            f" raise --budget to at least {finest:.3g} or give a longer history"
        )


def _per_kind(data: Dataset) -> dict[str, int]:
    return {KINDS[code]: int((data.kind == code).sum()) for code in SCORED_KINDS}


def _date(day: np.int64) -> str:
    return (dt.date(1970, 1, 1) + dt.timedelta(days=int(day))).isoformat()
