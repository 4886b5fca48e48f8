"""The audit in Kafka: an entry added before a change, one writer at a time, and all of it read."""

import getpass
import os
import random
import ssl
import time
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from detector.contract.audit import SCHEMA, AuditKey, Entry, What, decode_entry, encode_entry, end_of, is_by, signed
from detector.errors import OvertakenError, UserError
from detector.kafka.clients import TIMEOUT_S
from detector.kafka.reading import records_of
from detector.kafka.topics import topic_ids
from detector.kafka.transactions import sole_producer
from detector.settings import Settings

#: Many workers may start at once, and each takes some hundred milliseconds.
PATIENCE_S = 6 * TIMEOUT_S
SEND_S = 30.0


class Log(NamedTuple):
    """The audit's topic: Kafka's id of it, and the values of its messages in their order."""

    topic_id: str
    messages: list[bytes | None]


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
        if not repeats and _is_last(log_of(settings), key, what, parameters):
            return None
        try:
            with sole_producer(settings, settings.audit, "others add to the audit all the time: run again") as producer:
                before = log_of(settings)  # final: no one else has a producer
                if not repeats and _is_last(before, key, what, parameters):
                    return None
                entry = _entry(settings, key, before, what, parameters)
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


def log_of(settings: Settings) -> Log:
    """All of the audit. Raises UserError where there is no such topic."""
    found = topic_ids(settings, [settings.audit])
    if not found:
        raise UserError(f"Kafka has no topic {settings.audit}: run `kozamori topics create`")
    return Log(found[settings.audit], [record.value for record in records_of(settings, settings.audit)])


def entries_in(messages: Iterable[bytes | None]) -> list[Entry]:
    """What of the messages is an entry of this release, not verified."""
    return [entry for value in messages if (entry := decode_entry(value)) is not None]


def _refuse_without_key(settings: Settings) -> None:
    if next(iter(records_of(settings, settings.audit)), None) is not None:
        raise UserError(
            "this deployment keeps an audit, and setting audit_key_file is empty: give the key under which changes are"
            " noted, as its workers and operators have it"
        )


def _is_last(log: Log, key: AuditKey, what: What, parameters: Mapping[str, str]) -> bool:
    """Whether the last entry of that kind and group has these parameters.

    What was written without this key, repeated or copied from another topic hides no change.
    """
    entries = {one.mac: one for one in entries_in(log.messages)}
    mine = what, parameters.get("group")
    of_group = (one for one in reversed(entries.values()) if (one.what, one.parameters.get("group")) == mine)
    last = next(of_group, None)
    if last is None or last.topic_id != log.topic_id or not is_by(last, key):
        return False
    return last.parameters == parameters


def _entry(settings: Settings, key: AuditKey, log: Log, what: What, parameters: Mapping[str, str]) -> Entry:
    last = end_of(log.messages)
    entry = Entry(
        schema=SCHEMA,
        number=0 if last is None else last.number + 1,
        topic_id=log.topic_id,
        at_ms=int(time.time() * 1000),
        user=user_of(settings),
        os_user=_os_user(),
        what=what,
        parameters=dict(parameters),
        key_id=key.key_id,
        previous="" if last is None else last.mac,
    )
    return signed(entry, key)


def user_of(settings: Settings) -> str:
    """Who Kafka takes us for: by SASL a name, by a certificate whoever has that one."""
    if settings.sasl_username:
        return f"User:{settings.sasl_username}"
    if settings.tls_cert:
        return f"certificate SHA-256 {sha256(_first_certificate(Path(settings.tls_cert))).hexdigest()}"
    return "User:ANONYMOUS"


def _first_certificate(path: Path) -> bytes:
    """The client's own in a PEM file, DER: authorities may follow it, and a text or a key be around."""
    _, begin, rest = path.read_text("latin-1").partition(ssl.PEM_HEADER)
    return ssl.PEM_cert_to_DER_cert(begin + rest.partition(ssl.PEM_FOOTER)[0] + ssl.PEM_FOOTER)


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())
