"""`kozamori kafka`: a real Kafka on this machine, left running until stopped."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from detector.errors import UserError
from detector.local_kafka import background
from detector.local_kafka.background import Background
from detector.local_kafka.jars import Progress as OnProgress

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")


@click.group(
    epilog="""\b
Examples:
  kozamori kafka start
  kozamori kafka status --json
  kozamori kafka stop
"""
)
def kafka() -> None:
    """Run a real Apache Kafka on this machine: one node, on 127.0.0.1 only, for trying things out.

    The first start downloads 44 MB of jars, each checked against a pinned SHA-256, and keeps them. An installed
    Java 17 or later is used where there is one.
    """


@kafka.command(
    epilog="""\b
Examples:
  kozamori kafka start
  kozamori kafka start --port 9092 --data-dir ./kafka-data
  kozamori kafka start --set message.max.bytes=10485760
"""
)
@click.option("--port", type=click.IntRange(1, 65535), help="Port for clients.  [default: a free one]")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the topics, kept when Kafka stops.  [default: one in the data folder]",
)
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="A Kafka server property; repeatable.")
@as_json
def start(port: int | None, data_dir: Path | None, settings: tuple[str, ...], *, as_json: bool) -> None:
    """Start Kafka in the background and return when it answers; do nothing if it already runs."""
    with shown_progress() as progress:
        found = background.start(data_dir, port or 0, _properties(settings), progress)
    _print(found, as_json=as_json)


@kafka.command(epilog="Example: kozamori kafka stop")
@as_json
def stop(*, as_json: bool) -> None:
    """Stop the Kafka in the background; its topics are kept."""
    found = background.stop()
    if as_json:
        click.echo(json.dumps({"stopped": found is not None}))
    else:
        click.echo(f"Kafka on {found.bootstrap} stopped" if found else "Kafka is not running")


@kafka.command(epilog="Example: kozamori kafka status --json")
@as_json
@click.pass_context
def status(context: click.Context, *, as_json: bool) -> None:
    """Say whether a Kafka runs in the background, and where; exit status 1 where none does."""
    found = background.status()
    _print(found, as_json=as_json)
    context.exit(0 if found else 1)


def _print(found: Background | None, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"running": found is not None, **(asdict(found) if found else {})}))
    elif found:
        click.echo(f"Kafka is running on {found.bootstrap} (process {found.pid}, data in {found.data_dir})")
    else:
        click.echo("Kafka is not running")


def _properties(settings: tuple[str, ...]) -> dict[str, str]:
    pairs = [setting.partition("=") for setting in settings]
    for key, equals, _value in pairs:
        if not key or not equals:
            raise UserError(f"--set got {key!r}, expected KEY=VALUE, such as message.max.bytes=10485760")
    return {key.strip(): value.strip() for key, _, value in pairs}


@contextmanager
def shown_progress() -> Iterator[OnProgress]:
    """A line on the terminal's stderr that shows what the start of Kafka is busy with; nothing in a pipe."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(20), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Starting", total=None)

        def show(text: str, done: int, total: int) -> None:
            progress.update(task, description=text, completed=done, total=total or None)

        yield show
