"""The AsyncAPI document is valid by AsyncAPI's own schema, in step with the code, and its examples by their schemas."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from detector.contract.examples import MESSAGES
from detector.kafka.declarations import HOPS, STAGES, declared
from detector.notify.asyncapi import HEADERS, TOPICS, document
from detector.notify.texts import examples
from detector.notify.webhook import headers_of
from detector.settings import Settings

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "asyncapi.json"
OFFICIAL = ROOT / "tests" / "golden" / "asyncapi-3.0.0.json"
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


def test_the_document_is_valid_by_asyncapi_s_own_schema() -> None:
    official = jsonschema.Draft7Validator(json.loads(OFFICIAL.read_text()))
    assert [] == [f"{list(error.absolute_path)}: {error.message[:200]}" for error in official.iter_errors(DOCUMENT)]


@pytest.mark.parametrize(
    "spoiled",
    [
        {**DOCUMENT, "asyncapi": "2.6.0"},
        {**DOCUMENT, "topics": {}},
        {**DOCUMENT, "operations": {"read": {"action": "subscribe", "channel": {"$ref": "#/channels/alerts"}}}},
        {**DOCUMENT, "channels": {"alerts": {"bindings": {"kafka": {"partitions": 0, "bindingVersion": "0.5.0"}}}}},
    ],
    ids=["version", "unknown field", "action", "binding"],
)
def test_that_schema_finds_what_is_wrong(spoiled: dict[str, Any]) -> None:
    assert not jsonschema.Draft7Validator(json.loads(OFFICIAL.read_text())).is_valid(spoiled)


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
