"""`kozamori campaigns`: when banks would have been told of the campaigns in a file."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from detector.artifact import read_model
from detector.cli.mapping import chain_for, load
from detector.cli.options import Own, as_json, own_data, warm_up
from detector.cli.progress import progress
from detector.cli.scoring import read_slices, say_cold, total_of
from detector.cli.tables import print_tables
from detector.contract.batch import Batch
from detector.core.chains import CHAINS
from detector.jst import DAY_MS, JST
from detector.settings import Settings
from models.backtest.labels import Labels, labels_of
from models.campaigns import Campaign, Told, campaigns_of
from producers.files import read_labels


@click.command(
    epilog="""\b
Examples:
  kozamori campaigns september/events.parquet --labels september/labels.parquet --model model \\
      --warm-up august/events.parquet
  kozamori campaigns normal/events.parquet --model model --warm-up august/events.parquet --json

Seconds are of event time, to the event with which the evidence suffices. Labels have event_id, case_id and typology;
without them every campaign is false. The state begins empty, or with --warm-up; what is told then means little.
"""
)
@click.argument("events", type=click.Path(path_type=Path))
@click.option("--labels", "labelled", type=click.Path(path_type=Path), help="Which events are fraud.")
@click.option("--model", "folder", type=click.Path(path_type=Path), required=True, help="Model folder.")
@warm_up
@own_data
@as_json
def campaigns(
    events: Path, labelled: Path | None, folder: Path, warm_up: Path | None, own: Own, *, as_json: bool
) -> None:
    """Show the campaigns that a worker would tell banks of, when, and which of them are false."""
    model, source = read_model(folder, *CHAINS), load(own)
    chain, settings = chain_for(model, source), Settings()
    if labelled is not None:
        labels = labels_of(read_labels(labelled))
    else:
        labels = Labels(np.empty(0, np.uint64), np.empty(0, np.int32), (), ())
    with progress(Console(stderr=True)) as bar:
        task = bar.add_task("played", total=None if source.mapping else total_of(events, warm_up), note="")
        rows = 0

        def batches(path: Path | None) -> Iterator[Batch]:
            nonlocal rows
            slices = read_slices(path, chain, lambda n: bar.advance(task, n), source, first_row=rows) if path else ()
            for table, parts in slices:
                yield from parts
                rows += table.num_rows

        found = campaigns_of(
            batches(events),
            model,
            labels,
            ttl_ms=settings.ttl_days * DAY_MS,
            topics=(settings.account_events, settings.wallet_events),
            warm_up=batches(warm_up),
        )
    if warm_up is None:
        say_cold(model)
    if as_json:
        click.echo(json.dumps(found.figures()))
    else:
        print_tables(_table(found))


def _table(found: Told) -> Table:
    true = sum(one.true for one in found.campaigns)
    title = (
        f"{len(found.campaigns)} campaigns in {found.days:.0f} days, {true} of them fraud;"
        f" {found.false_a_month:.1f} false a month"
    )
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for heading in ("told (JST)", "of", "what", "likely", "after", "first yen", "yen taken", "at last", "fraud"):
        table.add_column(heading, justify="right" if heading in {"after", "yen taken", "at last", "fraud"} else "left")
    for one in found.campaigns:
        told_at = dt.datetime.fromtimestamp(one.first.occurred_at_ms / 1000, JST)
        of = one.first.indicator.kind if one.first.indicator.kind == "source" else one.first.indicator.value
        table.add_row(
            f"{told_at:%m-%d %H:%M:%S}",
            of,
            one.first.patterns[0],
            one.first.typologies[0],
            _span(one.seconds),
            _against_yen(one),
            f"{one.first.yen_taken:,}",
            f"{one.last.yen_taken:,}",
            f"{one.fraud:.0%}",
        )
    return table


def _against_yen(one: Campaign) -> str:
    since = one.since_first_yen_s
    if since is None:
        return "none taken"
    return f"{_span(-since)} before" if since < 0 else f"{_span(since)} after"


def _span(seconds: float) -> str:
    return str(dt.timedelta(seconds=round(seconds)))
