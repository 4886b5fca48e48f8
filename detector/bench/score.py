"""`kozamori bench score`: what it costs to score events, ours against scikit-learn, on the same forest and events."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import IsolationForest

from detector.bench.machine import machine
from models.flatten import flatten

BATCHES = (1, 8, 256, 4096)  # a quiet night, the interleaved eight, a usual fetch, a full one
FEATURES = 30  # about what the account stage has
TRAINING_EVENTS = 20_000
TREES, MAX_SAMPLES = 100, 256  # the defaults of `kozamori train`
ROUND_S = 0.05  # shorter laps are repeated up to this: one call of 2 µs is below the clock's noise

Score = Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Cost:
    """The median over the rounds for one scorer and batch size."""

    name: str
    batch: int
    us_per_event: float


def measure(rounds: int, seed: int, max_samples: int = MAX_SAMPLES) -> list[Cost]:
    """Median µs an event for every batch size, both scorers in turn in every round; `rounds` at least 1."""
    X = np.random.default_rng(seed).normal(size=(TRAINING_EVENTS, FEATURES)).astype(np.float32)
    theirs = IsolationForest(n_estimators=TREES, max_samples=max_samples, random_state=seed).fit(X)
    scorers: dict[str, Score] = {"kozamori": flatten(theirs).score_many, "scikit-learn": theirs.score_samples}
    laps = [(name, batch, partial(score, X[:batch])) for batch in BATCHES for name, score in scorers.items()]
    for _, _, call in laps:
        call()  # numba compiles and caches fill
    costs = [[_seconds(call) / batch * 1e6 for _, batch, call in laps] for _ in range(rounds)]
    columns = zip(*costs, strict=True)
    return [Cost(name, batch, median(column)) for (name, batch, _), column in zip(laps, columns, strict=True)]


def _seconds(call: Callable[[], object]) -> float:
    """Mean wall time of one call."""
    calls = 0
    start = now = time.perf_counter()
    while now - start < ROUND_S:
        call()
        calls += 1
        now = time.perf_counter()
    return (now - start) / calls


@click.command(
    epilog="""\b
Examples:
  kozamori bench score
  kozamori bench score --rounds 15 --json
"""
)
@click.option("--rounds", type=click.IntRange(min=1), default=7, show_default=True, help="The median counts.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of the forest and the events.")
@click.option(
    "--max-samples",
    type=click.IntRange(2, TRAINING_EVENTS),
    default=MAX_SAMPLES,
    show_default=True,
    help="Events each tree saw.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def score(rounds: int, seed: int, max_samples: int, *, as_json: bool) -> None:
    """Measure the forest against scikit-learn's, at 1 to 4096 events a call."""
    costs = measure(rounds, seed, max_samples)
    if as_json:
        results = [asdict(cost) for cost in costs]
        click.echo(json.dumps({"machine": machine(), "seed": seed, "rounds": rounds, "results": results}))
        return
    Console().print(_table(costs, rounds))
    click.echo(machine())


def _table(costs: list[Cost], rounds: int) -> Table:
    by_name = {(cost.name, cost.batch): cost.us_per_event for cost in costs}
    table = Table(title=f"{TREES} trees, {FEATURES} features, µs an event, median of {rounds} rounds")
    for heading in ("events a call", "kozamori", "scikit-learn", "times faster"):
        table.add_column(heading, justify="right")
    for batch in BATCHES:
        ours, theirs = by_name["kozamori", batch], by_name["scikit-learn", batch]
        table.add_row(f"{batch:,}", f"{ours:.2f}", f"{theirs:,.2f}", f"{theirs / ours:,.1f}")
    return table
