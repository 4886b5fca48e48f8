"""`kozamori bench`: measure throughput, scoring, recovery and latency."""

import json
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from detector.bench.contestants import NAMES
from detector.cli.main import Entry, LazyGroup
from detector.cli.options import as_json
from detector.cli.tables import print_tables

COMMANDS = (
    Entry("stream", "detector.cli.bench:stream", "The worker beside plain Faust and a bare loop, on a real Kafka."),
    Entry("score", "detector.bench.score:score", "The forest beside scikit-learn's."),
    Entry("explain", "detector.bench.explain:explain", "What an alert's reasons cost, by form of detector."),
    Entry("recover", "detector.cli.bench:recover", "Rows restored a second, and the memory they take."),
    Entry("latency", "detector.cli.bench:latency", "From an event to its alert, at a steady rate."),
)

partitions = click.option(
    "--partitions", type=click.IntRange(1, 64), default=4, show_default=True, help="Of the input topic."
)
seed = click.option(
    "--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="Of the simulated events and the model."
)
rounds = click.option("--rounds", type=click.IntRange(1, 100), default=3, show_default=True, help="The median counts.")
bootstrap = click.option(
    "--bootstrap",
    default="",
    metavar="HOST:PORT",
    help="Kafka without TLS to run on, in topics of its own that are deleted afterwards; by default one is started.",
)


@click.group(
    cls=LazyGroup,
    entries=COMMANDS,
    epilog="""\b
Examples:
  kozamori bench stream
  kozamori bench stream --only bare --only worker --profile
  kozamori bench recover --rows 1000000 --json
  kozamori bench latency --rate 10000 --seconds 20
  kozamori bench score --json
  kozamori bench explain --json

Run them on a machine that does nothing else. Each starts a real Kafka of its own and leaves nothing behind.
""",
)
def bench() -> None:
    """Measure throughput, scoring, recovery and latency, each in a minute or a few."""
    # A supervisor's SIGTERM must end worker and Kafka as Ctrl-C does.
    signal.signal(signal.SIGTERM, _end)


@bench.command(
    epilog="""\b
Examples:
  kozamori bench stream --json
  kozamori bench stream --events 1000000 --rounds 5 --only bare --only worker
  kozamori bench stream --events 200000 --only worker --rounds 1 --profile
"""
)
@click.option("--events", type=click.IntRange(100, 20_000_000), default=200_000, show_default=True)
@rounds
@click.option(
    "--accounts", type=click.IntRange(min=10), help="Accounts simulated; by default as many as have so many events."
)
@partitions
@seed
@bootstrap
@click.option("--only", type=click.Choice(NAMES), multiple=True, help="A contestant to run; may be repeated.")
@click.option("--profile", is_flag=True, help="Also show where the worker's time goes, µs an event by part.")
@as_json
def stream(*, only: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Measure the worker beside simpler programs, on the same events from the same Kafka.

    Each contestant reads the topic from its start, in a process and a consumer group of its own, in turn in every
    round. Its clock runs from its first record to its last, the worker's until all is committed. The slow ones get
    fewer events, stated beside their figures.
    """
    from detector.bench.stream import Plan, ratios, run

    report = run(Plan(only=only or NAMES, **options), _say())
    if as_json:
        click.echo(json.dumps(report))
        return
    table = Table("", "events/s", "CPU µs/event", "events", "durable", "what it does")
    for result in report["results"]:
        figures = [f"{result['events_per_s']:,.0f}", f"{result['cpu_us_per_event']:,.1f}", f"{result['events']:,}"]
        table.add_row(result["name"], *figures, "yes" if result["durable"] else "no", result["what"])
    console = _print(report, table)
    for other, ratio in ratios(report).items():
        console.print(f"worker / {other}: {ratio:.2f}")
    if "profile" in report:
        parts = Table("part of the worker", "µs/event", "")
        for part in report["profile"]:
            parts.add_row(part["part"], f"{part['us_per_event']:.2f}", part["what"])
        print_tables(parts, console=console)


@bench.command(
    epilog="""\b
Examples:
  kozamori bench recover
  kozamori bench recover --rows 200000 --rounds 1 --json
"""
)
@click.option("--rows", type=click.IntRange(1, 20_000_000), default=1_000_000, show_default=True)
@rounds
@partitions
@seed
@bootstrap
@as_json
def recover(*, as_json: bool, **options: Any) -> None:
    """Measure how fast a worker restores its rows from the changelog, and the most memory it takes with them."""
    from detector.bench.recover import Plan, run

    report = run(Plan(**options), _say())
    if as_json:
        click.echo(json.dumps(report))
        return
    table = Table("rows", "rows/s", "CPU µs/row", "peak memory, MB")
    figures = [f"{report[name]:,}" for name in ("rows", "rows_per_s", "cpu_us_per_row", "rss_mb")]
    table.add_row(*figures)
    _print(report, table)


@bench.command(
    epilog="""\b
Examples:
  kozamori bench latency --rate 10000
  kozamori bench latency --rate 2000 --seconds 60 --json
"""
)
@click.option("--rate", type=click.FloatRange(10, 1_000_000), default=10_000.0, show_default=True, help="Events/s.")
@click.option("--seconds", type=click.FloatRange(1, 3_600), default=20.0, show_default=True, help="After the warm-up.")
@partitions
@seed
@bootstrap
@as_json
def latency(*, as_json: bool, **options: Any) -> None:
    """Measure the time from producing an event to consuming its alert.

    About one event in a hundred alerts here, so that there is enough to measure.
    """
    from detector.bench.latency import Plan, run

    report = run(Plan(**options), _say())
    if as_json:
        click.echo(json.dumps(report))
        return
    table = Table("events/s", "p50 ms", "p99 ms", "p99.9 ms", "alerts")
    figures = [f"{report[name]:,}" for name in ("p50_ms", "p99_ms", "p999_ms", "n")]
    table.add_row(f"{report['sent_per_s']:,}", *figures)
    console = _print(report, table)
    histogram = Table("the worker's own: record written to alert durable, within s", "alerts")
    for bound, count in report["worker_histogram_s"].items():
        histogram.add_row(bound, f"{count:,}")
    print_tables(histogram, console=console)


def _print(report: dict[str, Any], table: Table) -> Console:
    console = Console()
    console.print(f"{report['machine']}; seed {report['seed']}", highlight=False)
    print_tables(table, console=console)
    return console


def _say() -> Callable[[str], None]:
    """Reports progress on standard error, with the seconds since the start."""
    from detector.bench.machine import busy

    began = time.monotonic()
    if warning := busy():
        click.echo(warning, err=True)
    return lambda text: click.echo(f"{time.monotonic() - began:6.1f} s  {text}", err=True)


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)
