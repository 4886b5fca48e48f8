"""`kozamori bulletins`: campaigns as banks are told of them, on the screen or as JSON lines; who has read them."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice

import click
import msgspec
from kafka import KafkaProducer
from rich.console import Console
from rich.text import Text

from detector.cli.alerts import check_bank, until_the_pipe_breaks
from detector.cli.options import AUDIT, CONNECTION, as_json, with_settings
from detector.contract.bulletins import (
    SCHEMA,
    Acknowledgement,
    Bulletin,
    decode_acknowledgement,
    decode_bulletin,
    encode_acknowledgement,
    encode_bulletin,
)
from detector.errors import UserError
from detector.jst import JST
from detector.kafka.clients import open_client
from detector.kafka.errors import address_of, kafka_errors
from detector.kafka.reading import records_of
from detector.kafka.security import client_options
from detector.languages import STATES, Language, printable
from detector.settings import Settings
from detector.subscriber import BulletinSubscriber

COLOURS = {"begun": "bold white on red", "grown": "yellow", "closed": "green"}
WORDS: Mapping[str, Mapping[Language, str]] = {
    **STATES,
    "yen": {
        "en": "about {0:,} accounts, {1:,} yen taken, {2:,} yen at risk; {3:,} links, {4:,} failed",
        "ja": "約{0:,}口座、被害額 {1:,}円、危険額 {2:,}円、連携成功 {3:,}件、失敗 {4:,}件",
    },
    "since": {"en": "since {0}, likely {1}; banks {2}", "ja": "{0} から、類型 {1}、銀行 {2}"},
    "own": {"en": "your account {0}", "ja": "貴行の口座 {0}"},
}
SEND_S = 30.0


@click.group(
    invoke_without_command=True,
    epilog="""\b
Examples:
  kozamori bulletins
  kozamori bulletins --follow --bank 0116 --lang ja
  kozamori bulletins --json | jq .advice_en
  kozamori bulletins acknowledge source-account-events-2-4702-0 --bank 0116

With --bank also what is for that bank alone: which of its accounts a campaign concerns (setting bulletin_banks).
""",
)
@with_settings(*CONNECTION)
@click.option("--follow", is_flag=True, help="Wait for new bulletins until Ctrl-C, instead of ending at the last.")
@click.option("--from-beginning", is_flag=True, help="With --follow: first the bulletins that Kafka still has.")
@click.option("--bank", metavar="CODE", callback=check_bank, help="Also this bank's own, by its four-digit code.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="End after so many bulletins.")
@click.option("--lang", type=click.Choice(["en", "ja"]), default="en", show_default=True, help="Language of the text.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and nothing else.")
@click.pass_context
def bulletins(
    context: click.Context,
    settings: Settings,
    *,
    follow: bool,
    from_beginning: bool,
    bank: str | None,
    limit: int | None,
    lang: Language,
    as_json: bool,
) -> None:
    """Show campaigns that banks are told of, each bulletin once; or follow them as they come."""
    if context.invoked_subcommand is not None:
        return
    connection = client_options(settings)
    with (
        until_the_pipe_breaks(),  # around the subscriber: what was not printed is not done
        BulletinSubscriber(
            connection.pop("bootstrap_servers"),
            topics=(settings.bulletins, *([settings.bulletins_of(bank)] if bank else [])),
            from_beginning=from_beginning or not follow,
            until_end=not follow,
            **connection,
        ) as subscriber,
    ):
        _print(islice(subscriber, limit), lang, as_json=as_json)


@bulletins.command(
    epilog="""\b
Examples:
  kozamori bulletins acknowledge source-account-events-2-4702-0 --bank 0116
"""
)
@with_settings(*CONNECTION, *AUDIT, "bulletin_banks")
@click.argument("bulletin_id")
@click.option("--bank", metavar="CODE", required=True, callback=check_bank, help="Who has read it.")
@as_json
def acknowledge(settings: Settings, bulletin_id: str, bank: str, *, as_json: bool) -> None:
    """Say that a bank has read a bulletin; prints how long after it was told."""
    told_ms = _told_at(settings).get(bulletin_id)
    if told_ms is None:
        raise UserError(f"got bulletin {bulletin_id!r}, expected one of those that `kozamori bulletins` shows")
    if settings.audit_key_file:
        from detector.kafka.audit import note  # numba, which a bank's installation lacks; nor has it the key

        note(settings, "bulletin acknowledged", {"bulletin": bulletin_id, "bank": bank})
    now_ms = int(time.time() * 1000)
    _send(settings, Acknowledgement(SCHEMA, bulletin_id, bank, now_ms))
    _say_read(bulletin_id, bank, (now_ms - told_ms) / 1000, as_json=as_json)


@bulletins.command(
    epilog="""\b
Examples:
  kozamori bulletins acknowledged
  kozamori bulletins acknowledged --json | jq .seconds
"""
)
@with_settings(*CONNECTION, "bulletin_banks")
@as_json
def acknowledged(settings: Settings, *, as_json: bool) -> None:
    """Show which bank has read which bulletin, and how many seconds after it was told; one line each."""
    told, foreign = _told_at(settings), 0
    first: dict[tuple[str, str], int] = {}
    for topic in dict.fromkeys(settings.acknowledgements_of(bank) for bank in ("", *settings.bulletin_banks)):
        for record in records_of(settings, topic):
            found = _read(record.value)
            if found is None or settings.acknowledgements_of(found.bank) != topic:
                foreign += 1  # banks write here, each for itself alone
            else:
                first.setdefault((found.bulletin_id, found.bank), found.acknowledged_at_ms)
    for (bulletin_id, bank), at_ms in first.items():
        if bulletin_id in told:  # else Kafka has deleted it
            _say_read(bulletin_id, bank, (at_ms - told[bulletin_id]) / 1000, as_json=as_json)
    if foreign:
        click.echo(f"{foreign} records that are no acknowledgement were left out", err=True)


def _read(value: bytes | None) -> Acknowledgement | None:
    with suppress(msgspec.DecodeError):
        return decode_acknowledgement(value or b"")
    return None


def _told_at(settings: Settings) -> dict[str, int]:
    """When each bulletin for all was first written, epoch ms, by its id."""
    found: dict[str, int] = {}
    for record in records_of(settings, settings.bulletins):
        with suppress(msgspec.DecodeError):  # of a newer release
            found.setdefault(decode_bulletin(record.value or b"").bulletin_id, record.timestamp)
    return found


def _send(settings: Settings, acknowledgement: Acknowledgement) -> None:
    """Write it; the first one of a bank would be overwritten by a second, as the topic is compacted."""
    connection = client_options(settings)
    key = f"{acknowledgement.bulletin_id}/{acknowledgement.bank}".encode()
    with kafka_errors(address_of(connection)):
        producer = open_client(KafkaProducer, connection, acks="all")
        try:
            topic = settings.acknowledgements_of(acknowledgement.bank)
            sent = producer.send(topic, encode_acknowledgement(acknowledgement), key=key)
            sent.get(SEND_S)
        finally:
            producer.close()


def _say_read(bulletin_id: str, bank: str, seconds: float, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"bulletin_id": bulletin_id, "bank": bank, "seconds": round(seconds, 3)}))
    else:
        click.echo(f"{printable(bulletin_id)} read by bank {printable(bank)} {seconds:,.0f} s after it was told")


def _print(found: Iterable[Bulletin], lang: Language, *, as_json: bool) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for bulletin in found:
        if as_json:
            click.echo(encode_bulletin(bulletin))
        else:
            console.print(block(bulletin, lang))


def block(bulletin: Bulletin, lang: Language) -> Text:
    """One bulletin for people: what it looks like, how large it is, what to do first."""

    def say(what: str, *values: object) -> str:
        return printable(WORDS[what][lang].format(*values))

    text, advice = (bulletin.text_ja, bulletin.advice_ja) if lang == "ja" else (bulletin.text_en, bulletin.advice_en)
    figures = (bulletin.accounts_about, bulletin.yen_taken, bulletin.yen_at_risk, bulletin.linked, bulletin.failures)
    common = f"{bulletin.indicator.kind} {bulletin.indicator.value}"
    since, at = (f"{_moment(ms):%Y-%m-%d %H:%M:%S}" for ms in (bulletin.began_at_ms, bulletin.occurred_at_ms))
    banks = ", ".join(bulletin.banks) or "-"
    return Text.assemble(
        (f" {say(bulletin.state)} ", COLOURS[bulletin.state]),
        (f" {at} JST  {printable(text)} ({printable(common)})\n", "bold"),
        f"    {say('yen', *figures)}\n",
        f"    {say('since', since, ', '.join(bulletin.typologies), banks)}\n",
        *_own(bulletin, say("own", ", ".join(bulletin.accounts))),
        f"    → {printable(advice)}\n",
        (f"    {printable(bulletin.bulletin_id)}\n", "dim"),
    )


def _own(bulletin: Bulletin, text: str) -> Iterator[tuple[str, str]]:
    if bulletin.accounts:
        yield f"    {text}\n", "bold"


def _moment(at_ms: int) -> datetime:
    """By Japanese clocks."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(JST)
