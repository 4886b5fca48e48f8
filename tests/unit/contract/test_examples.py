"""The examples of the page are messages of the bus, and every field of every message is explained."""

import json
import re

import jsonschema
import msgspec
import pytest

from detector.contract.alerts import Alert, decode_alert
from detector.contract.bulletins import Acknowledgement, Bulletin
from detector.contract.codec import decode_one
from detector.contract.dead_letters import DeadLetter
from detector.contract.events import AccountEvent, Event, WalletEvent
from detector.contract.examples import MEANINGS, MESSAGES, OF_BULLETINS, PAGE, fields_of, page
from detector.contract.schema import TYPES, schema_text
from detector.core.stages.campaigns_kernel import NEWS


def test_the_page_is_what_the_table_says() -> None:
    assert page() == PAGE.read_text("utf-8")


def schema_of(topic: str) -> str:
    """The schema's name: banks' own topics share one, and internal topics are named without their prefix."""
    return topic.removeprefix("kozamori.").removesuffix(".<bank>")


def test_every_kind_of_message_has_an_example() -> None:
    kinds = {type(message) for messages in MESSAGES.values() for message in messages}
    assert {*AccountEvent.__args__, *WalletEvent.__args__, Alert, Bulletin, Acknowledgement, DeadLetter} == kinds
    assert list(TYPES) == list(dict.fromkeys(map(schema_of, MESSAGES)))


def test_every_field_is_explained_and_nothing_else() -> None:
    assert set(MEANINGS) == {name for ones in MESSAGES.values() for one in ones for name in fields_of(one)}


@pytest.mark.parametrize("topic", ["bulletins", "bulletins.<bank>"])
def test_a_bulletins_fields_are_explained_as_a_campaigns_not_a_cases(topic: str) -> None:
    (table,) = re.findall(rf"^## {topic}$(.*?)^## ", page(), re.MULTILINE | re.DOTALL)
    explained = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))
    assert set(NEWS) == set(explained["news"].split(": ")[1].split(", "))
    assert "detector" not in explained["typologies"]
    assert "estimated" in explained["yen_at_risk"]
    assert set(OF_BULLETINS) <= set(explained)
    assert not {name for name, text in OF_BULLETINS.items() if MEANINGS[name] == text}


@pytest.mark.parametrize("topic", MESSAGES)
def test_the_examples_are_valid_messages(topic: str) -> None:
    for message in MESSAGES[topic]:
        content = msgspec.json.encode(message)
        jsonschema.validate(json.loads(content), json.loads(schema_text(schema_of(topic))))
        if isinstance(message, Event):
            assert message == decode_one(content)
        elif isinstance(message, Alert):
            assert message == decode_alert(content)
