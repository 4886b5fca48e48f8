"""A trained model as tables on the screen."""

from pathlib import Path
from typing import Any

from rich.table import Table

from detector.core.model import Model
from models.catches import SHARES
from models.left_out import MANIFEST_KEY


def summary(model: Model, output: Path) -> Table:
    """What a model written to `output` was trained on, its budget and thresholds."""
    training = model.manifest["training"]
    table = Table(title=f"Model {model.version} in {output}", title_justify="left", show_header=False)
    table.add_row("events", f"{training['events']:,} links and debits")
    table.add_row("days", f"{training['days']} ({training['first_day']} to {training['last_day']})")
    if training["burn_in_days"]:
        table.add_row("burn-in", f"{training['burn_in_days']} days before them only filled the state")
    table.add_row("held out", f"{training['held_out_days']} days, every third")
    if hidden := training["hidden_fraud"]:
        text = f"about {hidden:,} groups of the held-out days look like fraud nobody labelled: not counted; review them"
        table.add_row("unlabelled fraud", f"{text}: kozamori score … --model {output}")
    if training["fraud_left_out"]:
        table.add_row("fraud", f"{training['fraud_left_out']:,} labelled links and debits left out")
    if training["not_learnt_from"]:
        table.add_row("alerted", f"{training['not_learnt_from']:,} links and debits not learnt from")
    if "verdicts" in training:
        table.add_row("verdicts", _verdicts(training["verdicts"]))
    left_out = training.get(MANIFEST_KEY, ())
    table.add_row(
        "features", f"{len(model.feature_names) - len(left_out)}" + (f", {len(left_out)} left out" if left_out else "")
    )
    table.add_row("budget", f"{model.budget:g} false alert groups a day over all banks")
    for bank, own in model.banks.own.items():
        text = f"{own:g}, {model.banks.shares[bank]:.1%} of the groups of all"
        table.add_row(f"budget of bank {bank}", text)
    for name, row in model.manifest["calibration"].items():
        thresholds = [f"{kind} {score:.4f}" for kind, score in row["thresholds"].items()]
        table.add_row(f"{name}: threshold", ", ".join(thresholds) or "none: nothing held out reaches it")
    return table


def _verdicts(said: dict[str, Any]) -> str:
    wrong = f"{said['wrong']:,} wrong ({len(said['not_followed']):,} not followed)"
    return f"{said['right']:,} right, {wrong}, {said['unsure']:,} unsure"


def held_out(model: Model) -> Table:
    """False alerts and catches of each detector on the held-out days, and of all."""
    table = Table(title="On the held-out days", title_justify="left")
    for name in ("detector", "groups/day", "cases caught", "early", "before a debit", "yen lost"):
        table.add_column(name, justify="left" if name == "detector" else "right")
    parts = model.manifest["calibration"].items()
    for name, row in parts:
        table.add_row(*_row(name, row["held_out_groups_per_day"], row["catches"]))
    whole = model.manifest["training"]["held_out"]
    table.add_row(*_row("all", whole["groups_per_day"], whole), style="bold")
    for name, row in model.manifest["training"]["leave_one_out"].items():
        table.add_row(*_row(f"{name}, not learnt from", None, row))
    return table


def _row(name: str, groups: float | None, caught: dict[str, Any]) -> list[str]:
    cells = [f"{caught[share]:.2f}" if share in caught else "" for share in SHARES]
    return [name, "" if groups is None else f"{groups:.1f}", *cells]
