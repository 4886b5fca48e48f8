"""`kozamori score`: what a model says about every event of a file."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
from rich.console import Console

from detector.artifact import read_model
from detector.cli.mapping import chain_for, load
from detector.cli.options import Own, as_json, bank_budgets, controller, own_data, warm_up
from detector.cli.progress import progress
from detector.contract.batch import Batch
from detector.core.chains import CHAINS
from detector.core.model import Model
from detector.core.stage import Chain
from detector.errors import UserError
from detector.jst import DAY_MS
from detector.settings import Settings
from models.score_files import check_scores, write_scores
from models.scoring import Scoring
from producers.batches import Which, to_batches
from producers.files import count_rows
from producers.source import Source

BATCH = 8192  # events a pipeline call; larger batches gain nothing


@click.command(
    epilog="""\b
Examples:
  kozamori score september/events.parquet --model model -o scores.parquet
  kozamori score history.jsonl --model model -o scores.jsonl --features --json
  kozamori score september/events.parquet --model model -o scores.parquet --warm-up august/events.parquet
  kozamori score own.csv --mapping own.toml --model model -o scores.parquet

`alarm` is in false alarms a day, lower is worse; `score` in [0, 1], higher is worse. The state begins empty, as a new
worker's that reads the file as one partition, or with --warm-up; alerts on an empty state mean little.
"""
)
@click.argument("events", type=click.Path(path_type=Path))
@click.option("--model", "folder", type=click.Path(path_type=Path), required=True, help="Model folder.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Scores: .parquet or .jsonl.")
@warm_up
@click.option("--features", is_flag=True, help="All features beside the scores.")
@bank_budgets
@controller
@own_data
@as_json
def score(
    events: Path,
    folder: Path,
    output: Path,
    warm_up: Path | None,
    bank_budgets: dict[str, float],
    own: Own,
    *,
    controller: bool,
    features: bool,
    as_json: bool,
) -> None:
    """Score every event of an events file, in its order."""
    check_scores(output)
    if output.exists() and events.exists() and output.samefile(events):
        raise UserError(f"{output} is the events file itself: choose another name with -o")
    model = read_model(folder, *CHAINS).with_bank_budgets(bank_budgets)
    if controller:
        model = model.with_controller()
    source = load(own)
    if warm_up is None:
        say_cold(model)
    settings, chain = Settings(), chain_for(model, source)
    topics = settings.account_events, settings.wallet_events
    scoring = Scoring(model, chain, ttl_ms=settings.ttl_days * DAY_MS, topics=topics, features=features)
    console, started = Console(stderr=True), time.perf_counter()
    with progress(console) as bar:
        task = bar.add_task("scored", total=None if source.mapping else total_of(events, warm_up), note="")

        def step(rows: int) -> None:
            bar.advance(task, rows)

        before = 0
        for table, batches in read_slices(warm_up, chain, step, source) if warm_up else ():
            scoring.warm_up(batches)
            before += table.num_rows
        slices = read_slices(events, chain, step, source, first_row=before)
        write_scores(output, (scoring.score(table, batches) for table, batches in slices), scoring.schema)
    seconds = time.perf_counter() - started
    summary = {
        "scores": str(output),
        "events": scoring.events,
        "duplicates": scoring.duplicates,
        "scored": scoring.scored,
        "alerts": scoring.alerts,
        "seconds": round(seconds, 3),
        "events_per_s": round(scoring.events / seconds),
        "model": model.version,
        "sha256": model.sha256,
    }
    click.echo(json.dumps(summary) if as_json else _text(summary))


def read_slices(
    path: Path, chain: Chain, advance: Callable[[int], object], source: Source, first_row: int = 0
) -> Iterator[tuple[pa.Table, Iterator[Batch]]]:
    """Slices of a file of events, with the batches of each that `chain` reads, rows from `first_row`.

    `advance` gets the number of rows of each finished slice. Raises UserError for a bad file or event.
    """
    which: Which = "all" if chain.reads_wallet_events else "account"
    for table in source.tables(path):
        yield table, to_batches(table, BATCH, first_row=first_row, which=which, name=str(path))
        first_row += table.num_rows
        advance(table.num_rows)


def say_cold(model: Model) -> None:
    """Say on stderr that the state begins empty, and for how long that makes alerts mean little."""
    days = model.manifest["training"].get("burn_in_days")
    least = "" if days is None else f", {days} days in the model's own history"
    click.echo(
        f"note: the state begins empty, alerts mean little until it has settled{least}: give --warm-up", err=True
    )


def total_of(*files: Path | None) -> int | None:
    """Events of all files, None if one of them would have to be read to count."""
    counts = [count_rows(file) for file in files if file is not None]
    return None if None in counts else sum(count for count in counts if count is not None)


def _text(summary: dict[str, Any]) -> str:
    return (
        f"{summary['events']:,} events in {summary['scores']}: {summary['scored']:,} scored,"
        f" {summary['duplicates']:,} duplicates, {summary['alerts']:,} alerts"
        f" ({summary['events_per_s']:,}/s, model {summary['model']})"
    )
