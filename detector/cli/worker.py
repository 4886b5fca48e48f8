"""`kozamori worker`: the long-running detector."""

import sys

import click

from detector.cli.options import with_settings
from detector.logs import configure_logging
from detector.settings import Settings


@click.command(
    epilog="""\b
Examples:
  kozamori worker --model model --bootstrap 127.0.0.1:9092
  kozamori worker --config /etc/kozamori.toml --deployment blue
"""
)
@with_settings(*Settings.model_fields)
def worker(settings: Settings) -> None:
    """Read events, keep every account's state, score, raise alerts; runs for months.

    SIGTERM and Ctrl-C finish what was read, commit it and leave the group: status 0. Any failure ends the process
    with status 1 before anything unfinished was acknowledged: start it again and it goes on where it was.
    """
    configure_logging(settings.log_level, settings.log_format)
    from detector.stream.worker import run_worker  # faust and numba, which --help need not wait for

    sys.exit(run_worker(settings))
