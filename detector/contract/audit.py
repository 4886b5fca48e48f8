"""The audit: who changed what, a chain of entries that nobody without a key can change, leave out or put in.

Each entry has its number, the hash of the one before and an HMAC-SHA-256 of all of itself (Schneier and Kelsey, "Secure
audit logs to support computer forensics", 1999, without their evolving keys). So whatever happens to entries between
others is found by the entries alone. That the last ones are there says only who keeps the chain's head elsewhere.
"""

import hmac
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import msgspec
from msgspec import Struct

from detector.errors import UserError

SCHEMA = 1
MIN_KEY_BYTES = 16
_KEY_ID = re.compile("[0-9a-f]{1,8}")
_HEAD = re.compile("([0-9]{1,12}):([0-9a-f]{64})")
_DOMAIN = b"kozamori audit\0"

#: What is noted: parameters are the consumer group and what else says which change it was.
What = Literal[
    "worker started",  # with another model or other budgets than the group's worker before
    "state reset",
    "state filled",
    "state imported",
    "state migrated",
    "dead letters redriven",
    "bulletin acknowledged",
    "rights granted",
]


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """One change, written before it is made.

    `number` counts from 0 and `topic_id` is Kafka's id of the topic: a copy elsewhere is no audit. `user` is who it was
    to Kafka and `os_user` to the machine, as the writer says. `key_id` names the key of `mac`, which is of all other
    fields; `previous` is the `mac` of the entry before, "" of the first. MACs: 64 hex digits.
    """

    schema: int
    number: int
    topic_id: str
    at_ms: int
    user: str
    os_user: str
    what: str  # one of `What`, or of a newer release
    parameters: dict[str, str]
    key_id: str
    previous: str
    mac: str = ""  # of an entry that is not signed yet


class Link(Struct, frozen=True):
    """What the next entry needs of one, of whatever release."""

    number: int
    mac: str


@dataclass(frozen=True, slots=True)
class AuditKey:
    """A key and its id. Raises UserError for one under 16 bytes, or an id that is not one to eight hex digits."""

    key_id: str
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _KEY_ID.fullmatch(self.key_id):
            raise UserError(
                f"got id {self.key_id!r} of an audit key, expected 1 to 8 hex digits: number them 01, 02, …"
            )
        if len(self.key) < MIN_KEY_BYTES:
            raise UserError(
                f"audit key {self.key_id} has {len(self.key)} bytes, expected at least {MIN_KEY_BYTES}; make one with"
                " `openssl rand -hex 32`"
            )


@dataclass(frozen=True, slots=True)
class Head:
    """How many entries a chain has, and the MAC of the last, "" of none."""

    count: int
    mac: str

    def __str__(self) -> str:
        return f"{self.count}:{self.mac}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Valid entries in the order of the log, what is wrong (a line each), and the head that the chain has now."""

    entries: tuple[Entry, ...]
    faults: tuple[str, ...]
    head: Head


_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(Entry)
_LINKS = msgspec.json.Decoder(Link)


def parse_head(text: str) -> Head:
    """The head that a verification printed. Raises UserError for anything else."""
    match = _HEAD.fullmatch(text)
    if match is None:
        raise UserError(
            f"got head {text[:80]!r}, expected what `kozamori audit verify` printed: a number, `:`, 64 digits"
        )
    return Head(int(match[1]), match[2])


def encode_entry(entry: Entry) -> bytes:
    """The JSON message of an entry."""
    return _ENCODER.encode(entry)


def decode_entry(value: bytes | None) -> Entry | None:
    """The entry that a message is byte for byte; None for anything else."""
    try:
        entry = _DECODER.decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return entry if encode_entry(entry) == value else None


def end_of(values: Sequence[bytes | None]) -> Link | None:
    """Where a log of messages goes on: the last that can be an entry; None where there is none."""
    for value in reversed(values):
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            return _LINKS.decode(value or b"")
    return None


def signed(entry: Entry, key: AuditKey) -> Entry:
    """The entry under this key."""
    return msgspec.structs.replace(entry, key_id=key.key_id, mac=_mac(entry, key))


def _mac(entry: Entry, key: AuditKey) -> str:
    unsigned = msgspec.structs.replace(entry, key_id=key.key_id, mac="")
    return hmac.digest(key.key, _DOMAIN + encode_entry(unsigned), "sha256").hex()


def verify(
    values: Iterable[bytes | None], keys: Sequence[AuditKey], topic_id: str, head: Head | None = None
) -> Verdict:
    """Check a log's messages in their order, of the topic with this id.

    `head` is what an earlier verification came to: without it, the loss of the last entries leaves no trace in the
    messages. After a fault the check goes on behind it. Raises UserError for two keys with one id.
    """
    by_id = {key.key_id: key for key in keys}
    if len(by_id) < len(keys):
        raise UserError(f"got keys with the ids {', '.join(key.key_id for key in keys)}, expected each id once")
    found: list[Entry] = []
    faults: list[str] = []
    count, previous = 0, ""
    for place, value in enumerate(values):
        entry = decode_entry(value)
        if entry is None:
            faults.append(f"message {place} is no entry")
            continue
        where = f"entry {entry.number} (message {place})"
        key = by_id.get(entry.key_id)
        if key is None:
            faults.append(f"{where} is under key {entry.key_id!r}, which is not given")
            continue
        if not hmac.compare_digest(_mac(entry, key), entry.mac):
            faults.append(f"{where} was changed, or is not of a holder of key {entry.key_id}")
            continue
        faults += _misplaced(entry, where, count, previous, topic_id)
        found.append(entry)
        count, previous = entry.number + 1, entry.mac
    if head is not None:
        faults += _behind(found, head)
    return Verdict(tuple(found), tuple(faults), Head(count, previous))


def _misplaced(entry: Entry, where: str, count: int, previous: str, topic_id: str) -> Iterable[str]:
    if entry.topic_id != topic_id:
        yield f"{where} is of topic {entry.topic_id}, not of this one, {topic_id}: it was re-created, or copied"
    if entry.number > count:
        yield f"{entry.number - count} entries before {where} are missing"
    elif entry.number < count:
        yield f"{where} comes after entry {count - 1}: repeated, or in another order"
    elif entry.previous != previous:
        yield f"{where} does not follow the one before it, which is another than it was"


def _behind(found: list[Entry], head: Head) -> Iterable[str]:
    """What an earlier head says is there."""
    if not head.count:
        return
    if head.count > max((entry.number + 1 for entry in found), default=0):
        yield f"the last entries are missing: {head.count} were there before"
    elif head.mac not in {entry.mac for entry in found if entry.number == head.count - 1}:
        yield f"entry {head.count - 1} is another than it was before"
