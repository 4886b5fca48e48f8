"""`kozamori state warm`: fill an empty deployment from a history."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from detector.artifact import read_model
from detector.cli.options import AUDIT, CONNECTION, Own, as_json, own_data, start_at, with_settings, yes
from detector.cli.progress import progress
from detector.core.chains import CHAINS
from detector.core.topology import Topology, topology_for
from detector.errors import UserError
from detector.jst import JST
from detector.kafka.audit import note
from detector.ops.history import Slice
from detector.ops.reset import Start
from detector.ops.warm import Fill, warm_from_topics
from detector.ops.warm import warm as fill
from detector.settings import Settings

INTERRUPTED = "note: interrupted: where rows were being written, no worker starts until this is run again or reset"


@click.command(
    epilog="""\b
Examples:
  kozamori state warm history.parquet --model model
  kozamori state warm history.parquet --model model --yes
  kozamori state warm own.csv --mapping own.toml --model model --to latest --yes
  kozamori state warm --from-topics --model model --yes
"""
)
@click.argument("history", type=click.Path(path_type=Path), required=False)
@click.option("--from-topics", is_flag=True, help="Play what the source topics have now, instead of a history.")
@with_settings(*CONNECTION, *AUDIT, "input_prefix", "deployment", "model", "ttl_days")
@start_at
@yes
@own_data
@as_json
def warm(
    settings: Settings,
    history: Path | None,
    to: Start,
    own: Own,
    *,
    from_topics: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Fill an empty deployment whose workers are stopped from HISTORY, an events file or own data, or from the topics.

    The history is played at the speed of a back-test, and each stage's rows are written as if a worker had read it:
    accounts, wallets and sources are known from the first event on. No alert is raised, no case is opened, and a
    controller begins at 1. With `--to earliest` events of the history that Kafka still has are left out, partition by
    partition from the time of its first event on, so that none counts twice.

    With `--from-topics` the source topics are played from their beginning to the end they have now, faster than a
    worker reads them, and the worker goes on exactly there.

    It refuses a deployment that has rows or has read events: `kozamori state reset` first. Interrupted, it leaves a
    deployment that no worker starts on until it is run again, or reset.
    """
    if settings.model is None:
        raise UserError("setting model: got nothing, expected the folder of a trained model (`kozamori train`)")
    if from_topics is (history is not None):
        raise UserError("expected a history or --from-topics, and not both")
    model = read_model(settings.model, *CHAINS)
    unreadable = 0
    if yes:
        source = "the topics" if history is None else str(history)
        note(settings, "state filled", {"group": settings.group, "to": to, "from": source})
    try:
        if history is not None:
            done = _fill(settings, topology_for(model), history, to, own, yes=yes)
        else:
            to = "latest"
            done, unreadable = _fill_from_topics(settings, topology_for(model), yes=yes)
    except KeyboardInterrupt:
        if yes:
            click.echo(INTERRUPTED, err=True)
        raise
    if as_json:
        click.echo(json.dumps({"done": yes, "to": to, **asdict(done), "unreadable": unreadable}))
        return
    click.echo(text_of(done, to, model.burn_in_days, done_now=yes))
    if unreadable:
        click.echo(f"{unreadable:,} records were no events: a worker would have made dead letters of them")


def _fill(settings: Settings, topology: Topology, history: Path, to: Start, own: Own, *, yes: bool) -> Fill:
    # What reads files, which a worker's installation lacks: the other commands of `state` go without it.
    from detector.cli.mapping import load
    from detector.cli.scoring import read_slices
    from producers.files import count_rows
    from producers.partitions import event_partitions

    source = load(own)
    with progress(Console(stderr=True)) as bar:
        played = bar.add_task("played", total=None if source.mapping else count_rows(history), note="")
        written = bar.add_task("rows written", total=None, note="", visible=False)

        def read(partitions: int) -> Iterator[Slice]:
            slices = read_slices(history, topology.chain, lambda rows: bar.advance(played, rows), source)
            for table, batches in slices:
                partition = event_partitions(table, partitions)
                for batch in batches:
                    yield Slice(batch, partition[batch.record])

        def step(done: int, total: int) -> None:
            bar.update(written, completed=done, total=total, visible=True)

        return fill(settings, topology, read, to, step, yes=yes)


def _fill_from_topics(settings: Settings, topology: Topology, *, yes: bool) -> tuple[Fill, int]:
    with progress(Console(stderr=True)) as bar:
        read = bar.add_task("records read", total=None, note="")
        written = bar.add_task("rows written", total=None, note="", visible=False)

        def told(done: int, total: int) -> None:
            bar.update(read, completed=done, total=total)

        def step(done: int, total: int) -> None:
            bar.update(written, completed=done, total=total, visible=True)

        return warm_from_topics(settings, topology, told, step, yes=yes)


def text_of(done: Fill, to: Start, burn_in_days: float, *, done_now: bool) -> str:
    """What was done, or would be, for people; `burn_in_days` of the model."""
    lines = [f"played {done.events:,} events of the history, {_jst(done.first_ms)} to {_jst(done.last_ms)}"]
    if done.days < burn_in_days:
        days = f"{done.days:.1f} days, the model's burn-in is {burn_in_days:g}"
        lines.append(f"that is {days}: until the state is as old, alerts mean little")
    if done.left_out:
        lines.append(f"left out {done.left_out:,} events that the log has itself")
    if done.again:
        lines.append(f"{'removed' if done_now else 'would remove'} what an interrupted one had left")
    sums = {stage.stage: sum(stage.rows.values()) for stage in done.stages}
    has = "has" if done_now else "would have"
    lines += [f"stage {name} {has} {rows:,} rows" for name, rows in sums.items() if rows]
    for stage in done.stages:
        if stage.is_source:
            begin = ", ".join(f"{partition}: {offset}" for partition, offset in stage.begin_at.items())
            lines.append(f"workers of group {done.group} begin at the {to} event of {stage.topic} ({begin})")
    if not done_now:
        lines.append("nothing was changed: run again with --yes (see --help)")
    return "\n".join(lines)


def _jst(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(JST):%Y-%m-%d %H:%M} JST"
