"""`kozamori alerts`: alerts on the screen, or as JSON lines for the next program."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from heapq import nlargest
from itertools import islice
from typing import NamedTuple

import click
from rich.console import Console
from rich.text import Text

from detector.cli.options import CONNECTION, with_settings
from detector.contract.alerts import Alert, Counterfactual, Reason, encode_alert
from detector.core.units import UNIT
from detector.jst import JST
from detector.kafka.errors import quiet
from detector.kafka.security import client_options
from detector.languages import SEVERITIES, Language, printable
from detector.settings import Settings
from detector.subscriber import AlertSubscriber

TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"])


COLOURS: Mapping[str, str] = {"low": "cyan", "medium": "yellow", "high": "red", "critical": "bold white on red"}

#: The lines of a block beside the reasons, which carry their own two languages.
WORDS: Mapping[str, Mapping[Language, str]] = {
    "bank": {"en": "bank {0}", "ja": "銀行 {0}"},
    "yen": {
        "en": "{0:,} yen debited, {1:,} yen at risk",
        "ja": "引き落とし済み {0:,}円、さらに引き落とされるおそれ {1:,}円",
    },
    "rate": {
        "en": "as unusual as {0} in normal life ({1})",
        "ja": "正常な取引でここまで疑わしいものは{0}（{1}）",
    },
    "case": {"en": "account {0}, case {1}, update {2}", "ja": "口座 {0}、事案 {1}、第{2}報"},
    **SEVERITIES,
}


def check_bank(_context: click.Context, _option: click.Parameter, bank: str | None) -> str | None:
    """A four-digit code, or none."""
    if bank is not None and not (len(bank) == 4 and bank.isascii() and bank.isdigit()):
        raise click.BadParameter(f"got {bank!r}, expected four digits with leading zeros, such as 0116")
    return bank


@contextmanager
def until_the_pipe_breaks() -> Iterator[None]:
    """End quietly when the pipe's reader (`| head`) has closed it, without Python's flush at exit."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.command(
    epilog="""\b
Examples:
  kozamori alerts
  kozamori alerts --follow --bank 0116 --lang ja
  kozamori alerts --last 20
  kozamori alerts --since 2026-11-30T09:00 --severity high
  kozamori alerts --account 4f2c9d
  kozamori alerts --group desk-0116 --json
  kozamori alerts --follow --json | jq .yen_at_risk

With --group it goes on where the group stopped; what it reads counts as done, also where it is not wanted. With --bank
and the same bank in the setting alert_banks only that bank's own topic is read.
"""
)
@with_settings(*CONNECTION, "alert_banks")
@click.option("--follow", is_flag=True, help="Wait for new alerts until Ctrl-C, instead of ending at the last.")
@click.option("--from-beginning", is_flag=True, help="With --follow: first the alerts that Kafka still has.")
@click.option("--bank", metavar="CODE", callback=check_bank, help="Only this bank's, by its four-digit code.")
@click.option("--account", metavar="HASH", help="Only of accounts whose hash begins so.")
@click.option("--severity", type=click.Choice(list(COLOURS)), help="Only alerts at least this severe.")
@click.option("--since", type=TIME, help="Only of events from this time in Japan on, as 2026-11-30.")
@click.option("--last", type=click.IntRange(1), metavar="N", help="Only the last so many, the newest first.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="End after so many alerts.")
@click.option("--group", metavar="NAME", help="Share the alerts with the other members of this group.")
@click.option("--lang", type=click.Choice(["en", "ja"]), default="en", show_default=True, help="Language of the text.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and nothing else.")
def alerts(
    settings: Settings,
    *,
    follow: bool,
    from_beginning: bool,
    bank: str | None,
    account: str | None,
    severity: str | None,
    since: datetime | None,
    last: int | None,
    limit: int | None,
    group: str | None,
    lang: Language,
    as_json: bool,
) -> None:
    """Show the alerts that Kafka has, or follow them as they come; each alert once, also where it was raised twice."""
    if last is not None and (follow or limit is not None):
        raise click.UsageError("--last is of the alerts there are: leave out --follow and --limit")
    chosen = Chosen(account, severity, None if since is None else since.replace(tzinfo=JST))
    connection = client_options(settings)
    with (
        quiet(),
        until_the_pipe_breaks(),  # around the subscriber: what was not printed is not done
        AlertSubscriber(
            connection.pop("bootstrap_servers"),
            topic=settings.alerts_of(bank),
            bank=bank,
            group=group,
            from_beginning=from_beginning or not follow,
            until_end=not follow,
            **connection,
        ) as subscriber,
    ):
        found: Iterator[Alert] = filter(chosen.takes, subscriber)
        if last is not None:
            found = iter(nlargest(last, found, key=lambda alert: alert.occurred_at_ms))
        _print(islice(found, limit), lang, as_json=as_json)


class Chosen(NamedTuple):
    """Which alerts are wanted: of accounts whose hash begins so, at least so severe, of events from a time on."""

    account: str | None = None
    severity: str | None = None
    since: datetime | None = None

    def takes(self, alert: Alert) -> bool:
        """Whether this one is."""
        ranks = list(COLOURS)
        return (
            (self.account is None or (alert.account or "").startswith(self.account.lower()))
            and (self.severity is None or ranks.index(alert.severity) >= ranks.index(self.severity))
            and (self.since is None or moment_of(alert) >= self.since)
        )


def _print(found: Iterable[Alert], lang: Language, *, as_json: bool) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for alert in found:
        if as_json:
            click.echo(encode_alert(alert))
        else:
            console.print(block(alert, lang))


def block(alert: Alert, lang: Language) -> Text:
    """One alert for people: what happened, the money, the reasons with the largest share first."""

    def say(what: str, *values: object) -> str:
        return printable(WORDS[what][lang].format(*values))

    service = f"{alert.service} ({alert.passbook_text})" if alert.passbook_text else alert.service
    reasons = [text_of(reason, lang) for reason in alert.reasons]
    otherwise = [text_of(alert.counterfactual, lang)] if alert.counterfactual else []
    often = UNIT["per_day"]
    rate = (often.ja if lang == "ja" else often.en)(alert.false_alarms_per_day)
    return Text.assemble(
        (f" {say(alert.severity)} ", COLOURS[alert.severity]),
        (f" {moment_of(alert):%Y-%m-%d %H:%M:%S} JST  {say('bank', alert.bank)}  {printable(service)}\n", "bold"),
        f"    {say('yen', alert.yen_debited, alert.yen_at_risk)}\n",
        *(f"    - {reason}\n" for reason in reasons),
        *(f"    → {text}\n" for text in otherwise),
        (f"    {say('rate', rate, alert.detector)}\n", "dim"),
        (f"    {say('case', alert.account, alert.case_id, alert.update)}\n", "dim"),
    )


def moment_of(alert: Alert) -> datetime:
    """When the event happened, by Japanese clocks."""
    return datetime.fromtimestamp(alert.occurred_at_ms / 1000, UTC).astimezone(JST)


def text_of(reason: Reason | Counterfactual, lang: Language) -> str:
    """The text in one language."""
    return printable(reason.text_ja if lang == "ja" else reason.text_en)
