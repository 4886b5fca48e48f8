"""Records of messages that are no valid event: the reason and the position; the bytes lie in the source topic."""

import base64
import hashlib
from typing import NamedTuple

import msgspec

from detector.contract.alerts import Position

#: Reason code → text for people. Codes are metric labels and never change.
REASONS: dict[str, str] = {
    "empty_value": "the message has no value",
    "missing_key": "the message has no key",
    "too_large": "the message is larger than any event",
    "invalid_utf8": "the message is not UTF-8",
    "too_deep": "the message nests objects or arrays too deeply",
    "lone_surrogate": "a string holds half of a surrogate pair",
    "malformed_json": "the message is not one JSON object",
    "unknown_kind": "`kind` is no kind of event of this topic",
    "missing_field": "a field of this kind of event is missing",
    "wrong_type": "a field, or the whole message, has another JSON type than expected",
    "bad_amount": "the amount is not a whole number of yen in range",
    "bad_value": "a field holds a value outside its range or vocabulary",
    "key_mismatch": "the key is not the payload's `account` (account events) or `service`/`wallet` (wallet events)",
    "bad_timestamp": "the record's timestamp is missing or lies before 2000: the clock that set it, the producer's or"
    " the broker's, is wrong",
    "time_in_future": "the event says it happened more than a day after its record was written",
}

#: 2: `recorded_at_ms`, and no payload unless a setting asks for it.
SCHEMA = 2
#: The most of a message that a dead letter keeps (PROTOCOL rule 11).
MAX_PAYLOAD_BYTES = 64 * 1024


class Rejected(NamedTuple):
    """A message that is no valid event: its index in the chunk, a code of `REASONS`, a text for people.

    The text names fields and rules only, nothing of the payload.
    """

    record: int
    reason: str
    message: str


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """A record of the topic `dead-letters`.

    `recorded_at_ms` is the source record's timestamp, -1 if unknown. `payload_base64` is the beginning of the message
    where the setting `dead_letter_payload_bytes` asks for it, else empty.
    """

    schema: int
    dead_letter_id: str
    reason: str
    message: str
    position: Position
    size_bytes: int
    sha256: str
    recorded_at_ms: int = -1
    payload_base64: str = ""


def dead_letter_id(source: Position) -> str:
    """The id of the dead letter of a source record; the same in every replay."""
    return f"dl-{source.topic}-{source.partition}-{source.offset}"


def build_dead_letter(
    value: bytes | None, rejected: Rejected, source: Position, recorded_at_ms: int, payload_bytes: int = 0
) -> DeadLetter:
    """The dead letter of the message `value` at a position, with so much of it; deterministic, so a replay repeats it.

    Raises ValueError for more than `MAX_PAYLOAD_BYTES`.
    """
    if not 0 <= payload_bytes <= MAX_PAYLOAD_BYTES:
        raise ValueError(f"got a payload of {payload_bytes} bytes, expected at most {MAX_PAYLOAD_BYTES}")
    payload = value or b""
    return DeadLetter(
        schema=SCHEMA,
        dead_letter_id=dead_letter_id(source),
        reason=rejected.reason,
        message=rejected.message,
        position=source,
        size_bytes=len(payload),
        sha256=hashlib.sha256(payload).hexdigest(),
        recorded_at_ms=recorded_at_ms,
        payload_base64=base64.b64encode(payload[:payload_bytes]).decode() if payload_bytes else "",
    )


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(DeadLetter)


def encode_dead_letter(letter: DeadLetter) -> bytes:
    """The JSON message of a dead letter."""
    return _ENCODER.encode(letter)


def decode_dead_letter(value: bytes) -> DeadLetter:
    """The dead letter of a JSON message; raises `msgspec.DecodeError` for anything else."""
    return _DECODER.decode(value)
