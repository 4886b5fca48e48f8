"""`kozamori bench explain`: what an alert's reasons cost, for each form of detector, and its counterfactual.

On random features of the longest chain, with models of each form at the sizes of `kozamori train` trained on them. The
trees are as large as those of real days, and so is their cost.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from statistics import median

import click
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest

from detector.bench.machine import machine
from detector.contract.vocabulary import DEBIT, KINDS
from detector.core.boosting import BOOSTING_FIELDS
from detector.core.calibration import fit_calibration
from detector.core.chains import CHAINS
from detector.core.counterfactual import AMOUNTS, MOST_STEPS, counterfactual
from detector.core.detector_table import DETECTORS
from detector.core.detectors import BoostingDetector, Detector, ForestDetector, JointTailDetector
from detector.core.model import Model
from detector.core.own_amount import Debit
from detector.core.reasons import MOST, reasons_of
from models.boosting import LEAVES, RATE
from models.datasets import NORMAL, Dataset
from models.flatten import flatten, flatten_boosting
from models.joint_tails import fit_joint_tail
from models.training import Plan

CHAIN = CHAINS[-1]
EVENTS, DAYS = 5_000, 10
BINS = 32  # of a feature in boosting: enough for full trees
REPEATS = 10  # of each boosted tree: a tenth of the training
ATTACK_SHARE = 0.02
BANK = 9900
DETECTOR_OF = ("attack_trained", "first_big_charge", "forest")  # one of each form
ONCE = ("columns", "baseline")  # fields of boosted trees that are not of each tree
MOST_JUDGED = AMOUNTS + MOST * MOST_STEPS

Lap = Callable[[npt.NDArray[np.float32]], object]


@dataclass(frozen=True, slots=True)
class Cost:
    """Median µs of CPU an alert, by one detector: Shapley values alone, and with their texts."""

    detector: str
    form: str
    contributions_us: float
    reasons_us: float


@dataclass(frozen=True, slots=True)
class Report:
    """What each detector's reasons cost, and the counterfactual, which all detectors judge; µs of CPU an alert."""

    reasons: list[Cost]
    counterfactual_us: float


def measure(rounds: int, seed: int, alerts: int) -> Report:
    """What the `alerts` worst debits of made-up days cost, each lap in turn in every round."""
    data = _days(seed)
    model = _model(data, seed)
    worst = data.X[np.argsort(model.judge(data.X, data.kind).alarm, kind="stable")[:alerts]]
    laps: list[Lap] = [partial(_otherwise, model)]
    for detector in model.detectors:
        laps += [partial(_contributions, detector), partial(_reasons, model, detector)]
    for lap in laps:
        lap(worst[0])  # numba compiles, trees are arranged
    costs = [[_us_each(lap, worst) for lap in laps] for _ in range(rounds)]
    counterfactual_us, *others = [median(column) for column in zip(*costs, strict=True)]
    return Report(
        [
            Cost(detector.name, detector.spec.form, *others[2 * index : 2 * index + 2])
            for index, detector in enumerate(model.detectors)
        ],
        counterfactual_us,
    )


def _contributions(detector: Detector, x: npt.NDArray[np.float32]) -> object:
    return detector.contributions(x, DEBIT)


def _reasons(model: Model, detector: Detector, x: npt.NDArray[np.float32]) -> object:
    return reasons_of(CHAIN, x, model.usual[DEBIT], detector.contributions(x, DEBIT), rarity=detector.rarity(x))


def _otherwise(model: Model, x: npt.NDArray[np.float32]) -> object:
    """The reasons are the first features, and the first detector is asked first, so that the search alone is timed."""
    amount = max(1, int(x[CHAIN.feature_names.index("amount_yen")]))
    return counterfactual(
        CHAIN,
        x,
        model.usual[DEBIT],
        list(CHAIN.feature_names[:MOST]),
        Debit(amount, done=True, young=True),
        lambda X: model.alerts(X, np.full(len(X), DEBIT, np.int8), None, model.detectors[0]),
    )


def _us_each(call: Lap, X: npt.NDArray[np.float32]) -> float:
    start = time.thread_time()
    for x in X:
        call(x)
    return (time.thread_time() - start) / len(X) * 1e6


def _days(seed: int) -> Dataset:
    """Debits whose features are yes or no, counts or heavy-tailed, as their units are."""
    random = np.random.default_rng(seed)
    columns = [
        random.random(EVENTS) < 0.2 if feature.unit == "bool" else np.exp(random.normal(3, 2, EVENTS))
        for feature in CHAIN.features
    ]
    account = random.integers(1, 2**63, 5_000, dtype=np.uint64)[random.integers(0, 5_000, EVENTS)]
    day = np.repeat(np.arange(DAYS), EVENTS // DAYS)
    return Dataset(
        np.stack(columns, axis=1).astype(np.float32),
        np.full(EVENTS, DEBIT, np.int8),
        account,
        day,
        np.full(EVENTS, BANK, np.int16),
        np.full(EVENTS, NORMAL, np.int8),
    )


def _model(data: Dataset, seed: int) -> Model:
    detectors = tuple(_fitted(name, data, seed) for name in DETECTOR_OF)
    calibrations = tuple(
        fit_calibration(detector.score_many(data.X, data.kind), data.kind, data.account, data.day, DAYS)
        for detector in detectors
    )
    usual = np.tile(np.median(data.X, axis=0), (len(KINDS), 1))
    names = CHAIN.feature_names
    return Model("bench", "", CHAIN.name, names, "", detectors, calibrations, 20.0, usual, {})


def _fitted(name: str, data: Dataset, seed: int) -> Detector:
    plan = Plan()
    spec = replace(next(spec for spec in DETECTORS if spec.name == name), share=1 / len(DETECTOR_OF), kinds=("debit",))
    if spec.form == "isolation_forest":
        forest = IsolationForest(n_estimators=plan.trees, max_samples=plan.max_samples, random_state=seed)
        return ForestDetector(spec, {DEBIT: flatten(forest.fit(data.X))})
    if spec.form == "joint_tail":
        return JointTailDetector(spec, fit_joint_tail(spec, data, CHAIN))
    random = np.random.default_rng(seed)
    weights = random.normal(size=data.X.shape[1])
    risk = np.log1p(data.X) @ weights + random.normal(size=EVENTS)
    booster = HistGradientBoostingClassifier(
        max_iter=plan.turns // REPEATS,
        max_leaf_nodes=LEAVES,
        max_bins=BINS,
        learning_rate=RATE,
        early_stopping=False,
        random_state=seed,
    )
    booster.fit(data.X, risk > np.quantile(risk, 1 - ATTACK_SHARE))
    trees = flatten_boosting(booster, np.arange(data.X.shape[1]))
    again = {name: np.tile(getattr(trees, name), (REPEATS, 1)) for name in BOOSTING_FIELDS if name not in ONCE}
    return BoostingDetector(spec, replace(trees, **again))  # type: ignore[arg-type]


@click.command(
    epilog="""\b
Examples:
  kozamori bench explain
  kozamori bench explain --alerts 1000 --json
"""
)
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="The median counts.")
@click.option("--alerts", type=click.IntRange(1, EVENTS), default=200, show_default=True, help="Explained in a round.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of events and models.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def explain(rounds: int, alerts: int, seed: int, *, as_json: bool) -> None:
    """Measure what reasons and counterfactual of an alert cost, in µs of CPU, for each form of detector."""
    report = measure(rounds, seed, alerts)
    if as_json:
        about = {"machine": machine(), "seed": seed, "rounds": rounds, "alerts": alerts, "most_judged": MOST_JUDGED}
        click.echo(json.dumps({**about, **asdict(report)}))
        return
    Console().print(_table(report.reasons, rounds))
    click.echo(
        f"counterfactual: {report.counterfactual_us:,.0f} µs of CPU an alert, at most {MOST_JUDGED} events judged"
    )
    click.echo(machine())


def _table(costs: list[Cost], rounds: int) -> Table:
    table = Table(title=f"{len(CHAIN.features)} features, µs of CPU an alert, median of {rounds} rounds")
    table.add_column("detector")
    for heading in ("Shapley values", "reasons, with texts"):
        table.add_column(heading, justify="right")
    for cost in costs:
        table.add_row(f"{cost.detector} ({cost.form})", f"{cost.contributions_us:,.0f}", f"{cost.reasons_us:,.0f}")
    return table
