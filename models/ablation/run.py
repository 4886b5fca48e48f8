"""Runs all experiments in order: simulate, train, judge. Unchanged parts are reused."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple, Protocol

import numpy as np

from detector.artifact import pack, unpack
from detector.contract.batch import Batch
from detector.core.detector_table import DETECTORS
from detector.core.model import Model
from detector.core.stage import Chain
from detector.jst import DAY_MS
from models.ablation import experiments
from models.ablation.disturbances import disturbed
from models.ablation.experiments import EXPERIMENTS, QUESTIONS, USUAL, Experiment, Setting
from models.ablation.judging import Budgets, Log, Row, judged
from models.ablation.parts import detectors, features
from models.backtest.labels import Labels
from models.backtest.played import play
from models.datasets import collect
from models.inject import Attacks, collect_cases
from models.left_out import without
from models.span import Span, held_out_of
from models.training import Plan, train

TTL_MS = 400 * DAY_MS  # no state is forgotten within two months
AS_USUAL = "as usual"
STRICT = 0.25  # of the budget: a smaller fraud desk, or a population four times as large


@dataclass(frozen=True, slots=True)
class Size:
    """Size of a run: `cases` to train on, `judged` ones of each typology; `turns` and `trees` of the model;
    `budget` of false alert groups a day over all banks.
    """

    accounts: int
    days: int
    cases: int
    judged: int
    turns: int
    trees: int
    budget: float

    @property
    def judged_days(self) -> int:
        """Days judged: after a month to learn from, a month and the turn to the next, for those who use it (T2)."""
        return self.days + 2


FULL = Size(accounts=40_000, days=30, cases=2_600, judged=20, turns=200, trees=100, budget=20.0)
#: A smoke run; its figures mean nothing.
QUICK = Size(accounts=1_500, days=30, cases=65, judged=4, turns=10, trees=10, budget=4.0)


class Simulator(Protocol):
    """Simulates histories, attacks and logs; the same arguments give the same events."""

    def history(self, seed: int, setting: Setting) -> list[Batch]:
        """Training days."""

    def attacks(self, history: list[Batch], cases: int, seed: int) -> Attacks:
        """Cases to put among the days of a history."""

    def log(self, seed: int, setting: Setting, first_offset: int) -> tuple[list[Batch], Labels]:
        """The days judged, after those of `history`, offsets from `first_offset` on."""


class _Learnt(NamedTuple):
    chain: Chain
    history: list[Batch]
    model: Model
    span: Span


@dataclass(frozen=True, slots=True)
class Run:
    """What all experiments share."""

    simulator: Simulator
    chain: Chain
    size: Size

    @property
    def budgets(self) -> Budgets:
        """The budget and a smaller one."""
        return Budgets(self.size.budget, STRICT * self.size.budget)

    def learn(self, seed: int, setting: Setting) -> _Learnt:
        """Training days in this setting, and the model of them."""
        history = disturbed(self.simulator.history(seed, setting), setting.disturbance, seed)
        names = [name for stage in self.chain.stages if stage.name in setting.without for name in stage.feature_names]
        chain = without(self.chain, names)
        data = collect(history, chain, TTL_MS)
        attacks = self.simulator.attacks(history, self.size.cases, seed)
        cases = collect_cases(history, attacks, chain, TTL_MS)
        plan = Plan(self.size.budget, seed, trees=self.size.trees, turns=self.size.turns)
        model = unpack(pack(train(data, chain, plan, "simulated", cases)), chain)
        days = held_out_of(np.unique(data.day))
        later = np.isin(data.day, days)
        span = Span(data.select(~later), data.select(later), len(days), None, None)
        return _Learnt(chain, history, model, span)

    def look(self, learnt: _Learnt, seed: int, setting: Setting) -> Log:
        """The days judged in this setting, as the model sees them after its training days."""
        first = int(learnt.history[-1].offset[-1]) + 1
        batches, labels = self.simulator.log(seed, setting, first)
        played = play(batches, learnt.model, learnt.chain, labels, ttl_ms=TTL_MS, warm_up=learnt.history)
        return Log.of(played, labels)

    def tried(self, one: Experiment, usual: _Learnt, seed: int) -> Row:
        """The row of one experiment; `usual` is what was learnt in the usual setting."""
        learnt = usual if one.setting.learns_as_usual else self.learn(seed, one.setting)
        return judged(one.name, one.help, learnt.model, self.look(learnt, seed, one.setting), self.budgets)


def steps(seeds: tuple[int, ...], chain: Chain) -> int:
    """How many rows there will be at most."""
    return len(seeds) + 2 * len(DETECTORS) + len(chain.features) + len(EXPERIMENTS)


def run(
    every: Run,
    seeds: tuple[int, ...],
    advance: Callable[[str], object] = lambda _: None,
    tried: tuple[Experiment, ...] = EXPERIMENTS,
) -> dict[str, Any]:
    """The figures of all questions; `advance` gets the name of each finished row.

    Raises UserError if the population is too small to train on.
    """
    rows: dict[str, list[dict[str, Any]]] = {question.name: [] for question in QUESTIONS}

    def note(question: str, row: Row) -> None:
        rows[question].append(row.as_dict())
        advance(row.name)

    usual, log = every.learn(seeds[0], USUAL), None
    for seed in seeds:
        learnt = usual if seed == seeds[0] else every.learn(seed, USUAL)
        seen = every.look(learnt, seed, USUAL)
        log = log or seen
        for budget in every.budgets:
            at = every.budgets._replace(usual=budget)
            row = judged(f"seed {seed}, {budget:g} a day", "", learnt.model, seen, at)
            rows[experiments.SEEDS.name].append({**row.as_dict(), "seed": seed, "budget": budget})
        advance(f"seed {seed}")
    assert log is not None
    reference = judged(AS_USUAL, "", usual.model, log, every.budgets)
    for name in {one.question for one in tried} | {experiments.DETECTORS.name}:
        rows[name].append(reference.as_dict())
    for row in detectors(usual.model, usual.span, log, every.budgets):
        note(experiments.DETECTORS.name, row)
    for row in features(usual.model, usual.span, log, every.budgets, seeds[0]):
        # Without typologies: fifty features times thirteen typologies are more than anybody reads.
        note(experiments.FEATURES.name, replace(row, typologies={}))
    for one in tried:
        note(one.question, every.tried(one, usual, seeds[0]))
    return {
        "about": {
            "seeds": list(seeds),
            "strict": every.budgets.strict,
            **asdict(every.size),
            "judged_days": every.size.judged_days,
        },
        "reference": reference.as_dict(),
        "questions": {name: found for name, found in rows.items() if found},
    }
