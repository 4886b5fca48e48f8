"""`kozamori topics`: create and show the topics a deployment needs."""

import json
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Column, Table

from detector.cli.acls import acls
from detector.cli.options import CONNECTION, as_json, with_settings
from detector.kafka.topics import Row, inspect, report
from detector.kafka.topics import create as create_topics
from detector.settings import Settings


@click.group(
    epilog="""\b
Examples:
  kozamori topics create --bootstrap 127.0.0.1:9092 --partitions 4
  kozamori topics show --json
  kozamori topics acls
"""
)
def topics() -> None:
    """Create and show the topics a deployment needs, and the rights on them."""


topics.add_command(acls)


@topics.command(
    epilog="""\b
Examples:
  kozamori topics create
  kozamori topics create --bootstrap kafka-1:9092,kafka-2:9092 --partitions 12 --replication 3
"""
)
@with_settings(*CONNECTION, "input_prefix", "partitions", "replication", "alert_banks", "bulletin_banks")
@as_json
def create(settings: Settings, *, as_json: bool) -> None:
    """Create the topics that are missing, and say what is there; run it as often as you like.

    Nothing that exists is changed. A topic with another number of partitions or another cleanup policy than declared
    is refused before anything is created.
    """
    _print(create_topics(settings, settings.partitions, settings.replication), as_json=as_json)


@topics.command(
    epilog="""\b
Examples:
  kozamori topics show
  kozamori topics show --prefix test. --json
"""
)
@with_settings(*CONNECTION, "input_prefix", "alert_banks", "bulletin_banks")
@as_json
@click.pass_context
def show(context: click.Context, settings: Settings, *, as_json: bool) -> None:
    """Show the declared topics, and where Kafka's differ; exit status 1 where one is missing."""
    rows = report(settings, inspect(settings))
    _print(rows, as_json=as_json)
    context.exit(1 if any(row.action == "missing" for row in rows) else 0)


def _print(rows: list[Row], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"topics": [asdict(row) for row in rows]}, ensure_ascii=False))
        return
    # A name is there to be copied: it is never broken.
    name = Column("topic", no_wrap=True, min_width=max(len(row.name) for row in rows))
    table = Table(name, "", "partitions", "what for")
    for row in rows:
        notes = "".join(f"\n[yellow]{note}[/yellow]" for note in row.differs)
        table.add_row(row.name, row.action, str(row.partitions or "-"), row.why + notes)
    Console().print(table)
