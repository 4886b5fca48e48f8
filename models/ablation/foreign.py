"""Judges in foreign worlds: a model is trained on a world's history, and judged on the days right after it.

Everything is done as `kozamori train` and `kozamori backtest` do it; worlds never train a detector.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from typing import Any, NamedTuple, Protocol

from detector.artifact import pack, unpack
from detector.contract.batch import Batch
from detector.core.stage import Chain
from models.ablation.judging import Budgets, rounded
from models.ablation.run import TTL_MS
from models.backtest.labels import Labels
from models.backtest.played import play
from models.backtest.run import Backtest, backtest
from models.backtest.scorers import BEST_SINGLE, KOZAMORI
from models.burn_in import BurnIn
from models.datasets import Dataset
from models.inject import Cases
from models.training import Plan, train
from models.worlds.world import WORLDS, Size, World

#: Of all scorers of a back-test, those on the page. All but the model have their limit set in hindsight.
SHOWN = (KOZAMORI, "attack_trained", "plain_forest", BEST_SINGLE)
GIVEN = "; that history, which its own begins with, is one of our own simulator"
FULL = Size()
#: A smoke run, with days enough for the state to settle; its figures mean nothing.
QUICK = Size(accounts=1_500, days=24, judged_days=8, cases=26)


class Lived(NamedTuple):
    """A world's life: `history` gives the batches of its days without fraud at each call, `judged` those of the days
    right after them, offsets ascending through both; `labels` are of the latter.
    """

    history: Callable[[], Iterable[Batch]]
    judged: Callable[[], Iterable[Batch]]
    labels: Labels


class Lives(Protocol):
    """Plays worlds, and prepares their histories for training; the same arguments give the same."""

    def life(self, world: World, size: Size) -> Lived:
        """The world's life."""

    def prepared(
        self, history: Callable[[], Iterable[Batch]], chain: Chain, ttl_ms: int, seed: int
    ) -> tuple[Dataset, Cases | None, BurnIn]:
        """The history's data set, simulated cases among its days, and its burn-in."""


class Foreign(NamedTuple):
    """What the worlds are judged with; the seed of `size` is not read."""

    lives: Lives
    chain: Chain
    size: Size
    plan: Plan
    budgets: Budgets

    def judge(self, world: World, seed: int) -> Iterator[dict[str, Any]]:
        """The rows of one life: each scorer at each budget.

        Raises UserError for a history that is too small or has not settled.
        """
        history, judged, labels = self.lives.life(world, replace(self.size, seed=seed))
        data, cases, burn_in = self.lives.prepared(history, self.chain, TTL_MS, seed)
        plan = replace(self.plan, seed=seed)
        model = unpack(pack(train(data, self.chain, plan, world.name, cases, burn_in)), self.chain)
        played = play(judged(), model, self.chain, labels, ttl_ms=TTL_MS, warm_up=history())
        del history, judged, cases  # room for the scorers beside the model
        for budget in self.budgets:
            found = backtest(
                played, labels, model.with_budget(budget), self.chain, budget=budget, train=data, seed=seed
            )
            yield from _rows(found, {"world": world.name, "seed": seed, "budget": budget})


def run(foreign: Foreign, seeds: tuple[int, ...], advance: Callable[[str], object] = lambda _: None) -> dict[str, Any]:
    """The figures of all worlds with every seed; `advance` gets the name of each finished life."""
    rows: list[dict[str, Any]] = []
    for seed in seeds:
        for world in WORLDS:
            rows += foreign.judge(world, seed)
            advance(f"{world.name}, seed {seed}")
    size = asdict(foreign.size)
    del size["seed"]
    return {
        "about": {
            **size,
            "seeds": list(seeds),
            "budgets": list(foreign.budgets),
            "worlds": {world.name: world.mechanism + GIVEN * world.from_history for world in WORLDS},
        },
        "rows": rows,
    }


def _rows(found: Backtest, about: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A row for each scorer shown; false groups by kind of day are the model's."""
    kinds = {name: on._asdict() for name, on in found.kinds_of_day().items()}
    for scored in found.scorers:
        name = scored.figures.name
        if name in SHOWN:
            row = {**about, "scorer": name, "meaning": scored.meaning, **asdict(scored.figures)}
            del row["name"]
            yield rounded({**row, "kinds_of_day": kinds} if name == KOZAMORI else row)
