"""The page's first section: foreign worlds, as Markdown, rendered from the figures alone."""

from collections.abc import Callable
from typing import Any

from models.ablation.failures import failures_abroad
from models.ablation.markdown import percent, rate, table_of
from models.backtest.scorers import BEST_SINGLE, KOZAMORI
from models.kinds_of_day import KINDS_OF_DAY

TITLE = "In worlds that are not ours"
#: Shares shown, with their headings and the worse of two values.
SHARES = (("alerted", "alerted", min), ("early", "early", min), ("before_debit", "before a debit", min))
LOST = ("yen_lost", "yen lost", max)

Rows = list[dict[str, Any]]


def worlds(figures: dict[str, Any]) -> list[str]:
    """The parts of the section."""
    about, rows = figures["worlds"]["about"], figures["worlds"]["rows"]
    return [
        f"## {TITLE}",
        _intro(figures["command"], about),
        "\n".join(f"- **{name}**: {mechanism}." for name, mechanism in about["worlds"].items()),
        "Where it fails there:",
        "\n".join(f"- {sentence}" for sentence in failures_abroad(figures["worlds"])) or "Nothing failed.",
        *(_scorers(about, rows, budget) for budget in about["budgets"]),
        "False alert groups a day by kind of day; in brackets the range of the seeds:",
        _kinds_of_day(about, rows),
        "Cases alerted early by typology:",
        _typologies(about, rows),
    ]


def _intro(command: str, about: dict[str, Any]) -> str:
    first, *others = map(str, about["seeds"])
    seeds = f"Means over the seeds {', '.join([first, *others])}; in brackets the worst" if others else f"Seed {first}"
    return (
        f"Written by `{command}`; all figures are in `figures.json`. Worlds have people and thieves of their own, and"
        f" share no rules with the simulator that training takes its attacks from. Each has {about['accounts']:,}"
        f" accounts and {about['days']} days without fraud, from which a model is learnt as by `kozamori train`. The"
        f" {about['judged_days']} days right after, with {about['cases']} cases, are judged at the limits of the"
        f" training days, as in a worker. {seeds}. The other scorers have limits set in hindsight, at which they stay"
        f" within the budget; {BEST_SINGLE} is also chosen in hindsight. Shares are means over typologies; case, early,"
        " lost and false group are defined in `models/backtest/`."
    )


def _scorers(about: dict[str, Any], rows: Rows, budget: float) -> str:
    """Every scorer in every world at one budget."""
    lines = []
    for world in about["worlds"]:
        own = [row for row in rows if (row["world"], row["budget"]) == (world, budget)]
        for scorer in dict.fromkeys(row["scorer"] for row in own):
            of = [row for row in own if row["scorer"] == scorer]
            name = f"**{world}**" if scorer == KOZAMORI else f"{world}: {scorer}"
            shares = [_with_worst([row[share] for row in of], worst) for share, _, worst in (*SHARES, LOST)]
            lines.append([name, *shares, _with_range([row["false_groups_per_day"] for row in of])])
    heads = (f"at {budget:g} a day", *(heading for _, heading, _ in (*SHARES, LOST)), "false groups a day")
    return table_of(heads, lines)


def _kinds_of_day(about: dict[str, Any], rows: Rows) -> str:
    """The model's false groups in every world at every budget."""
    lines = []
    for world in about["worlds"]:
        for budget in about["budgets"]:
            own = _of_model(rows, world, budget)
            cells = [_with_range([row["false_groups_per_day"] for row in own])]
            for kind in KINDS_OF_DAY:
                found = [row["kinds_of_day"].get(kind.name) for row in own]
                cells.append(_with_range([on["groups_per_day"] for on in found if on]))
            lines.append([f"{world} at {budget:g}", *cells])
    return table_of(("", "all days", *(kind.shown for kind in KINDS_OF_DAY)), lines)


def _typologies(about: dict[str, Any], rows: Rows) -> str:
    """The model's early cases of each typology, a column for each world and budget."""
    columns = [(world, budget) for budget in about["budgets"] for world in about["worlds"]]
    of = {column: _of_model(rows, *column) for column in columns}
    names = {name for row in rows for name in row["typologies"]}
    lines = []
    for name in sorted(names, key=lambda name: (len(name), name)):
        found = [[row["typologies"].get(name, {}).get("early") for row in of[column]] for column in columns]
        lines.append([name, *(_with_worst(values, min) for values in found)])
    return table_of(("", *(f"{world} at {budget:g}" for world, budget in columns)), lines)


def _of_model(rows: Rows, world: str, budget: float) -> Rows:
    return [row for row in rows if (row["world"], row["budget"], row["scorer"]) == (world, budget, KOZAMORI)]


def _with_worst(values: list[Any], worst: Callable[[list[float]], float]) -> str:
    known = [value for value in values if value is not None]
    return _mean(known, percent, worst)


def _with_range(values: list[float]) -> str:
    return _mean(values, rate, lambda known: (min(known), max(known)))


def _mean(values: list[float], shown: Callable[[Any], str], beside: Callable[[list[float]], Any]) -> str:
    """The mean of what the seeds have, and what is to be beside it in brackets; a dash where none has any."""
    if not values:
        return "–"
    mean = shown(sum(values) / len(values))
    return f"{mean} ({shown(beside(values))})" if len(values) > 1 else mean
