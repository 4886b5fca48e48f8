"""`kozamori train`: from an events file to a model folder."""

import hashlib
import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from detector.artifact import check_target, write_model
from detector.cli.options import as_json
from detector.core.chains import CHAINS, chain_of
from detector.core.policy import Model
from detector.core.stage import Chain
from detector.errors import UserError
from detector.settings import Settings
from models.datasets import DAY_MS, Dataset, collect
from models.training import Plan
from models.training import train as fit
from producers.batches import Which, read_batches

DEFAULTS = Plan()
BATCH = 8192  # events that go through the pipeline at once: beyond, nothing is saved


@click.command(
    epilog="""\b
Examples:
  kozamori train august/events.parquet -o model
  kozamori train history.jsonl -o model --budget 5 --json

The first two thirds of the days are learnt from, the last third tells what an alert costs in false alarms.
"""
)
@click.argument("events", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Model folder to write.")
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    default=DEFAULTS.budget,
    show_default=True,
    help="False alert groups a day over all banks that the desk can bear; a group is one account, one day.",
)
@click.option("--seed", type=click.IntRange(min=0), default=DEFAULTS.seed, show_default=True, help="Of the forest.")
@click.option(
    "--max-samples",
    type=click.IntRange(2, 65_536),
    default=DEFAULTS.max_samples,
    show_default=True,
    help="Events each tree of the forest sees; more sees finer and scores slower.",
)
@click.option(
    "--stages",
    type=click.Choice([chain.name for chain in CHAINS]),
    default=CHAINS[-1].name,
    show_default=True,
    help="Stages whose features the model looks at; the worker runs these.",
)
@click.option("--force", is_flag=True, help="Replace the model in the folder.")
@as_json
def train(
    events: Path, output: Path, budget: float, seed: int, max_samples: int, stages: str, *, force: bool, as_json: bool
) -> None:
    """Train a model on an events file of normal life."""
    check_target(output, force=force)
    console = Console(stderr=True)
    with _progress(console) as bar:
        task = bar.add_task("features", total=None)
        data = _read(events, chain_of(stages), lambda rows: bar.advance(task, rows))
        bar.update(task, description="forest")
        draft = fit(data, chain_of(stages), Plan(budget, seed, max_samples), _sha256(events))
    model = write_model(output, draft, force=force)
    if as_json:
        click.echo(json.dumps({"model": str(output), "sha256": model.sha256, **_shown(model)}))
    else:
        Console().print(_table(model, output))


def _read(path: Path, chain: Chain, advance: Any) -> Dataset:
    ttl_days: int = Settings.model_fields["ttl_days"].default
    which: Which = "all" if chain.reads_wallet_events else "account"
    data = collect(read_batches(path, BATCH, which=which), chain, ttl_days * DAY_MS, advance)
    if not len(data.kind):
        raise UserError(f"{path}: no link or debit events: give a history of account events")
    return data


def _shown(model: Model) -> dict[str, Any]:
    return {name: value for name, value in model.manifest.items() if name != "schema"}


def _table(model: Model, output: Path) -> Table:
    training = model.manifest["training"]
    table = Table(title=f"Model {model.version} in {output}", title_justify="left", show_header=False)
    table.add_row("events", f"{training['events']:,} links and debits")
    table.add_row("days", f"{training['days']} ({training['first_day']} to {training['last_day']})")
    table.add_row("held out", f"{training['held_out_days']} days from {training['held_out_from']}")
    table.add_row("features", str(len(model.feature_names)))
    table.add_row("budget", f"{model.budget:g} false alert groups a day over all banks")
    for name, row in model.manifest["calibration"].items():
        table.add_row(f"{name}: held-out rate", f"{row['held_out_groups_per_day']:.3g} groups a day")
        thresholds = [f"{kind} {score:.4f}" for kind, score in row["thresholds"].items()]
        table.add_row(f"{name}: threshold", ", ".join(thresholds) or "none: nothing held out reaches it")
    return table


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,} events"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
