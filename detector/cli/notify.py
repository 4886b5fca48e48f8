"""`kozamori notify`: alerts and bulletins to webhooks and mailboxes."""

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from detector.cli.options import CONNECTION, with_settings
from detector.errors import UserError
from detector.logs import configure_logging
from detector.settings import Settings
from detector.termination import STOP_SIGNALS

if TYPE_CHECKING:  # Jinja2 and kafka-python, which --help need not wait for
    from detector.notify.receivers import NotifySettings


@click.command(
    epilog="""\b
Examples:
  kozamori notify --config notify.toml
  kozamori notify --config notify.toml --redrive
  kozamori notify --preview

\b
A notify.toml, beside any other settings:
  bootstrap = "kafka-1:9092"
  [[notify.webhooks]]
  name = "soc"
  url = "https://soc.example/kozamori"
  secret_file = "/run/secrets/soc"
  messages = ["alerts", "bulletins"]
  bank = "0116"
  severity = "high"
  [[notify.mails]]
  name = "desk"
  to = "desk@bank.example"
  sender = "kozamori@bank.example"
  server = "mail.bank.example:587"
  username = "kozamori"
  password_env = "MAIL_PASSWORD"
  severity = "critical"
  lang = "ja"
"""
)
@with_settings(
    *CONNECTION, "alert_banks", "deployment", "metrics_host", "metrics_port", "log_level", "log_format", and_file=True
)
@click.option("--preview", is_flag=True, help="Print one mail of each kind in both languages, and send nothing.")
@click.option("--redrive", is_flag=True, help="Deliver once more what receivers had refused, and end.")
def notify(settings: Settings, config: Path | None, *, preview: bool, redrive: bool) -> None:
    """Deliver alerts and bulletins to webhooks and mailboxes; runs for months, one or several a deployment.

    Each receiver has a consumer group of its own, which moves on when the receiver has answered with a status of the
    200s, so that nothing is lost and none waits for another. What a receiver refuses for good (400s) is parked in a
    file. Webhooks are signed (Standard Webhooks) and carry CloudEvents headers; the id is the same in every delivery.
    """
    from detector.notify.receivers import load_receivers

    if preview:
        _preview(None if config is None else load_receivers(config).templates)
        return
    if config is None:
        raise UserError("expected --config FILE with a table [notify]: see kozamori notify --help")
    receivers = load_receivers(config)
    configure_logging(settings.log_level, settings.log_format)
    if redrive:
        _redrive(settings, receivers)
        return
    from detector.kafka.errors import quiet
    from detector.notify.run import run_notify

    stop = threading.Event()
    STOP_SIGNALS.orderly(stop.set)
    with quiet():  # what kafka-python says line by line is told in one
        run_notify(settings, receivers, os.environ, stop)


def _preview(templates: Path | None) -> None:
    """Print mails about the examples of the contract."""
    from detector.notify.texts import LANGUAGES, Texts, examples

    texts = Texts(templates)
    for notice in examples():
        for lang in LANGUAGES:
            subject, text = texts.write(notice, lang)
            click.echo(f"--- {notice.topic}, {lang}\n{subject}\n\n{text}")


def _redrive(settings: Settings, receivers: "NotifySettings") -> None:
    """Deliver what is parked, and say what became of it."""
    from detector.kafka.reading import records_at
    from detector.notify.parked import ParkedFile
    from detector.notify.ports import Clock
    from detector.notify.redrive import redrive
    from detector.notify.retry import Pace
    from detector.notify.run import receivers_of

    found = redrive(
        ParkedFile(receivers.parked),
        receivers_of(settings, receivers, os.environ, Pace(), time.time_ns()),
        lambda wanted: list(records_at(settings, wanted)),
        Clock(),
    )
    click.echo(f"{found.delivered} delivered, {found.parked} parked again, {found.dropped} no longer in Kafka")
