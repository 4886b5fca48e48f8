"""`kozamori world`: days of a foreign world, whose rules are not the simulator's, to judge a model by."""

import json
from pathlib import Path

import click
import pyarrow as pa
from rich.console import Console

from detector.cli.options import as_json
from detector.cli.progress import progress
from detector.errors import UserError
from models.worlds.world import WORLDS, Size
from producers.files import read_tables, write_events, write_labels

DEFAULT = Size()
PART_ROWS = 131_072  # rows a write, for the progress bar


@click.command(
    epilog="""\b
Examples:
  kozamori world agents -o agents
  kozamori world settled -o settled --accounts 20000 --seed 2
  kozamori world resampled --history history.parquet -o again
  kozamori train agents/history.parquet -o model
  kozamori backtest agents/events.parquet --labels agents/labels.parquet --model model \\
      --train agents/history.parquet --warm-up agents/history.parquet

\b
"""
    + "\n".join(f"{world.name}: {world.mechanism}." for world in WORLDS)
)
@click.argument("name", type=click.Choice([world.name for world in WORLDS]))
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write."
)
@click.option("--history", type=click.Path(path_type=Path), help="Events of normal days, for `resampled`.")
@click.option("--accounts", type=int, default=DEFAULT.accounts, show_default=True, help="Accounts at the beginning.")
@click.option("--days", type=int, default=DEFAULT.days, show_default=True, help="Days to learn from, without fraud.")
@click.option("--judged-days", type=int, default=DEFAULT.judged_days, show_default=True, help="Days after them.")
@click.option("--cases", type=int, default=DEFAULT.cases, show_default=True, help="Fraud cases on the judged days.")
@click.option("--seed", type=int, default=DEFAULT.seed, show_default=True, help="The same seed gives the same bytes.")
@as_json
def world(
    name: str,
    output: Path,
    history: Path | None,
    accounts: int,
    days: int,
    judged_days: int,
    cases: int,
    seed: int,
    *,
    as_json: bool,
) -> None:
    """Write days of a foreign world: history.parquet (normal), events.parquet and labels.parquet (with fraud).

    Foreign worlds share no rules with `kozamori simulate`, from which training takes its attacks, and train nothing.
    """
    size = Size(accounts, days, judged_days, cases, seed)
    (chosen,) = (world for world in WORLDS if world.name == name)
    if chosen.from_history is (history is None):
        raise UserError(
            f"{name}: give --history" if history is None else f"{name} has a history of its own: no --history"
        )
    life = chosen.play(
        size, None if history is None else pa.concat_tables(read_tables(history), promote_options="default")
    )
    tables = {"history": life.history, "events": life.judged}
    with progress(Console(stderr=True)) as bar:
        for part, table in tables.items():
            task = bar.add_task(part, total=table.num_rows, note="")
            slices = (table.slice(at, PART_ROWS) for at in range(0, table.num_rows, PART_ROWS))
            write_events(output / f"{part}.parquet", slices, lambda rows, task=task: bar.advance(task, rows))  # type: ignore[misc]
    write_labels(output / "labels.parquet", [life.labels])
    found = {
        "folder": str(output),
        "world": name,
        **{part: table.num_rows for part, table in tables.items()},
        "labels": life.labels.num_rows,
        "seed": seed,
    }
    counts = ", ".join(f"{table.num_rows:,} {part}" for part, table in tables.items())
    click.echo(json.dumps(found) if as_json else f"{counts}, {life.labels.num_rows:,} labelled, in {output}")
