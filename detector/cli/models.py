"""`kozamori train`: from an events file to a model folder."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from detector.artifact import check_target, write_model
from detector.cli.mapping import load, tables_of, tell
from detector.cli.options import as_json, mapping_file
from detector.contract.batch import Batch
from detector.contract.vocabulary import KINDS
from detector.core.chains import CHAINS, chain_of
from detector.core.policy import Model
from detector.core.stage import Chain
from detector.errors import UserError
from detector.settings import Settings
from models.datasets import DAY_MS, SCORED_KINDS, Dataset, collect
from models.left_out import MANIFEST_KEY, without
from models.training import Plan
from models.training import train as fit
from producers.batches import Which, to_batches
from producers.mapping.own import OwnData

DEFAULTS = Plan()
BATCH = 8192  # events that go through the pipeline at once: beyond, nothing is saved


@click.command(
    epilog="""\b
Examples:
  kozamori train august/events.parquet -o model
  kozamori train history.jsonl -o model --budget 5 --json
  kozamori train own.csv --mapping own.toml -o model

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
@mapping_file()
@as_json
def train(
    events: Path,
    output: Path,
    budget: float,
    seed: int,
    max_samples: int,
    stages: str,
    own: Path | None,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Train a model on an events file of normal life."""
    check_target(output, force=force)
    mapped = load(own)
    left_out = mapped.left_out if mapped else ()
    for missing, features in mapped.mapping.left_out().items() if mapped else ():
        tell(f"no {missing}: left out {', '.join(features)}")
    chain = without(chain_of(stages), left_out)
    console = Console(stderr=True)
    with _progress(console) as bar:
        task = bar.add_task("features", total=None)
        data = _read(events, chain, mapped, lambda rows: bar.advance(task, rows))
        bar.update(task, description="forest")
        kinds = tuple(KINDS[code] for code in SCORED_KINDS if mapped is None or KINDS[code] in mapped.mapping.kinds)
        draft = fit(data, chain, Plan(budget, seed, max_samples, kinds=kinds), _sha256(events))
        if left_out:
            draft = replace(draft, training={**draft.training, MANIFEST_KEY: left_out})
    model = write_model(output, draft, force=force)
    if as_json:
        click.echo(json.dumps({"model": str(output), "sha256": model.sha256, **_shown(model)}))
    else:
        Console().print(_table(model, output))


def _read(path: Path, chain: Chain, own: OwnData | None, advance: Any) -> Dataset:
    ttl_days: int = Settings.model_fields["ttl_days"].default
    data = collect(_batches(path, chain, own), chain, ttl_days * DAY_MS, advance)
    if not len(data.kind):
        raise UserError(f"{path}: no link or debit events: give a history of account events")
    return data


def _batches(path: Path, chain: Chain, own: OwnData | None) -> Iterator[Batch]:
    which: Which = "all" if chain.reads_wallet_events else "account"
    row = 0
    for table in tables_of(path, own):
        yield from to_batches(table, BATCH, first_row=row, which=which, name=str(path))
        row += table.num_rows


def _shown(model: Model) -> dict[str, Any]:
    return {name: value for name, value in model.manifest.items() if name != "schema"}


def _table(model: Model, output: Path) -> Table:
    training = model.manifest["training"]
    table = Table(title=f"Model {model.version} in {output}", title_justify="left", show_header=False)
    table.add_row("events", f"{training['events']:,} links and debits")
    table.add_row("days", f"{training['days']} ({training['first_day']} to {training['last_day']})")
    table.add_row("held out", f"{training['held_out_days']} days from {training['held_out_from']}")
    left_out = training.get(MANIFEST_KEY, ())
    table.add_row(
        "features", f"{len(model.feature_names) - len(left_out)}" + (f", {len(left_out)} left out" if left_out else "")
    )
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
