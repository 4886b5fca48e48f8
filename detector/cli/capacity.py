"""`kozamori capacity`: what a deployment needs for a rate of events."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from detector.cli.options import as_json as json_option
from detector.cli.tables import print_tables
from detector.errors import UserError

#: A try-out, a service of a region, of a country, all of them at their peak.
RATES = (268.0, 7_500.0, 65_000.0, 1_000_000.0)
REPORT = click.Path(exists=True, dir_okay=False, path_type=Path)
POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command(
    epilog="""\b
Examples:
  kozamori bench stream --only worker_sources --json > stream.json
  kozamori bench recover --json > recover.json
  kozamori capacity --stream stream.json --recover recover.json --accounts 6000000
  kozamori capacity --rate 7500 --events-per-s 20000 --rows-per-s 300000 --process-mb 400 --json
"""
)
@click.option("--rate", "rates", type=POSITIVE, multiple=True, help="Events a second at the peak; may be repeated.")
@click.option("--accounts", type=click.IntRange(1), default=6_000_000, show_default=True, help="Accounts with rows.")
@click.option("--stream", type=REPORT, help="What `kozamori bench stream --json` printed.")
@click.option("--recover", type=REPORT, help="What `kozamori bench recover --json` printed.")
@click.option("--events-per-s", type=POSITIVE, help="Of one process, instead of --stream.")
@click.option("--rows-per-s", type=POSITIVE, help="Restored by one process, instead of --recover.")
@click.option("--process-mb", type=POSITIVE, help="Memory of one process without rows, instead of --recover.")
@click.option("--replication", type=click.IntRange(1), default=3, show_default=True, help="Copies of every topic.")
@click.option("--standby-replicas", type=click.IntRange(0), default=0, show_default=True, help="As the worker's.")
@click.option("--busy", type=click.FloatRange(0.05, 1), default=0.5, show_default=True, help="Part used at the peak.")
@json_option
def capacity(
    *,
    rates: tuple[float, ...],
    accounts: int,
    stream: Path | None,
    recover: Path | None,
    events_per_s: float | None,
    rows_per_s: float | None,
    process_mb: float | None,
    replication: int,
    standby_replicas: int,
    busy: float,
    as_json: bool,
) -> None:
    """Say what a rate needs: processes, partitions, memory, disk, network; and how long a lost process is restored.

    Speeds are those of benches on your machine, or given; bytes of events, hops and rows are measured on simulated
    events, and rows are taken to be written for every event. Disk is that of all brokers, events for as long as their
    topic keeps them, uncompressed. What processes do is taken to add up: no bench has measured the brokers of many.
    """
    from detector.bench.capacity import MB, Speeds, Wanted, sizes_of, speeds_of
    from detector.bench.capacity import capacity as needed
    from detector.core.chains import CHAINS
    from detector.core.topology import topology_of

    chain = CHAINS[-1]
    if events_per_s and rows_per_s and process_mb:
        speeds = Speeds(events_per_s, rows_per_s, process_mb * MB)
    elif stream and recover:
        speeds = speeds_of(_report(stream), _report(recover), chain)
    else:
        raise click.UsageError("give --stream and --recover, or all of --events-per-s, --rows-per-s and --process-mb")
    sizes, topology = sizes_of(chain), topology_of(chain, campaigns=True)
    found = [
        {"rate": rate, **needed(Wanted(rate, accounts, replication, standby_replicas, busy), sizes, speeds, topology)}
        for rate in rates or RATES
    ]
    if as_json:
        click.echo(json.dumps({"speeds": asdict(speeds), "sizes": asdict(sizes), "accounts": accounts, "needs": found}))
        return
    _show(found)


def _report(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UserError(f"{path} is no report of a bench: give what it printed with --json")
    return found


def _show(found: list[dict[str, float]]) -> None:
    table = Table("events/s", "processes", "partitions", "GB each", "restore s", "disk GB", "in MB/s", "out MB/s")
    for need in found:
        figures = [need[name] for name in list(need)[3:]]
        counts = [f"{need[name]:,.0f}" for name in ("rate", "processes", "partitions")]
        table.add_row(*counts, *(f"{figure:,.1f}" for figure in figures))
    print_tables(table)
