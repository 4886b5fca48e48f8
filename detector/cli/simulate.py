"""`kozamori simulate`: writes events of a made-up population."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from detector.cli.options import as_json
from detector.cli.progress import progress
from detector.cli.scenario import scenario_of, scenario_options
from detector.errors import UserError
from producers import simulation
from producers.typologies import table

ENOUGH_NEWCOMERS = 50  # honest wallets that charge at once, for each case; with fewer, cases stand out


def _list_typologies(context: click.Context, parameter: click.Parameter, value: object) -> None:
    del parameter
    if value:
        click.echo(table.markdown())
        context.exit()


@click.command(
    epilog="""\b
Examples:
  kozamori simulate -o august
  kozamori simulate -o attack --scenario september-2020 --format jsonl
  kozamori simulate -o small --accounts 2000 --start 2020-07-01 --days 7
  kozamori simulate -o spray --typologies T3,T5 --cases 30

Runs of one --seed and one --accounts show days of the same population: what is linked in August charges in
September.
"""
)
@scenario_options
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write."
)
@click.option(
    "--list-typologies",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_typologies,
    help="Print all typologies with their parameters, ranges and where these come from, and leave.",
)
@click.option("--format", "kind", type=click.Choice(["parquet", "jsonl"]), default="parquet", show_default=True)
@click.option("--force", is_flag=True, help="Replace events that are in the folder.")
@as_json
def simulate(output: Path, kind: str, *, force: bool, as_json: bool, **chosen: Any) -> None:
    """Write events of a made-up population, attacks included.

    Into the folder go `events` in order of arrival, `labels` (event_id, case_id, typology, stage) of the fraud cases in
    them, and `summary.json`.
    """
    scenario = scenario_of(**chosen)
    there = [name for name in (f"events.{kind}", f"labels.{kind}", "summary.json") if (output / name).exists()]
    if there and not force:
        raise UserError(
            f"{output} has {', '.join(there)} already: choose another folder with -o, or replace them with --force"
        )
    console = Console(stderr=True)
    with progress(console) as bar:
        task = bar.add_task("events", total=None, note="")
        summary = simulation.write(scenario, output, f".{kind}", lambda rows: bar.advance(task, rows))
    if as_json:
        click.echo(json.dumps(summary))
        return
    click.echo(f"{summary['events']:,} events, {summary['cases']} cases in {output}")
    if summary["typologies"]:
        click.echo(f"\n{simulation.markdown(summary['typologies'])}")
    ratio = summary["honest_newcomers_per_case"]
    if ratio is not None and ratio < ENOUGH_NEWCOMERS:
        click.echo(
            f"note: only {ratio} honest wallets charge at once for each case, {ENOUGH_NEWCOMERS} hide one well: "
            "choose more --accounts or fewer --cases",
            err=True,
        )
