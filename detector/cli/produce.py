"""`kozamori produce`: publishes a file of events, or a scenario, to Kafka."""

import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from detector.cli.mapping import load, notify
from detector.cli.options import CONNECTION, Own, as_json, own_data, with_settings
from detector.cli.progress import progress
from detector.cli.scenario import scenario_of, scenario_options
from detector.errors import UserError
from detector.kafka.errors import address_of
from detector.kafka.security import client_options
from detector.settings import Settings
from producers import simulation
from producers.files import count_rows
from producers.pace import Pace, speed_of
from producers.publish import Published, events_held, publish
from producers.resume import Marker


@click.command(
    epilog="""\b
Examples:
  kozamori produce august/events.parquet
  kozamori produce attack/events.parquet --speed 600x --resume attack.mark
  kozamori produce own.csv --mapping own.toml
  kozamori produce --scenario september-2020 --rate 2000 --no-wallet-events --prefix trial.

After an interruption the same command with the same --resume file goes on where it ended, each account's events in
their order.
"""
)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@scenario_options
@click.option("--rate", type=float, help="Events a second.")
@click.option("--speed", help="Multiple of event time, as 600x: ten minutes of events in a second.")
@click.option("--skip", type=click.IntRange(min=0), help="Leave out the first so many events.")
@click.option("--resume", type=click.Path(dir_okay=False, path_type=Path), help="File that keeps the progress of runs.")
@click.option("--among-others", is_flag=True, help="Publish a scenario on topics that have other events.")
@own_data
@with_settings(*CONNECTION)
@as_json
def produce(
    settings: Settings,
    file: Path | None,
    rate: float | None,
    speed: str | None,
    skip: int | None,
    resume: Path | None,
    own: Own,
    *,
    among_others: bool,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Publish a file of events, or a scenario (--scenario), to Kafka.

    A scenario's events are made up: it is refused on topics that have other events, unless --among-others says so.
    Account events go to `account-events` by account, wallet events to `wallet-events` by service and wallet, as fast
    as possible unless --rate or --speed is given. Every event is confirmed by Kafka. Ctrl-C waits for what was sent and
    says how to go on.
    """
    pace = Pace(rate, None if speed is None else speed_of(speed))
    if skip is not None and resume is not None:
        raise click.UsageError("--resume keeps how many events to skip: give --skip or --resume, not both")
    source, tables, total = _events(file, own, chosen)
    mark = Marker(resume, source, skip or 0)
    if file is None and not among_others and not mark.confirmed:
        _refuse_among_others(settings)
    console = Console(stderr=True)
    with progress(console) as bar, _interrupted() as stop:
        task = bar.add_task("published", total=total, completed=mark.confirmed, note="")

        def on_confirmed(confirmed: int) -> None:
            bar.update(task, completed=confirmed, note=f"{bar.tasks[0].speed or 0:,.0f}/s")
            mark.at(confirmed)

        try:
            published = publish(
                tables,
                client_options(settings),
                settings.prefix,
                pace=pace,
                skip=mark.confirmed,
                on_confirmed=on_confirmed,
                stop=stop.is_set,
            )
        except UserError as error:
            raise UserError(f"{error}; {mark.how_to_go_on()}" if mark.confirmed else str(error)) from None
    _report(published, mark, as_json=as_json)


def _events(file: Path | None, own: Own, chosen: dict[str, Any]) -> tuple[dict[str, Any], Iterator[Any], int | None]:
    """What identifies the events, the events, and how many there are where that is known."""
    if file is None:
        if own.mapping is not None:
            raise click.UsageError("--mapping is for own data: give its file too")
        context = click.get_current_context()
        if context.get_parameter_source("scenario") is click.core.ParameterSource.DEFAULT:
            raise click.UsageError("nothing to publish: give a file, or --scenario for made-up events")
        scenario = scenario_of(**chosen)
        identity: dict[str, Any] = json.loads(json.dumps(asdict(scenario), default=str))
        return identity, (events for events, _ in simulation.tables(scenario)), None
    context = click.get_current_context()
    for name in chosen:
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
            option = "--events" if name == "about" else f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{option} is for scenarios: leave it out, or leave out {file}")
    source = load(own)
    identity = {"file": file.name, "bytes": file.stat().st_size if file.exists() else 0}
    if own.mapping is None or source.mapping is None:
        return identity, source.tables(file), count_rows(file)
    if filled := [name for name, policy in source.mapping.missing.items() if policy == "unknown"]:
        notify(f"{', '.join(filled)}: unknown, filled with a stand-in; use a model that is trained so too")
    return {**identity, "mapping": own.mapping.name}, source.tables(file), None


def _refuse_among_others(settings: Settings) -> None:
    """Raise UserError where made-up events would come among others."""
    connection = client_options(settings)
    held = {topic: count for topic, count in events_held(connection, settings.prefix).items() if count}
    if held:
        told = " and ".join(f"{count:,} in {topic}" for topic, count in held.items())
        raise UserError(
            f"Kafka at {address_of(connection)} has events already ({told}), and a scenario's are made up: choose"
            " another --prefix, or publish them among the others with --among-others"
        )


@contextmanager
def _interrupted() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets; a second one ends at once."""
    stop = threading.Event()

    def on_interrupt(number: int, frame: Any) -> None:
        del number, frame
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _report(published: Published, mark: Marker, *, as_json: bool) -> None:
    rate = published.sent / published.seconds if published.seconds > 0 else 0.0
    if as_json:
        click.echo(json.dumps({**asdict(published), "events_per_s": round(rate)}))
    else:
        click.echo(f"{published.sent:,} events published and confirmed in {published.seconds:.1f} s ({rate:,.0f}/s)")
    if not published.complete:
        done = f"interrupted after event {published.confirmed:,}"
        click.echo(f"{done}: {mark.how_to_go_on()}", err=True)
        sys.exit(130)
