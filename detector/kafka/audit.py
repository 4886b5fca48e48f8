"""The audit in Kafka: an entry added before a change, one writer at a time, and all of it read."""

import getpass
import os
import random
import ssl
import time
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from detector.contract.audit import SCHEMA, AuditKey, Entry, Link, What, decode_entry, encode_entry, end_of, signed
from detector.errors import OvertakenError, UserError
from detector.kafka.clients import TIMEOUT_S
from detector.kafka.reading import records_of
from detector.kafka.topics import topic_ids
from detector.kafka.transactions import sole_producer
from detector.settings import Settings

#: Many workers may start at once, and each takes some hundred milliseconds.
PATIENCE_S = 6 * TIMEOUT_S
SEND_S = 30.0


def note(settings: Settings, what: What, parameters: Mapping[str, str], *, repeats: bool = True) -> Entry | None:
    """Add an entry on a change that is about to be made; without a key, nothing.

    Without `repeats` nothing is added where the last entry of that kind and group has the same parameters. Raises
    UserError where Kafka does not take it: then the change must not be made. Also without a key where the audit has
    entries: the change would be missing in it.
    """
    if not settings.audit_key_file:
        _refuse_without_key(settings)
        return None
    key = audit_key(Path(settings.audit_key_file), settings.audit_key_id)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        if not repeats and _is_last(messages_of(settings), what, parameters):
            return None
        try:
            with sole_producer(settings, settings.audit, "others add to the audit all the time: run again") as producer:
                before = messages_of(settings)  # final: no one else has a producer
                if not repeats and _is_last(before, what, parameters):
                    return None
                entry = _entry(settings, key, end_of(before), what, parameters)
                producer.begin_transaction()
                producer.send(settings.audit, encode_entry(entry), partition=0).get(SEND_S)
                producer.commit_transaction()
                return entry
        except OvertakenError:
            if time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0.1, 2.0))  # so that not all try again at once


def audit_key(path: Path, key_id: str) -> AuditKey:
    """The key in a file, white space around it left out. Raises UserError where it cannot be read, or is too short."""
    try:
        return AuditKey(key_id, path.read_bytes().strip())
    except OSError as error:
        raise UserError(f"audit key {path} cannot be read ({error.strerror}), expected a file with the key") from None


def messages_of(settings: Settings) -> list[bytes | None]:
    """The values of the audit's messages in their order. Raises UserError where there is no such topic."""
    topic_of(settings)
    return [record.value for record in records_of(settings, settings.audit)]


def entries_in(messages: Iterable[bytes | None]) -> list[Entry]:
    """What of the messages is an entry of this release, not verified."""
    return [entry for value in messages if (entry := decode_entry(value)) is not None]


def topic_of(settings: Settings) -> str:
    """Kafka's id of the audit's topic. Raises UserError where there is none."""
    found = topic_ids(settings, [settings.audit])
    if not found:
        raise UserError(f"Kafka has no topic {settings.audit}: run `kozamori topics create`")
    return found[settings.audit]


def _refuse_without_key(settings: Settings) -> None:
    if next(iter(records_of(settings, settings.audit)), None) is not None:
        raise UserError(
            "this deployment keeps an audit, and setting audit_key_file is empty: give the key under which changes are"
            " noted, as its workers and operators have it"
        )


def _is_last(messages: Iterable[bytes | None], what: What, parameters: Mapping[str, str]) -> bool:
    mine = what, parameters.get("group")
    of_group = [one for one in entries_in(messages) if (one.what, one.parameters.get("group")) == mine]
    return bool(of_group) and of_group[-1].parameters == parameters


def _entry(settings: Settings, key: AuditKey, last: Link | None, what: What, parameters: Mapping[str, str]) -> Entry:
    entry = Entry(
        schema=SCHEMA,
        number=0 if last is None else last.number + 1,
        topic_id=topic_of(settings),
        at_ms=int(time.time() * 1000),
        user=_user(settings),
        os_user=_os_user(),
        what=what,
        parameters=dict(parameters),
        key_id=key.key_id,
        previous="" if last is None else last.mac,
    )
    return signed(entry, key)


def _user(settings: Settings) -> str:
    """Who Kafka takes us for: by SASL a name, by a certificate whoever has that one."""
    if settings.sasl_username:
        return f"User:{settings.sasl_username}"
    if settings.tls_cert:
        certificate = ssl.PEM_cert_to_DER_cert(Path(settings.tls_cert).read_text("ascii"))
        return f"certificate SHA-256 {sha256(certificate).hexdigest()}"
    return "User:ANONYMOUS"


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())
