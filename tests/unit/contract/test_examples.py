"""The examples of the page are messages of the bus, and every field of every message is explained."""

import json

import jsonschema
import msgspec
import pytest

from detector.contract.alerts import Alert, decode_alert
from detector.contract.codec import decode_one
from detector.contract.dead_letters import DeadLetter
from detector.contract.events import AccountEvent, Event, WalletEvent
from detector.contract.examples import MEANINGS, MESSAGES, PAGE, fields_of, page
from detector.contract.schema import TYPES, schema_text


def test_the_page_is_what_the_table_says() -> None:
    assert page() == PAGE.read_text("utf-8")


def test_every_kind_of_message_has_an_example() -> None:
    kinds = {type(message) for messages in MESSAGES.values() for message in messages}
    assert {*AccountEvent.__args__, *WalletEvent.__args__, Alert, DeadLetter} == kinds
    assert list(TYPES) == list(MESSAGES)


def test_every_field_is_explained_and_nothing_else() -> None:
    assert set(MEANINGS) == {name for ones in MESSAGES.values() for one in ones for name in fields_of(one)}


@pytest.mark.parametrize("topic", MESSAGES)
def test_the_examples_are_valid_messages(topic: str) -> None:
    for message in MESSAGES[topic]:
        content = msgspec.json.encode(message)
        jsonschema.validate(json.loads(content), json.loads(schema_text(topic)))
        if isinstance(message, Event):
            assert message == decode_one(content)
        elif isinstance(message, Alert):
            assert message == decode_alert(content)
