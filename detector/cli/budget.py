"""`kozamori budget`: what each budget buys, in the days that a model was trained on."""

import json
import math
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.table import Table

from detector.artifact import AGAIN, MANIFEST, read_model
from detector.cli.options import as_json
from detector.cli.tables import print_tables
from detector.core.chains import CHAINS
from detector.core.model import Model
from detector.errors import UserError
from models.curve import WORTH_DOUBLING, enough
from models.kinds_of_day import KINDS_OF_DAY


class _Kind(msgspec.Struct):
    """False alert groups on the days of one kind."""

    days: int
    groups_per_day: float


class _Row(msgspec.Struct):
    """What a budget buys; shares only where there were cases."""

    budget: float
    groups_per_day: float
    groups_by_kind_of_day: dict[str, _Kind]
    alerted: float | None = None
    early: float | None = None
    before_debit: float | None = None
    yen_saved: float | None = None

    def shares(self) -> list[float]:
        """Those that were measured."""
        found = (self.alerted, self.early, self.before_debit, self.yen_saved)
        return [share for share in found if share is not None]


SHARES = {"alerted": "alerted", "early": "early", "before_debit": "before a debit", "yen_saved": "yen saved"}


@click.command(
    epilog="""\b
Examples:
  kozamori budget model
  kozamori budget model --json

Measured when the model was trained, on the held-out days of its history, every third one: false alert groups, and
what is caught of simulated cases that it was not trained on. Fraud that nobody thought of is caught less well.
"""
)
@click.argument("folder", metavar="MODEL", type=click.Path(path_type=Path))
@as_json
def budget(folder: Path, *, as_json: bool) -> None:
    """Show what each budget buys: cases caught at so many false alert groups a day.

    MODEL is the folder of a trained model; the budget it was trained for is marked. Set another with `kozamori train
    --budget`.
    """
    model = read_model(folder, *CHAINS)
    training = model.manifest["training"]
    if "curve" not in training:
        raise UserError(f"{folder}: made by a release that measured no budget but the model's own: {AGAIN}")
    curve = training["curve"]
    if problem := _nonsense(training):
        raise UserError(f"{folder}: {MANIFEST}: `training.{problem}, expected what `kozamori train` measured: {AGAIN}")
    if as_json:
        told = {"model": model.version, "accounts": training["accounts"], "budget": model.budget}
        click.echo(json.dumps({**told, "enough": enough(curve), "curve": curve}))
    else:
        print_tables(_catches(model, curve), _kinds_of_day(model, curve))
        click.echo(_advice(curve, training["accounts"]))


def _nonsense(training: dict[str, Any]) -> str | None:
    """What of the measured figures cannot be, None where all can."""
    if not isinstance(training.get("accounts"), int):
        return "accounts` is no number"
    try:
        rows = msgspec.convert(training["curve"], list[_Row])
    except msgspec.ValidationError as error:
        return f"curve` makes no sense ({error})"
    if not rows:
        return "curve` is empty"
    figures = [value for row in rows for value in (row.budget, row.groups_per_day, *row.shares())]
    if not all(math.isfinite(value) and value >= 0 for value in figures) or not all(row.budget for row in rows):
        return "curve` has figures that are no numbers above 0"
    same = {(len(row.shares()), tuple(row.groups_by_kind_of_day)) for row in rows}
    return None if len(same) == 1 else "curve` has rows of different figures"


def _catches(model: Model, curve: list[dict[str, Any]]) -> Table:
    shares = {name: shown for name, shown in SHARES.items() if name in curve[0]}
    table = _table(f"Model {model.version}: what a budget buys", "false groups a day", *shares.values())
    for row in curve:
        _add(table, model, row, f"{row['groups_per_day']:.1f}", *(f"{row[share]:.1%}" for share in shares))
    return table


def _kinds_of_day(model: Model, curve: list[dict[str, Any]]) -> Table:
    days = {name: on["days"] for name, on in curve[0]["groups_by_kind_of_day"].items()}
    kinds = [kind for kind in KINDS_OF_DAY if kind.name in days]
    headings = [f"{kind.shown} ({days[kind.name]})" for kind in kinds]
    table = _table("False groups a day by kind of day (held-out days)", *headings)
    for row in curve:
        groups = (row["groups_by_kind_of_day"][kind.name]["groups_per_day"] for kind in kinds)
        _add(table, model, row, *(f"{each:.1f}" for each in groups))
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in ("budget", *headings):
        table.add_column(heading, justify="right")
    return table


def _add(table: Table, model: Model, row: dict[str, Any], *cells: str) -> None:
    """A row of the table, marked where it is that of the model's budget."""
    own = row["budget"] == model.budget
    table.add_row(f"{'→ ' if own else ''}{row['budget']:g}", *cells, style="bold" if own else "")


def _advice(curve: list[dict[str, Any]], accounts: int) -> str:
    lines = ["→ the model's budget"]
    if (least := enough(curve)) is not None:
        lines.append(
            f"Enough: {least:g} a day. Beyond it no doubling of the budget finds {WORTH_DOUBLING:.0%} more of the cases"
            " early."
        )
    elif "early" in curve[0]:
        lines.append(f"None is enough: the last doubling still finds {WORTH_DOUBLING:.0%} more of the cases early.")
    lines.append(
        f"A budget is a number, not a share: these are {accounts:,} accounts; for k times as many, to look as closely"
        " costs k times the groups."
    )
    return "\n".join(lines)
