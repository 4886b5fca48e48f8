"""`kozamori backtest`: a model's alerts on labelled events, evaluated."""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from detector.artifact import read_model
from detector.cli.mapping import chain_for, load
from detector.cli.options import Own, as_json, bank_budgets, controller, own_data, warm_up
from detector.cli.progress import progress
from detector.cli.scoring import read_slices, say_cold, total_of
from detector.cli.tables import print_tables
from detector.contract.batch import Batch
from detector.contract.hashing import hash64_many
from detector.core.chains import CHAINS
from detector.core.model import Model
from detector.core.stage import Chain
from detector.jst import DAY_MS, date_of
from detector.settings import Settings
from models.backtest.figures import Figures
from models.backtest.labels import Labels, labels_of
from models.backtest.played import Played, play
from models.backtest.run import Backtest
from models.backtest.run import backtest as compare
from models.datasets import FRAUD, Dataset, collect
from models.guard_rail import guard_rail
from models.kinds_of_day import KINDS_OF_DAY
from models.reports.backtest import check_report, write_report
from producers.files import read_labels
from producers.source import Source
from producers.typologies.names import named


@click.command(
    epilog="""\b
Examples:
  kozamori backtest september/events.parquet --labels september/labels.parquet --model model --budget 20
  kozamori backtest events.parquet --labels labels.jsonl --model model --train august/events.parquet -o report
  kozamori backtest events.parquet --labels labels.parquet --model model --budget 5 --json
  kozamori backtest own.csv --mapping own.toml --model model

Labels have event_id, case_id and typology. The model alerts at the limit of its training days, every scorer beside it
at the loosest that stays within the budget on these days. -o takes a folder, or a name ending in .html.
"""
)
@click.argument("events", type=click.Path(path_type=Path))
@click.option(
    "--labels",
    "labelled",
    type=click.Path(path_type=Path),
    help="Which events are fraud.  [default: as --mapping says]",
)
@click.option("--model", "folder", type=click.Path(path_type=Path), required=True, help="Model folder.")
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    help="False alert groups a day over all banks.  [default: the model's]",
)
@bank_budgets
@controller
@click.option(
    "--train",
    type=click.Path(path_type=Path),
    help="Normal days for the scorers beside the model that have to learn; the model does not see them.",
)
@warm_up
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of baselines and intervals.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Report to write: a folder, or a .html file.")
@own_data
@as_json
def backtest(
    events: Path,
    labelled: Path | None,
    folder: Path,
    budget: float | None,
    bank_budgets: dict[str, float],
    train: Path | None,
    warm_up: Path | None,
    seed: int,
    output: Path | None,
    own: Own,
    *,
    controller: bool,
    as_json: bool,
) -> None:
    """Evaluate a model's alerts on labelled events, beside simpler scorers.

    It only scores: neither the model nor its limit sees the labels.
    """
    if output is not None:
        check_report(output)
    model = read_model(folder, *CHAINS).with_bank_budgets(bank_budgets)
    if budget is not None:
        model = model.with_budget(budget)
    if controller:
        model = model.with_controller()
    source = load(own)
    chain, labels = chain_for(model, source), _labels(events, labelled, source)
    console = Console(stderr=True)
    with progress(console) as bar:
        task = bar.add_task("scored", total=None if source.mapping else total_of(events, warm_up, train), note="")

        def step(rows: int) -> None:
            bar.advance(task, rows)

        played = _play(events, warm_up, model, chain, labels, source, step)
        normal = None if train is None else normal_life(train, chain, source, step)
        bar.update(task, description="compared")
        found = compare(played, labels, model, chain, budget=model.budget, train=normal, seed=seed)
        if output is not None:
            about = {
                "events": events.name,
                "labels": (labelled or own.mapping or events).name,
                "model": model.version,
                "stages": model.stages,
            }
            output = write_report(output, found, about)
    if warm_up is None:
        say_cold(model)
    for note in (*found.notes, *_learnt_from(model, events, found)):
        click.echo(f"note: {note}", err=True)
    if as_json:
        click.echo(json.dumps(found.figures(), allow_nan=False))
    else:
        print_tables(_scorers(found), _typologies(found.scorers[0].figures), _banks(found), _kinds_of_day(found))
        if output is not None:
            click.echo(f"report: {output}")


def _learnt_from(model: Model, events: Path, found: Backtest) -> list[str]:
    """A note where the events are those that the model learnt from, or of the same days."""
    training = model.manifest["training"]
    with events.open("rb") as file:
        same = hashlib.file_digest(file, "sha256").hexdigest() == training["data_sha256"]
    if same:
        return [f"the model learnt from {events} itself: these figures are too good; judge it on other days"]
    first, last = (dt.date.fromisoformat(training[name]) for name in ("first_day", "last_day"))
    days = sum(first <= date_of(int(day)) <= last for day in found.days)
    if not days:
        return []
    told = f"{days} of these {len(found.days)} days are among those that the model learnt from, {first} to {last}"
    return [f"{told}: if it saw these accounts then, figures are too good"]


def _labels(events: Path, labelled: Path | None, source: Source) -> Labels:
    """The labels of a file of their own, else those among the events as the mapping says."""
    if labelled is not None:
        return labels_of(read_labels(labelled))
    if source.mapping is None:
        raise click.UsageError("which events are fraud: give --labels, or a --mapping with [labels]")
    return labels_of(source.labels(events))


def _play(
    events: Path,
    warm_up: Path | None,
    model: Model,
    chain: Chain,
    labels: Labels,
    source: Source,
    advance: Callable[[int], object],
) -> Played:
    """The events as the model saw them, offsets counted on from those of the warm-up."""
    before = 0
    ttl_ms = Settings().ttl_days * DAY_MS

    def earlier() -> Iterator[Batch]:
        nonlocal before
        for table, batches in read_slices(warm_up, chain, advance, source) if warm_up else ():
            yield from batches
            before += table.num_rows

    def own() -> Iterator[Batch]:
        for _, batches in read_slices(events, chain, advance, source, first_row=before):
            yield from batches

    return play(own(), model, chain, labels, ttl_ms=ttl_ms, warm_up=earlier())


def normal_life(path: Path, chain: Chain, source: Source, advance: Callable[[int], object]) -> Dataset:
    """Normal life of a history; fraud that the mapping names updates the state and no more."""
    fraud = hash64_many(source.frauds(path))
    slices = read_slices(path, chain, advance, source)
    batches = (batch for _, batches in slices for batch in batches)
    found = collect(batches, chain, Settings().ttl_days * DAY_MS, life=guard_rail(fraud=fraud).life)
    return found.select(found.life != FRAUD)


def _scorers(found: Backtest) -> Table:
    days = len(found.days)
    title = f"{found.cases.count:,} cases on {days} days, budget {found.budget:g} false alert groups a day"
    table = Table(title=title, title_justify="left")
    for heading in ("", "alerted", "early", "before debit", "yen lost", "false a day", "precision"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for scored in found.scorers:
        one = scored.figures
        shares = [_share(value) for value in (one.alerted, one.early, one.before_debit, one.yen_lost)]
        table.add_row(one.name, *shares, f"{one.false_groups_per_day:.1f}", _share(one.precision))
    return table


def _typologies(figures: Figures) -> Table:
    table = Table(title=f"{figures.name} by typology", title_justify="left")
    for heading in ("", "cases", "alerted", "early", "before debit", "yen lost", "median seconds"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=bool(heading))
    for name, row in figures.typologies.items():
        shares = [_share(value) for value in (row.alerted, row.early, row.before_debit, row.yen_lost)]
        seconds = "–" if row.median_seconds is None else f"{row.median_seconds:,.0f}"
        table.add_row(named(name), f"{row.cases:,}", *shares, seconds)
    return table


def _banks(found: Backtest) -> Table:
    """Each bank's budget and actual false alert groups."""
    table = Table(title="false alert groups a day by bank", title_justify="left")
    for heading in ("", "budget", "actual", "used"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for row in found.banks():
        budget = (f"{row.budget:.2f}" if row.budget else "–") + (" (own)" if row.own else "")
        table.add_row(row.bank, budget, f"{row.false_groups_per_day:.2f}", _share(row.used))
    return table


def _kinds_of_day(found: Backtest) -> Table:
    """The model's false alert groups on each kind of day; the budget is the same on all."""
    table = Table(title="false alert groups a day by kind of day", title_justify="left")
    for heading in ("", "days", "actual"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for kind in KINDS_OF_DAY:
        if on := found.kinds_of_day().get(kind.name):
            table.add_row(kind.shown, f"{on.days:,}", f"{on.groups_per_day:.1f}")
    return table


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
