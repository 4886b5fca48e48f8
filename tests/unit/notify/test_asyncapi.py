"""The AsyncAPI document has what AsyncAPI asks for, is in step with the code, and its examples fit their schemas."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.asyncapi_rules import mistakes

from detector.contract.examples import MESSAGES
from detector.kafka.declarations import HOPS, STAGES, declared
from detector.notify.asyncapi import HEADERS, TOPICS, document
from detector.notify.texts import examples
from detector.notify.webhook import headers_of
from detector.settings import Settings

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "asyncapi.json"
DOCUMENT = json.loads(json.dumps(document()))


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from references(each)


def resolved(reference: str) -> Any:
    value: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        value = value[step]
    return value


def messages() -> dict[str, Any]:
    """Those of the bus and of webhooks, by their places."""
    return {
        **DOCUMENT["components"]["messages"],
        **{f"webhook {name}": message for name, message in DOCUMENT["channels"]["webhook"]["messages"].items()},
    }


def test_the_file_is_in_step() -> None:
    assert DOCUMENT == json.loads(PAGE.read_text()), (
        "stale: run `python -m detector.notify.asyncapi > docs/asyncapi.json`"
    )


def test_the_document_has_what_asyncapi_asks_for_and_no_other_field() -> None:
    assert [] == mistakes(DOCUMENT)


def spoiled(path: str, value: Any) -> dict[str, Any]:
    """The document with another value at a place, or, of `...`, without that field."""
    document: dict[str, Any] = copy.deepcopy(DOCUMENT)
    *steps, last = path.split("/")
    at: Any = document
    for step in steps:
        at = at[int(step) if isinstance(at, list) else step]
    if value is ...:
        del at[last]
    else:
        at[int(last) if isinstance(at, list) else last] = value
    return document


BANKS = "channels/alerts-of-a-bank"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("asyncapi", "2.6.0", "#/asyncapi: got '2.6.0', expected 3.0.0"),
        ("asyncapi", ..., "#: asyncapi is missing"),
        ("topics", {}, "#: got the field topics, expected one of"),
        ("info/version", ..., "#/info: version is missing"),
        ("info/version", 1, "#/info/version: got 1, expected a string"),
        ("info/license/name", ..., "#/info/license: name is missing"),
        ("servers/kafka/protocol", ..., "#/servers/kafka: protocol is missing"),
        ("servers/kafka/url", "x", "#/servers/kafka: got the field url, expected one of"),
        ("servers/kafka/variables", {}, "#/servers/kafka: host has ['host'], variables has []"),
        ("servers/a server", {"host": "x", "protocol": "x"}, "#/servers: got the name 'a server'"),
        ("channels/alerts/address", 7, "#/channels/alerts/address: got 7, expected a string"),
        ("channels/alerts/subscribe", {}, "#/channels/alerts: got the field subscribe"),
        ("channels/alerts/servers/0/$ref", "#/channels/alerts", "got '#/channels/alerts', expected #/servers/"),
        ("channels/alerts/messages/alert", {"$ref": "#/components/schemas/Alert"}, "expected #/components/messages/"),
        ("channels/alerts/bindings/kafka/partitions", 0, "partitions: got 0, expected a whole number from 1 on"),
        ("channels/alerts/bindings/kafka/bindingVersion", "0.2.0", "got '0.2.0', expected 0.5.0"),
        ("channels/alerts/bindings/kafka/topicConfiguration/retention.ms", "7", "got '7', expected a whole number"),
        ("channels/alerts/bindings/kafka/topicConfiguration/cleanup.policy", "delete", "expected a list"),
        ("channels/alerts/bindings/kafka/topicConfiguration/cleanup.policy/0", "drop", "expected delete or compact"),
        ("channels/alerts/bindings/kafka/topicConfiguration/segment.ms", 7, "got the field segment.ms"),
        (f"{BANKS}/parameters", {}, "address has ['bank'], parameters has []"),
        (f"{BANKS}/parameters/bank/schema", {}, "bank: got the field schema, expected one of description"),
        ("channels/webhook/messages/alert/headers/type", "array", "headers: expected a schema of an object"),
        ("channels/webhook/messages/alert/examples/0/body", {}, "got the field body, expected one of headers, payload"),
        ("operations/send-alerts/action", "publish", "action: got 'publish', expected send or receive"),
        ("operations/send-alerts/channel", ..., "#/operations/send-alerts: channel is missing"),
        ("operations/send-alerts/channel/$ref", "#/servers/kafka", "expected #/channels/ and a name"),
        ("operations/send-alerts/channel", "alerts", "got 'alerts', expected an object"),
        ("operations/send-webhook/bindings/http/method", "SEND", "got 'SEND', expected GET or POST"),
        ("operations/send-webhook/bindings/http/type", "request", "got the field type"),
        ("components/messages/alert/payload/type", 7, "#/components/messages/alert/payload: "),
        ("components/messages/alert/bindings/kafka/key/type", "text", "kafka/key: 'text' is not valid"),
        ("components/schemas/Alert/properties", [], "#/components/schemas/Alert: [] is not of type 'object'"),
        ("components/schemas/an alert", {}, "#/components/schemas: got the name 'an alert'"),
        ("components/topics", {}, "#/components: got the field topics"),
    ],
)
def test_each_mistake_is_told_by_its_place(path: str, value: Any, said: str) -> None:
    (told,) = mistakes(spoiled(path, value))
    assert said in told


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert len(found) > 30
    assert all(resolved(reference) for reference in found)


@pytest.mark.parametrize("name", messages())
def test_every_example_is_valid_and_one_with_another_type_of_field_is_not(name: str) -> None:
    message = messages()[name]
    whole = {"components": DOCUMENT["components"], "$ref": message["payload"]["$ref"]}
    payload = jsonschema.Draft7Validator(whole)
    for example in message["examples"]:
        assert [] == list(payload.iter_errors(example["payload"]))
        field = next(iter(resolved(message["payload"]["$ref"])["required"]))
        assert not payload.is_valid({**example["payload"], field: {}})
        if "headers" in message:
            jsonschema.validate(example["headers"], message["headers"])


def test_every_topic_but_those_that_workers_alone_read_is_in_it() -> None:
    settings = Settings(alert_banks=("0116",), bulletin_banks=("0116",))
    internal = {
        *map(settings.hop_topic, HOPS),
        *map(settings.rows_topic, STAGES),
        *(settings.redrives, settings.audit),
    }
    public = {declaration.name(settings) for declaration in declared(settings)} - internal
    assert public == {topic.replace("<bank>", "0116") for topic in TOPICS}
    assert MESSAGES.keys() <= TOPICS.keys()
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()} - {"/"}
    assert public == {address.replace("{bank}", "0116") for address in addresses}


def test_the_headers_told_are_those_sent() -> None:
    sent = headers_of(examples()[0], [b"k" * 32], 1)
    assert HEADERS.keys() == sent.keys() - {"Content-Type", "User-Agent", "Connection"}
