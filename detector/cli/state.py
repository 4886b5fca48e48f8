"""`kozamori state`: look at what a deployment has durably, begin anew, or carry it to another name."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime

import click
import msgspec
from rich.box import SIMPLE
from rich.console import Console
from rich.filesize import decimal
from rich.progress import Progress as Bar
from rich.table import Column, Table

from detector.cli.options import AUDIT, as_json, start_at, with_settings, yes
from detector.cli.tables import print_tables
from detector.cli.transfer import DEPLOYMENT, export_command, import_command
from detector.cli.warm import warm
from detector.jst import JST
from detector.kafka.audit import note
from detector.ops.migrate import Move, move, plan_move, refuse_without_name
from detector.ops.reset import Reset, Start, plan
from detector.ops.reset import reset as begin_anew
from detector.ops.state import PartitionState, StageState, State
from detector.ops.state import show as read_state
from detector.ops.stored import Progress
from detector.ops.verdicts import GOOD, VERDICTS
from detector.settings import Settings

COLUMNS = ("part", "committed", "log", "lag", "watermark", "rows", "writers", "verdict")


@click.group(
    epilog="""\b
Examples:
  kozamori state show
  kozamori state reset --to earliest
  kozamori state warm history.parquet --model model --yes
  kozamori state export backup
  kozamori state migrate --from-deployment blue --deployment green --yes
"""
)
def state() -> None:
    """Show, reset, fill, export, import or migrate the state of a deployment: its committed offsets and its rows."""


for command in (warm, export_command, import_command):
    state.add_command(command)


@state.command(
    epilog="""\b
Examples:
  kozamori state show
  kozamori state show --deployment green --json
"""
)
@with_settings(*DEPLOYMENT)
@as_json
@click.pass_context
def show(context: click.Context, settings: Settings, *, as_json: bool) -> None:
    """Show per stage and partition what is committed, what is stored, and whether a worker can go on from there.

    Reads every changelog whole. Exit status 1 where a worker would refuse to start. Lag is in records: events in a
    source topic, messages of many events in a hop between two stages. Of a hop, what was committed is deleted: its log
    begins there, a little later. A stage that the model does not have is new.

    With --json, `stages` lists the stages in the order in which an event meets them, each with its topic, topic_id,
    rows_topic (null: it keeps no rows), lag, rows, input_bytes and rows_bytes (on disk) and partitions; `topic`,
    `topic_id` and `partitions` beside it are those of the first.
    """
    with _progress("Reading the changelogs") as progress:
        found = read_state(settings, progress)
    if as_json:
        first = {name: getattr(found.stages[0], name) for name in ("topic", "topic_id", "partitions")}
        shape = {"group": found.group, "members": found.members, **first, "stages": found.stages}
        click.echo(json.dumps(msgspec.to_builtins(shape), ensure_ascii=False))
    else:
        _print_state(found)
    context.exit(0 if found.startable else 1)


@state.command(
    epilog="""\b
Examples:
  kozamori state reset
  kozamori state reset --to earliest --yes
  kozamori state reset --to latest --yes
"""
)
@with_settings(*DEPLOYMENT, *AUDIT)
@start_at
@yes
@as_json
def reset(settings: Settings, to: Start, *, yes: bool, as_json: bool) -> None:
    """Forget the offsets, rows and hops of a deployment whose workers are stopped: of all stages together.

    `--to earliest` rebuilds the state from the events that Kafka still has. What older events had left behind is lost
    (habits, old links, a case begun before), and the events read again raise their alerts again: with the same ids, so
    that a subscriber that drops repeated ids sees none twice unless it never saw it. `--to latest` begins with an
    empty state at the end: events not read yet are never scored, and every account looks new.
    """
    done = plan(settings, to)
    if yes:
        note(settings, "state reset", {"group": settings.group, "to": to})
        done = begin_anew(settings, to)
    if as_json:
        click.echo(json.dumps({"done": yes, "to": to, **asdict(done)}))
    else:
        _print_reset(done, to, done_now=yes)


@state.command(
    epilog="""\b
Example:
  kozamori state migrate --from-deployment blue --deployment green --yes
"""
)
@with_settings(*DEPLOYMENT, *AUDIT)
@click.option("--from-deployment", metavar="NAME", help="The deployment whose offsets are carried over.")
@yes
@as_json
def migrate(settings: Settings, from_deployment: str | None, *, yes: bool, as_json: bool) -> None:
    """Carry the offsets of one deployment, with their marks, to another name, and delete the old group.

    The workers of both must be stopped. Rows stay where they are, since they belong to the topic prefix.

    Another prefix means other topics, whose offsets mean other events: nothing can be carried over.

    Partitions added to account-events cannot be followed: an account then lies in another partition than its row, and
    a row knows only a hash of its account, not the partition it went to. Export the state before they are added, and
    import it afterwards (`kozamori state import --help`); or add as many to wallet-events, and rebuild with `kozamori
    state reset --to earliest --yes` from the 35 days of events that the topics keep.
    """
    if from_deployment is None:
        refuse_without_name(settings)
    done = plan_move(settings, from_deployment)
    if yes:
        note(settings, "state migrated", {"group": settings.group, "from": from_deployment})
        done = move(settings, from_deployment)
    if as_json:
        click.echo(json.dumps({"done": yes, "offsets": done.offsets, **asdict(done)}))
    else:
        _print_move(done, done_now=yes)


@contextmanager
def _progress(text: str) -> Iterator[Progress]:
    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print_state(found: State) -> None:
    console = Console()
    console.print(f"group {found.group}: {found.members} worker(s) running\n", highlight=False, soft_wrap=True)
    for stage in found.stages:
        title = f"stage {stage.stage} · topic {stage.topic}, id {stage.topic_id or '-'} · lag {stage.lag}"
        title += f" · {decimal(stage.input_bytes)}"
        rows = f" · {stage.rows} rows, {decimal(stage.rows_bytes)}" if stage.rows_topic else ""
        console.print(f"[bold]{title}{rows}[/bold]", highlight=False, soft_wrap=True)
        print_tables(_table(stage), console=console)
    for name in found.verdicts:
        console.print(f"{name}: {VERDICTS[name]}", highlight=False, soft_wrap=True)


def _table(stage: StageState) -> Table:
    # So close that on 80 columns only a long log or verdict is broken.
    columns = (Column(name, no_wrap=name not in {"log", "verdict"}) for name in COLUMNS)
    table = Table(*columns, box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    for row in stage.partitions:
        colour = "green" if row.verdict in GOOD else "red"
        table.add_row(
            str(row.partition),
            "-" if row.committed is None else str(row.committed),
            f"{row.log_start} to {row.log_end}",
            str(row.lag),
            _watermark(row),
            str(row.rows) if stage.rows_topic else "-",
            str(row.writers) if stage.rows_topic else "-",
            f"[{colour}]{row.verdict}[/{colour}]",
        )
    return table


def _watermark(row: PartitionState) -> str:
    if not row.watermark_ms:
        return "-"
    moment = datetime.fromtimestamp(row.watermark_ms / 1000, UTC)
    return f"{moment.astimezone(JST):%Y-%m-%d %H:%M:%S} JST\n{moment:%Y-%m-%d %H:%M:%S} UTC"


def _print_reset(done: Reset, to: Start, *, done_now: bool) -> None:
    word = "deleted" if done_now else "would delete"
    click.echo(
        f"{word} the offsets of group {done.group} ({sum(len(stage.committed) for stage in done.stages)} partitions)"
    )
    for stage in done.stages:
        if stage.is_hop:
            click.echo(f"{word} the messages in {stage.topic} ({stage.dropped})")
        if stage.rows_topic:
            click.echo(f"{word} the rows in {stage.rows_topic} ({stage.rows_records} records)")
    for stage in done.stages:
        if not stage.is_hop:
            begin = _positions(stage.begin_at)
            click.echo(f"workers begin at the {to} event of {stage.topic} ({begin}), {stage.to_read} events to read")
    if not done_now:
        click.echo("nothing was changed: run again with --yes (see --help for what is lost)")


def _print_move(done: Move, *, done_now: bool) -> None:
    if not done.moved:
        click.echo(f"group {done.target} has the offsets already, {done.source} has none: nothing to do")
        return
    word = "moved" if done_now else "would move"
    click.echo(f"{word} the offsets of group {done.source} to {done.target}")
    for stage in done.stages:
        click.echo(f"  stage {stage.stage}, topic {stage.topic}: {_positions(stage.offsets) or 'none'}")
    if not done_now:
        click.echo("nothing was changed: run again with --yes")


def _positions(offsets: Mapping[int, int]) -> str:
    return ", ".join(f"{partition}: {offset}" for partition, offset in offsets.items())
