"""`kozamori audit`: who changed what in a deployment, and whether that is all of it."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from detector.cli.options import AUDIT, CONNECTION, as_json, with_settings
from detector.contract.audit import AuditKey, Entry, parse_head, verify
from detector.errors import UserError
from detector.jst import JST
from detector.kafka.audit import audit_key, entries_in, log_of
from detector.languages import printable
from detector.settings import Settings


@click.group(
    epilog="""\b
Examples:
  kozamori audit show
  kozamori audit verify --audit-key-file audit.key
"""
)
def audit() -> None:
    """Show who changed what, and prove that nothing of it is missing.

    With the setting audit_key_file, workers and the commands that change something add an entry to a topic before they
    do it: resets, fillings, imports, migrations, redrives, acknowledged bulletins, granted rights, and workers that
    start with another model, other budgets or other banks. The entries are a chain under that key.
    """


@audit.command(
    epilog="""\b
Examples:
  kozamori audit show
  kozamori audit show --json | jq .what
"""
)
@with_settings(*CONNECTION)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and nothing else.")
def show(settings: Settings, *, as_json: bool) -> None:
    """Show the entries in their order, unproven: `verify` proves them."""
    messages = log_of(settings).messages
    entries = entries_in(messages)
    _print(entries, as_json=as_json)
    if foreign := len(messages) - len(entries):
        click.echo(f"{foreign} messages that are no entries of this release were left out", err=True)


@audit.command(
    name="verify",
    epilog="""\b
Examples:
  kozamori audit verify --audit-key-file audit.key
  kozamori audit verify --audit-key-file audit.key --head 17:8a0f…
  kozamori audit verify --audit-key-file new.key --audit-key-id 02 --former-key 01=old.key
""",
)
@with_settings(*CONNECTION, *AUDIT)
@click.option("--head", "before", metavar="HEAD", help="What an earlier verification printed, kept elsewhere.")
@click.option("--former-key", "former", multiple=True, metavar="ID=FILE", help="A key that was used before.")
@as_json
@click.pass_context
def verify_command(
    context: click.Context, settings: Settings, before: str | None, former: tuple[str, ...], *, as_json: bool
) -> None:
    """Check the chain, and print its head; exit status 1 where something was done to it.

    Every change, deletion, insertion and reordering is found, unless by a holder of the key. That the last entries are
    there is proven up to the given --head: what came after it may have been cut off, also where others follow. So
    verify often, and keep the head that this prints where nobody who can write to Kafka can. An entry says what was
    about to be done, and who its writer said it was.
    """
    if not settings.audit_key_file:
        raise UserError(
            "setting audit_key_file: got nothing, expected the file of the key that changes are noted under"
        )
    keys = [audit_key(Path(settings.audit_key_file), settings.audit_key_id), *map(_former, former)]
    head = None if before is None else parse_head(before)
    log = log_of(settings)
    found = verify(log.messages, keys, log.topic_id, head)
    if as_json:
        shape = {"entries": len(found.entries), "faults": found.faults, "head": str(found.head)}
        click.echo(json.dumps({**shape, "proven_to": 0 if head is None or found.faults else head.count}))
    else:
        for fault in found.faults:
            click.echo(printable(fault))
        click.echo(f"{len(found.entries)} entries, {len(found.faults)} faults; head {found.head}")
        if head is None:
            click.echo("whether the last entries are missing is not known: give the head printed before with --head")
    context.exit(1 if found.faults else 0)


def _former(given: str) -> AuditKey:
    key_id, equals, path = given.partition("=")
    if not equals:
        raise UserError(f"got --former-key {given!r}, expected its id and its file, such as 01=old.key")
    return audit_key(Path(path), key_id)


def _print(entries: Iterable[Entry], *, as_json: bool) -> None:
    for entry in entries:
        if as_json:
            click.echo(msgspec.json.encode(entry))
            continue
        at = datetime.fromtimestamp(entry.at_ms / 1000, UTC).astimezone(JST)
        told = " ".join(f"{name}={value}" for name, value in entry.parameters.items() if value)
        line = f"{entry.number}  {at:%Y-%m-%d %H:%M:%S} JST  {entry.user} ({entry.os_user})  {entry.what}: {told}"
        click.echo(printable(line))
