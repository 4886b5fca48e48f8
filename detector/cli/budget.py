"""`kozamori budget`: what each budget buys, in the days that a model was trained on."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from detector.artifact import AGAIN, read_model
from detector.cli.options import as_json
from detector.core.chains import CHAINS
from detector.core.model import Model
from detector.errors import UserError
from models.curve import WORTH_DOUBLING, enough
from models.kinds_of_day import KINDS_OF_DAY

SHARES = {"alerted": "alerted", "early": "early", "before_debit": "before a debit", "yen_saved": "yen saved"}
NO_SHARE = "a budget is a number, not a share: for k times as many accounts the same closeness costs k times the groups"


@click.command(
    epilog="""\b
Examples:
  kozamori budget model
  kozamori budget model --json

Measured when the model was trained: false alert groups on the held-out days of its history, every third one, and what
is caught of simulated cases, other ones than it was trained on. Set another with `kozamori train --budget`.
"""
)
@click.argument("folder", metavar="MODEL", type=click.Path(path_type=Path))
@as_json
def budget(folder: Path, *, as_json: bool) -> None:
    """Show what each budget of false alert groups a day buys with the model in the folder MODEL."""
    model = read_model(folder, *CHAINS)
    training = model.manifest["training"]
    if "curve" not in training:
        raise UserError(f"{folder}: trained by an earlier release, which measured one budget only: {AGAIN}")
    curve = training["curve"]
    if as_json:
        told = {"model": model.version, "accounts": training["accounts"], "budget": model.budget}
        click.echo(json.dumps({**told, "enough": enough(curve), "curve": curve}))
    else:
        Console().print(_table(model, curve))
        click.echo(_advice(curve, training["accounts"]))


def _table(model: Model, curve: list[dict[str, Any]]) -> Table:
    days = {name: on["days"] for name, on in curve[0]["groups_by_kind_of_day"].items()}
    title = f"Model {model.version}: false alert groups a day on {sum(days.values()):,} held-out days, cases caught"
    table = Table(title=title, title_justify="left", caption="→ the model's budget", caption_justify="left")
    kinds = [kind for kind in KINDS_OF_DAY if kind.name in days]
    shares = {name: shown for name, shown in SHARES.items() if name in curve[0]}
    for heading in (
        "budget",
        "all days",
        *(f"{kind.shown} ({days[kind.name]})" for kind in kinds),
        *shares.values(),
    ):
        table.add_column(heading, justify="right")
    for row in curve:
        own = row["budget"] == model.budget
        groups = [row["groups_per_day"], *(row["groups_by_kind_of_day"][kind.name]["groups_per_day"] for kind in kinds)]
        cells = [f"{each:.1f}" for each in groups] + [f"{row[share]:.1%}" for share in shares]
        table.add_row(f"{'→ ' if own else ''}{row['budget']:g}", *cells, style="bold" if own else "")
    return table


def _advice(curve: list[dict[str, Any]], accounts: int) -> str:
    more = f"{WORTH_DOUBLING:.0%} more of the cases early for each time that the budget doubles"
    least = enough(curve)
    if least is not None:
        first = f"enough: {least:g} a day; beyond it no step of the table brings {more}\n"
    elif "early" in curve[0]:
        first = f"enough: none of these; the last step of the table still brings {more}\n"
    else:
        first = ""
    return f"{first}{accounts:,} accounts: {NO_SHARE}"
