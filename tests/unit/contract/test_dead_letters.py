import base64
import hashlib
import json

import jsonschema
import pytest

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
LONGEST_POSITION = ("t" * 249, 2**31 - 1, 2**63 - 1)


@pytest.mark.parametrize("size", [0, 1, MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES + 1, 10_000_000])
def test_it_holds_the_beginning_of_the_payload_and_the_hash_of_all(size: int) -> None:
    value = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    letter = build_dead_letter(value, REJECTED, "account-events", 3, 42)
    assert letter.dead_letter_id == "dl-account-events-3-42"
    assert (letter.position.topic, letter.position.partition, letter.position.offset) == ("account-events", 3, 42)
    assert ("malformed_json", REJECTED.message) == (letter.reason, letter.message)
    assert (size, hashlib.sha256(value).hexdigest()) == (letter.size_bytes, letter.sha256)
    assert value[: 64 * 1024] == base64.b64decode(letter.payload_base64, validate=True)


def test_a_message_without_value_has_an_empty_payload() -> None:
    letter = build_dead_letter(None, Rejected(0, "empty_value", "no value"), "t", 0, 0)
    assert (letter.size_bytes, letter.payload_base64) == (0, "")


def test_the_record_is_bounded_whatever_the_message() -> None:
    longest = max((describe(reason, field) for reason in REASONS for field in RULES), key=len)
    letter = build_dead_letter(b"\xff" * 10_000_000, Rejected(0, "missing_field", longest), *LONGEST_POSITION)
    assert len(encode_dead_letter(letter)) < 90 * 1024


def test_what_is_encoded_is_decoded_and_meets_the_schema() -> None:
    letter = build_dead_letter(b"\x00\xff", REJECTED, "account-events", 0, 7)
    value = encode_dead_letter(letter)
    assert letter == decode_dead_letter(value)
    jsonschema.Draft202012Validator(json.loads(schema_text("dead-letters"))).validate(json.loads(value))
