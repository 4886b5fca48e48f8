"""`kozamori simulate` and `kozamori produce`: make events, and bring them to Kafka."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from detector.cli.options import as_json
from producers import simulation
from producers.scenarios import SCENARIOS, Scenario, sized

ENOUGH_NEWCOMERS = 50  # honest wallets that charge at once, for each case; with fewer a case does not hide


def _date(context: click.Context, parameter: click.Parameter, value: dt.datetime | None) -> dt.date | None:
    del context, parameter
    return value.date() if value else None


_SCENARIO_OPTIONS = (
    click.option(
        "--scenario",
        type=click.Choice(list(SCENARIOS)),
        default="normal",
        show_default=True,
        help=" ".join(f"{s.name}: {s.help}" for s in SCENARIOS.values()),
    ),
    click.option("--start", type=click.DateTime(["%Y-%m-%d"]), callback=_date, help="First day, as 2020-08-01."),
    click.option("--days", type=int, help="Number of days."),
    click.option("--accounts", type=int, help="Linked accounts when the population begins.  [default: 60000]"),
    click.option("--events", "about", type=click.IntRange(min=1), help="Choose --accounts for about so many events."),
    click.option("--cases", type=int, help="Number of fraud cases."),
    click.option("--seed", type=int, help="The same seed gives the same population and the same bytes."),
    click.option(
        "--wallet-events/--no-wallet-events",
        default=None,
        help="With or without `open` and `payment`.  [default: with]",
    ),
)


def _scenario_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_SCENARIO_OPTIONS):
        command = option(command)
    return command


@click.command(
    epilog="""\b
Examples:
  kozamori simulate -o august
  kozamori simulate -o attack --scenario september-2020 --format jsonl
  kozamori simulate -o small --accounts 2000 --start 2020-07-01 --days 7

Runs of one --seed and one --accounts show days of the same population: what is linked in August charges in
September.
"""
)
@_scenario_options
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write."
)
@click.option("--format", "kind", type=click.Choice(["parquet", "jsonl"]), default="parquet", show_default=True)
@as_json
def simulate(output: Path, kind: str, *, as_json: bool, **chosen: Any) -> None:
    """Write events of a made-up population, attacks included.

    Into the folder go `events` in order of arrival, `labels` (event_id, case_id, typology) of the fraud cases in them,
    and `summary.json`.
    """
    scenario = scenario_of(**chosen)
    console = Console(stderr=True)
    with progress(console) as bar:
        task = bar.add_task("events", total=None, note="")
        summary = simulation.write(scenario, output, f".{kind}", lambda rows: bar.advance(task, rows))
    if as_json:
        click.echo(json.dumps(summary))
        return
    click.echo(f"{summary['events']:,} events, {summary['cases']} cases in {output}")
    ratio = summary["honest_newcomers_per_case"]
    if ratio is not None and ratio < ENOUGH_NEWCOMERS:
        click.echo(
            f"note: only {ratio} honest wallets charge at once for each case, {ENOUGH_NEWCOMERS} hide one well: "
            "choose more --accounts or fewer --cases",
            err=True,
        )


def scenario_of(*, scenario: str, about: int | None, **chosen: Any) -> Scenario:
    """The scenario of that name with the options that were given; raises UserError where they make no sense."""
    given = {name: value for name, value in chosen.items() if value is not None}
    if about is not None and "accounts" in given:
        raise click.UsageError("--events chooses the number of accounts: give --events or --accounts, not both")
    result = replace(SCENARIOS[scenario], **given)
    return result if about is None else sized(result, about)


def progress(console: Console) -> Progress:
    """A progress bar on stderr that counts events; silent where stderr is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", style="dim"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
