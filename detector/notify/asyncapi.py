"""The AsyncAPI 3 document of what is on the bus and in a webhook: `python -m detector.notify.asyncapi` prints it.

Drawn from the types of the contract, its examples and the declared topics; `docs/asyncapi.json` is kept in step by a
test. What only workers read, rows and hops, is left out.
"""

import json
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import msgspec

from detector.contract.examples import MEANINGS, MESSAGES, OF_BULLETINS
from detector.kafka.declarations import Declaration, declared
from detector.notify.texts import examples
from detector.notify.webhook import headers_of
from detector.settings import Settings

#: The newest bindings that AsyncAPI 3.0.0 knows.
KAFKA_BINDING, HTTP_BINDING = "0.5.0", "0.3.0"
#: Topics of `MESSAGES`, and banks' own of the same messages: what Kozamori does with them, and their records' key.
TOPICS: dict[str, tuple[str, str]] = {
    "account-events": ("receive", "the event's account"),
    "wallet-events": ("receive", "the event's service, /, its wallet"),
    "alerts": ("send", "the alert's account; its wallet where it has none"),
    "alerts.<bank>": ("send", "the alert's account"),
    "bulletins": ("send", "the campaign's id"),
    "bulletins.<bank>": ("send", "the campaign's id"),
    "kozamori.acknowledgements": ("receive", "the bulletin's id, /, the bank"),
    "kozamori.acknowledgements.<bank>": ("receive", "the bulletin's id, /, the bank"),
    "dead-letters": ("send", "the dead letter's id"),
}
#: Headers of a webhook.
HEADERS = {
    "webhook-id": "the message's id, the same in every delivery: drop what you have",
    "webhook-timestamp": "when it was sent, in seconds since 1970: refuse what is minutes old",
    "webhook-signature": "of Standard Webhooks: v1, and the HMAC-SHA256 of id.timestamp.body in base64; several words"
    " while keys change",
    "ce-specversion": "of CloudEvents",
    "ce-id": "as webhook-id",
    "ce-type": "kozamori.alert or kozamori.bulletin",
    "ce-source": "/kozamori/ and the topic it came from",
    "ce-time": "when the event happened on which it was raised",
}
#: Of a topic's configuration what the binding has words for, beside `cleanup.policy`.
_NUMBERS = ("retention.ms", "retention.bytes", "delete.retention.ms", "max.message.bytes")
_BANK = "0116"


def document() -> dict[str, Any]:
    """The document, as JSON values."""
    types = {type(message): message for messages in MESSAGES.values() for message in messages}
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Kozamori",
            "version": version("kozamori"),
            "description": "Events of payment services in; alerts, and bulletins on campaigns, out. A reader leaves"
            " out messages of a newer `schema` than it knows.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": _server("kafka", "127.0.0.1:9092", "a broker; kafka-secure with TLS"),
            "receiver": _server("https", "soc.example", "a receiver of `kozamori notify`"),
        },
        "channels": {**{_name(topic): _channel(topic) for topic in TOPICS}, "webhook": _webhook()},
        "operations": {
            **{f"{action}-{_name(topic)}": _operation(topic, action) for topic, (action, _) in TOPICS.items()},
            "send-webhook": {
                "action": "send",
                "channel": {"$ref": "#/channels/webhook"},
                "bindings": {"http": {"method": "POST", "bindingVersion": HTTP_BINDING}},
            },
        },
        "components": {
            "messages": {name: _message(kind, message) for kind, message in types.items() for name in [_word(kind)]},
            "schemas": {name: _explained(name, schema) for name, schema in schemas.items()},
        },
    }


def _server(protocol: str, host: str, meaning: str) -> dict[str, Any]:
    variables = {"host": {"default": host, "description": meaning}}
    return {"host": "{host}", "protocol": protocol, "variables": variables}


def _channel(topic: str) -> dict[str, Any]:
    declaration = _declarations()[topic.replace("<bank>", _BANK)]
    config = {name: int(value) for name, value in declaration.config.items() if name in _NUMBERS}
    held = MESSAGES.get(topic) or MESSAGES[topic.removesuffix(".<bank>")]
    messages = [_word(type(message)) for message in held]
    return {
        "address": topic.replace("<bank>", "{bank}"),
        "description": declaration.why.replace(_BANK, "{bank}"),
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        **({"parameters": {"bank": {"description": "the bank's four-digit code"}}} if "<bank>" in topic else {}),
        "bindings": {
            "kafka": {
                **({"partitions": declaration.partitions} if declaration.partitions else {}),
                "topicConfiguration": {"cleanup.policy": [declaration.config["cleanup.policy"]], **config},
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _declarations() -> dict[str, Declaration]:
    settings = Settings(alert_banks=(_BANK,), bulletin_banks=(_BANK,))
    return {declaration.name(settings): declaration for declaration in declared(settings)}


def _webhook() -> dict[str, Any]:
    return {
        "address": "/",
        "description": "One POST a message, its body as on the bus; the path is the receiver's own. A status of the"
        " 200s says that it is kept, another of the 400s than 408, 425 and 429 that it never will be; else it comes"
        " again.",
        "servers": [{"$ref": "#/servers/receiver"}],
        "messages": {
            kind: {
                "headers": {
                    "type": "object",
                    "properties": {name: {"type": "string", "description": text} for name, text in HEADERS.items()},
                    "required": [name for name in HEADERS if name != "ce-time"],
                },
                "payload": {"$ref": f"#/components/schemas/{kind.title()}"},
                "examples": [{"headers": headers, "payload": payload}],
            }
            for kind, headers, payload in _webhook_examples()
        },
    }


def _webhook_examples() -> Iterator[tuple[str, dict[str, str], Any]]:
    for notice in {notice.kind: notice for notice in reversed(examples())}.values():
        headers = headers_of(notice, [b"an example of a secret!!"], notice.occurred_at_ms // 1000)
        yield notice.kind, {name: headers[name] for name in HEADERS}, msgspec.to_builtins(notice.content)


def _operation(topic: str, action: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{_name(topic)}"}}


def _message(kind: type[msgspec.Struct], example: msgspec.Struct) -> dict[str, Any]:
    topic = next(topic for topic, messages in MESSAGES.items() if example in messages)
    key = {"type": "string", "description": TOPICS[topic][1]}
    return {
        "name": _word(kind),
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
        "bindings": {"kafka": {"key": key, "bindingVersion": KAFKA_BINDING}},
        "examples": [{"payload": msgspec.to_builtins(example)}],
    }


def _explained(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with the meaning of each field, instead of the docstring, which is for who reads the code."""
    meanings = MEANINGS | (OF_BULLETINS if name == "Bulletin" else {})
    explained = {key: value for key, value in schema.items() if key != "description"}
    if name in {type(message).__name__ for messages in MESSAGES.values() for message in messages}:
        fields = explained["properties"].items()
        explained["properties"] = {
            field: value | ({"description": meanings[field]} if field in meanings and "$ref" not in value else {})
            for field, value in fields
        }
    return explained


def _name(topic: str) -> str:
    """A channel's key, which has no other signs than letters, digits and a hyphen."""
    return topic.removeprefix("kozamori.").replace(".<bank>", "-of-a-bank")


def _word(kind: type) -> str:
    """`DeadLetter` is `dead-letter`."""
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__)[1:]


if __name__ == "__main__":
    print(json.dumps(document(), ensure_ascii=False, indent=2))  # noqa: T201 - printing is what it is for
