"""`kozamori dead-letters`: messages that are no events: list them, look at one, let them enter their topic again."""

import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from detector.cli.options import AUDIT, CONNECTION, as_json, with_settings, yes
from detector.contract.codec import decode_one
from detector.contract.dead_letters import REASONS
from detector.errors import UserError
from detector.jst import JST
from detector.kafka.audit import note
from detector.languages import printable
from detector.ops.dead_letters import Group, groups_of, originals, read_letters
from detector.ops.redrive import OUTCOMES, Redrive, plan_redrive
from detector.ops.redrive import redrive as enter_again
from detector.settings import Settings

#: Of a message on the screen; `--json` has all of it.
SHOWN_BYTES = 2_000
_SECONDS = {"m": 60, "h": 3_600, "d": 86_400}
_SPAN = re.compile(r"([0-9]{1,6})([mhd])")


def _since(_context: click.Context, _option: click.Parameter, text: str | None) -> int:
    return 0 if text is None else parse_since(text, int(time.time() * 1000))


def parse_since(text: str, now_ms: int) -> int:
    """Epoch ms of `30m`, `2h`, `7d` ago, or of a date or time, in JST where it says nothing else. Raises UserError."""
    if match := _SPAN.fullmatch(text):
        return now_ms - int(match[1]) * _SECONDS[match[2]] * 1000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(
            f"got --since {text!r}, expected a span such as 30m, 2h or 7d, or a time such as 2020-09-01T08:00"
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=JST)).timestamp() * 1000)


_reason = click.option("--reason", type=click.Choice(list(REASONS)), metavar="REASON", help="Only of this reason.")
_from = click.option(
    "--since", "since_ms", metavar="TIME", callback=_since, help="Only of messages written since: 30m, 2h, 7d, a date."
)


@click.group(
    epilog="""\b
Examples:
  kozamori dead-letters list --since 1h
  kozamori dead-letters show dl-account-events-3-81234
  kozamori dead-letters redrive --reason unknown_kind --yes
"""
)
def dead_letters() -> None:
    """Show messages that are no events, and let them enter their topic again once they are."""


@dead_letters.command(
    "list",
    epilog="""\b
Examples:
  kozamori dead-letters list
  kozamori dead-letters list --reason malformed_json --since 2h --json
""",
)
@with_settings(*CONNECTION, "input_prefix")
@_reason
@_from
@as_json
def list_(settings: Settings, *, reason: str | None, since_ms: int, as_json: bool) -> None:
    """Show the dead letters by reason and source partition: how many, how many still open, from when to when."""
    groups = groups_of(read_letters(settings, reason=reason, since_ms=since_ms))
    if as_json:
        click.echo(json.dumps({"groups": msgspec.to_builtins(groups)}))
    else:
        _print_groups(groups)


@dead_letters.command(
    epilog="""\b
Examples:
  kozamori dead-letters show dl-account-events-3-81234
  kozamori dead-letters show dl-account-events-3-81234 --json
"""
)
@click.argument("letter_id", metavar="ID")
@with_settings(*CONNECTION, "input_prefix")
@as_json
def show(settings: Settings, letter_id: str, *, as_json: bool) -> None:
    """Show one dead letter and its message, read from its topic: what Kafka has no longer is not shown.

    The message is shown as it is, whatever it holds of a person.
    """
    (found,) = read_letters(settings, ids=[letter_id])
    message = next((_message(record) for _, record in originals(settings, [found.letter])), None)
    answer = {"letter": msgspec.to_builtins(found.letter), "status": found.status, "message": message}
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    console = Console(soft_wrap=True, highlight=False, markup=False)
    letter = found.letter
    console.print(f"{letter.dead_letter_id}  {_moment(found.at_ms)}  {found.status}")
    console.print(f"  {letter.reason}: {letter.message}")
    console.print(f"  {letter.size_bytes} bytes, SHA-256 {letter.sha256}")
    if message is None:
        console.print("  Kafka has the message no longer (or its topic was re-created): its retention has passed")
        return
    for name in ("key", "event", "verdict"):
        console.print(f"  {name}: {printable(str(message[name]))[:SHOWN_BYTES]}")
    console.print(f"  value: {printable(str(message['value']))[:SHOWN_BYTES]}")


@dead_letters.command(
    epilog="""\b
Examples:
  kozamori dead-letters redrive --reason bad_value --since 2d
  kozamori dead-letters redrive dl-account-events-3-81234 --yes
"""
)
@click.argument("ids", metavar="[ID]...", nargs=-1)
@with_settings(*CONNECTION, *AUDIT, "deployment")
@_reason
@_from
@yes
@as_json
def redrive(
    settings: Settings, ids: tuple[str, ...], *, reason: str | None, since_ms: int, yes: bool, as_json: bool
) -> None:
    """Let messages that this release reads as events enter their topic again, each once however often it is asked.

    For messages that an older release refused, or that came before their time. A producer's mistakes are not mended
    here: it sends them anew as they should have been. All open letters, or those of the ids or filters.

    A message is sent to its topic with its key, value and headers, and a header that names its dead letter. Also after
    a reset of the state it counts at its new position alone.
    """
    run = enter_again if yes else plan_redrive
    if yes:
        which = {"letters": " ".join(ids), "reason": reason or "", "since_ms": str(since_ms)}
        note(settings, "dead letters redriven", {"group": settings.group, **which})
    done = run(settings, int(time.time() * 1000), ids=ids, reason=reason, since_ms=since_ms)
    if as_json:
        again = msgspec.to_builtins(done.again)
        click.echo(json.dumps({"done": yes, "counts": done.counts, "again": again}))
    else:
        _print_redrive(done, done_now=yes)


def _message(record: Any) -> dict[str, object]:
    """A record for people: its key, its value as text, what it decodes to, and whether this release takes it."""
    value = record.value or b""
    try:
        event: object = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        event = None
    try:
        decode_one(value)
        verdict = "an event, for this release"
    except ValueError as error:
        verdict = str(error)
    texts = {
        name: None if raw is None else raw.decode("utf-8", "backslashreplace")
        for name, raw in (("key", record.key), ("value", record.value))
    }
    return {**texts, "event": event, "verdict": verdict, "timestamp_ms": record.timestamp}


def _print_groups(groups: list[Group]) -> None:
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("reason", "topic", "part", "letters", "open", "first (JST)", "last (JST)", "last id"):
        table.add_column(name, justify="right" if name in {"part", "letters", "open"} else "left", no_wrap=True)
    for one in groups:
        times = _moment(one.first_ms), _moment(one.last_ms)
        table.add_row(one.reason, one.topic, f"{one.partition}", f"{one.count:,}", f"{one.open:,}", *times, one.last_id)
    Console(width=max(120, Console().width)).print(table)
    for reason in sorted({one.reason for one in groups}):
        click.echo(f"{reason}: {REASONS.get(reason, 'of another release')}")
    if not groups:
        click.echo("no dead letters")


def _print_redrive(done: Redrive, *, done_now: bool) -> None:
    for outcome, count in done.counts.items():
        word = "to redrive" if outcome == "redriven" and not done_now else outcome
        click.echo(f"{count:,} {word}: {OUTCOMES[outcome]}")
    if not done.counts:
        click.echo("no dead letters")
    if not done_now:
        click.echo("nothing was changed: run again with --yes")


def _moment(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(JST):%Y-%m-%d %H:%M:%S}"
