import base64
import hashlib
import json

import jsonschema
import pytest

from detector.contract.alerts import Position
from detector.contract.dead_letters import (
    MAX_PAYLOAD_BYTES,
    REASONS,
    Rejected,
    build_dead_letter,
    decode_dead_letter,
    encode_dead_letter,
)
from detector.contract.refusals import RULES, describe
from detector.contract.schema import schema_text

REJECTED = Rejected(5, "malformed_json", REASONS["malformed_json"])
#: Kafka's bounds of a topic's name, partition and offset.
LONGEST = Position("t" * 249, 2**31 - 1, 2**63 - 1)
SOURCE = Position("account-events", 3, 42)
#: A letter as the first release wrote it.
OF_SCHEMA_1 = (
    b'{"schema":1,"dead_letter_id":"dl-account-events-3-42","reason":"malformed_json","message":"m",'
    b'"position":{"topic":"account-events","partition":3,"offset":42},"size_bytes":1,"sha256":"00","payload_base64":"ew=="}'
)


def test_it_names_position_time_and_reason_and_holds_nothing_of_the_message() -> None:
    letter = build_dead_letter(b"geheim", REJECTED, SOURCE, 1_600_000_000_000)
    assert "dl-account-events-3-42" == letter.dead_letter_id
    assert (SOURCE, 1_600_000_000_000) == (letter.position, letter.recorded_at_ms)
    assert ("malformed_json", REJECTED.message) == (letter.reason, letter.message)
    assert (6, hashlib.sha256(b"geheim").hexdigest()) == (letter.size_bytes, letter.sha256)
    assert "" == letter.payload_base64


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 10_000_000])
def test_where_it_is_asked_to_it_holds_the_beginning_of_the_payload(size: int) -> None:
    value = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    letter = build_dead_letter(value, REJECTED, SOURCE, 0, payload_bytes=100)
    assert (size, hashlib.sha256(value).hexdigest()) == (letter.size_bytes, letter.sha256)
    assert value[:100] == base64.b64decode(letter.payload_base64, validate=True)


@pytest.mark.parametrize("payload_bytes", [-1, MAX_PAYLOAD_BYTES + 1])
def test_a_payload_beyond_the_bound_is_refused(payload_bytes: int) -> None:
    with pytest.raises(ValueError, match="expected at most 65536"):
        build_dead_letter(b"{", REJECTED, SOURCE, 0, payload_bytes)


def test_letters_of_the_first_schema_are_read() -> None:
    letter = decode_dead_letter(OF_SCHEMA_1)
    assert (SOURCE, -1, "ew==") == (letter.position, letter.recorded_at_ms, letter.payload_base64)


def test_a_message_without_value_has_an_empty_payload() -> None:
    letter = build_dead_letter(None, Rejected(0, "empty_value", "no value"), SOURCE, 0, MAX_PAYLOAD_BYTES)
    assert (letter.size_bytes, letter.payload_base64) == (0, "")


def test_the_record_is_bounded_whatever_the_message() -> None:
    longest = max((describe(reason, field) for reason in REASONS for field in RULES), key=len)
    rejected, value = Rejected(0, "missing_field", longest), b"\xff" * 10_000_000
    assert len(encode_dead_letter(build_dead_letter(value, rejected, LONGEST, 2**62, MAX_PAYLOAD_BYTES))) < 90 * 1024
    assert len(encode_dead_letter(build_dead_letter(value, rejected, LONGEST, 2**62))) < 2 * 1024


def test_what_is_encoded_is_decoded_and_meets_the_schema() -> None:
    letter = build_dead_letter(b"\x00\xff", REJECTED, SOURCE, 7, payload_bytes=2)
    value = encode_dead_letter(letter)
    assert letter == decode_dead_letter(value)
    jsonschema.Draft202012Validator(json.loads(schema_text("dead-letters"))).validate(json.loads(value))
