"""Sentences on what fails, from the figures alone."""

from typing import Any, NamedTuple

from models.ablation.experiments import DETECTORS, DRIFT, FEATURES, GROUPS, NEWCOMERS, SEEDS, THIEVES, TRAINING
from models.backtest.scorers import KOZAMORI

SELDOM_EARLY = 0.7  # least share of a typology's cases alerted early
WORSE = 0.1  # a share that moves by more is reported
OFF_BUDGET = 0.3  # allowed relative deviation of false groups from the budget

Rows = list[dict[str, Any]]


class Spread(NamedTuple):
    """A share over the seeds."""

    mean: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """Range over the seeds: the effect of chance."""
        return self.high - self.low


def spread(rows: Rows, share: str) -> Spread:
    """Mean, least and greatest value of a share over rows."""
    values = [row[share] for row in rows]
    return Spread(sum(values) / len(values), min(values), max(values))


def of_seeds(figures: dict[str, Any]) -> Rows:
    """The rows of all seeds at the budget of the run."""
    budget = figures["about"]["budget"]
    return [row for row in figures["questions"][SEEDS.name] if row["budget"] == budget]


def of_typology(figures: dict[str, Any], typology: str, share: str) -> list[float]:
    """A typology's share with each seed that has one."""
    rows = [row["typologies"].get(typology, {}) for row in of_seeds(figures)]
    return [row[share] for row in rows if row.get(share) is not None]


def failures(figures: dict[str, Any]) -> list[str]:
    """A sentence for each thing that fails."""
    found = [*_typologies(figures), *_seeds(figures)]
    for question in (NEWCOMERS, DRIFT, THIEVES, TRAINING):
        found += _experiments(figures, question.name)
    return [*found, *_idle(figures)]


def failures_abroad(worlds: dict[str, Any]) -> list[str]:
    """A sentence for each thing that fails in a foreign world, by means over the seeds."""
    found = []
    for world in worlds["about"]["worlds"]:
        for budget in worlds["about"]["budgets"]:
            own = [row for row in worlds["rows"] if (row["world"], row["budget"]) == (world, budget)]
            of = {name: [row for row in own if row["scorer"] == name] for name in (row["scorer"] for row in own)}
            early = {name: spread(rows, "early").mean for name, rows in of.items()}
            said = [
                f"early {early[KOZAMORI]:.0%}, behind {name} with {share:.0%}"
                for name, share in early.items()
                if share > early[KOZAMORI]
            ]
            false = spread(of[KOZAMORI], "false_groups_per_day").mean
            if abs(false / budget - 1) > OFF_BUDGET:
                said.append(f"{false:.1f} false groups a day")
            if said:
                found.append(f"**{world}** at {budget:g} a day: {'; '.join(said)}.")
    return found


def _typologies(figures: dict[str, Any]) -> list[str]:
    found = []
    for name in figures["reference"]["typologies"]:
        early, alerted = (of_typology(figures, name, share) for share in ("early", "alerted"))
        if early and sum(early) / len(early) < SELDOM_EARLY:
            found.append(f"**{name}** is alerted early in {sum(early) / len(early):.0%} of its cases.")
        if alerted and min(alerted) < 1:
            found.append(f"**{name}**: with one seed {1 - min(alerted):.0%} of the cases are never alerted.")
    return found


def _seeds(figures: dict[str, Any]) -> list[str]:
    budget = figures["about"]["budget"]
    false = spread(of_seeds(figures), "false_groups_per_day")
    if max(false.high / budget - 1, 1 - false.low / budget) <= OFF_BUDGET:
        return []
    actual = f"{false.low:.1f} – {false.high:.1f} false groups a day"
    return [f"**The limit** of the training days is off: {actual} instead of {budget:g}."]


def _experiments(figures: dict[str, Any], question: str) -> list[str]:
    reference, budget = figures["reference"], figures["about"]["budget"]
    found = []
    for row in figures["questions"].get(question, ()):
        said = []
        if row["early"] < reference["early"] - WORSE:
            said.append(f"early {reference['early']:.0%} → {row['early']:.0%}")
        if row["yen_lost"] > reference["yen_lost"] + WORSE:
            said.append(f"yen lost {reference['yen_lost']:.0%} → {row['yen_lost']:.0%}")
        false = row["false_groups_per_day"]
        if abs(false / budget - 1) > OFF_BUDGET and abs(false - reference["false_groups_per_day"]) > WORSE * budget:
            said.append(f"{false:.1f} false groups a day instead of {budget:g}")
        if said:
            found.append(f"**{row['name']}** ({row['text']}): {', '.join(said)}.")
    return found


def _idle(figures: dict[str, Any]) -> list[str]:
    """Parts whose removal changes the results by no more than chance."""
    chance = max(spread(of_seeds(figures), share).width for share in ("early_strict", "yen_lost_strict"))
    found = []
    for question, what in ((DETECTORS, "detectors"), (GROUPS, "stages"), (FEATURES, "features")):
        rows = [row for row in figures["questions"].get(question.name, ()) if _is_left_out(row, question.name)]
        idle = [row["name"].removeprefix("without ") for row in rows if missed(figures, row) <= chance]
        if idle:
            listed = "" if question is FEATURES else f": {', '.join(idle)}"
            found.append(
                f"**{len(idle)} of {len(rows)} {what}** can each be left out without a loss that stands out from chance"
                f" ({chance:.1%} between the seeds) at the smaller budget{listed}."
            )
    return found


def missed(figures: dict[str, Any], row: dict[str, Any]) -> float:
    """How much worse a row is than as usual at the smaller budget: the larger of two shares' losses."""
    usual = figures["reference"]
    return float(
        max(
            usual["early_strict"] - row["early_strict"],
            row["yen_lost_strict"] - usual["yen_lost_strict"],
        )
    )


def _is_left_out(row: dict[str, Any], question: str) -> bool:
    return question == FEATURES.name or row["name"].startswith("without ")
