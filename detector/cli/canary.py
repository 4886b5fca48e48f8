"""`kozamori canary`: proves the path from topic to alert every minute, and sees whether desks read."""

import logging
import re

import click

from detector.cli.options import CONNECTION, with_settings
from detector.logs import configure_logging
from detector.settings import Settings

_DESK = re.compile(r"([0-9]{4})=(\S{1,200})")


def _desks(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    found = [_DESK.fullmatch(text) for text in given]
    desks = {match[1]: match[2] for match in found if match is not None}
    if len(desks) != len(given):
        raise click.BadParameter(f"got {', '.join(given)}, expected each bank once, such as 0116=desk-0116")
    return desks


@click.command(
    epilog="""\b
Examples:
  kozamori canary --bootstrap kafka-1:9092
  kozamori canary --desk 0116=desk-0116 --desk 0149=desk-0149 --metrics-port 9465
"""
)
@with_settings(*CONNECTION, "input_prefix", "alert_banks", "metrics_host", "metrics_port", "log_level", "log_format")
@click.option(
    "--desk", "desks", multiple=True, metavar="CODE=GROUP", callback=_desks, help="A bank's group of alerts, to watch."
)
def canary(settings: Settings, desks: dict[str, str]) -> None:
    """Send an event of a reserved account every minute and wait for its alert; runs for months, one a deployment.

    The account is of bank 9998, which no bank has; its events always alert and touch no row but their own, and their
    alerts go to nobody who did not ask for that bank. With --desk it watches whether a bank's subscriber reads.
    """
    configure_logging(settings.log_level, settings.log_format)
    logging.getLogger("kafka").setLevel(logging.WARNING)  # it opens and closes clients every minute
    from detector.canary.run import run_canary  # kafka-python and numba, which --help need not wait for

    run_canary(settings, desks)
