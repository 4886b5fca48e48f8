"""`kozamori export`: the events of the source topics as a file."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
from rich.console import Console

from detector.cli.options import CONNECTION, as_json, with_settings
from detector.cli.progress import progress
from detector.contract import canary
from detector.core.topology import COMPLETE
from detector.errors import UserError
from detector.jst import JST
from detector.ops.topic_log import Progress, TopicLog
from detector.settings import Settings
from producers.files import SLICE_ROWS, write_events
from producers.jsonl import table_of

TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"])


@click.command(
    epilog="""\b
Examples:
  kozamori export -o history.parquet
  kozamori export -o august.parquet --from 2026-08-01 --until 2026-09-01
"""
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write.")
@click.option("--from", "begin", type=TIME, help="Only events from this time in Japan on, as 2026-08-01.")
@click.option("--until", "end", type=TIME, help="Only events before this time in Japan.")
@with_settings(*CONNECTION, "input_prefix")
@as_json
def export(
    settings: Settings, output: Path, begin: dt.datetime | None, end: dt.datetime | None, *, as_json: bool
) -> None:
    """Write what the source topics have to an events file (.parquet or .jsonl), to train on or to keep.

    In order of event time; late events come after what they followed in their partition. What a file in this order was
    produced from comes back as it was. Records that are no events are left out and counted, canaries are left out.
    """
    log = TopicLog(settings, COMPLETE)
    with progress(Console(stderr=True)) as bar:
        task = bar.add_task("records read", total=None, note="")

        def told(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        events = write_events(output, tables_of(log, _epoch_ms(begin), _epoch_ms(end), told))
    if as_json:
        click.echo(json.dumps({"file": str(output), "events": events, "unreadable": log.unreadable}))
        return
    said = f", {log.unreadable:,} records are no events and left out" if log.unreadable else ""
    click.echo(f"{events:,} events in {output}{said}")


def tables_of(log: TopicLog, begin_ms: int | None, end_ms: int | None, told: Progress) -> Iterator[pa.Table]:
    """The events from `begin_ms` on and before `end_ms`, in tables that depend on nothing else; UserError: none."""
    waiting: list[bytes] = []
    found = 0
    for part in log.parts(told):
        time_ms = part.batch.occurred_at_ms
        kept = part.batch.bank != int(canary.BANK)
        if begin_ms is not None:
            kept &= time_ms >= begin_ms
        if end_ms is not None:
            kept &= time_ms < end_ms
        waiting += [part.values[index] for index in np.flatnonzero(kept).tolist()]
        found += int(np.count_nonzero(kept))
        while len(waiting) >= SLICE_ROWS:
            yield table_of(waiting[:SLICE_ROWS])
            waiting = waiting[SLICE_ROWS:]
    if not found:
        raise UserError(
            "the source topics have no events of that time: check --bootstrap, --prefix, --from and --until"
        )
    if waiting:
        yield table_of(waiting)


def _epoch_ms(time: dt.datetime | None) -> int | None:
    return None if time is None else int(time.replace(tzinfo=JST).timestamp() * 1000)
