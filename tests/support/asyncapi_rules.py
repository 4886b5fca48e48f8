"""What AsyncAPI 3.0.0 asks of the objects that our document has: fields, types, what is required, words allowed.

Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0, and of the bindings, Kafka 0.5.0 and HTTP 0.3.0,
https://github.com/asyncapi/bindings. Only fields that the document uses: another one is refused, so that whoever adds
it looks it up there.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema

#: Says what is wrong with a value at a place.
Check = Callable[[Any, str], Iterator[str]]


def text(value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{at}: got {value!r}, expected a string"


def schema(value: Any, at: str) -> Iterator[str]:
    """A Schema Object: JSON Schema, draft 7."""
    try:
        jsonschema.Draft7Validator.check_schema(value)
    except jsonschema.SchemaError as error:
        yield f"{at}: {error.message}"


def headers(value: Any, at: str) -> Iterator[str]:
    yield from schema(value, at)
    if not isinstance(value, dict) or value.get("type") != "object":
        yield f"{at}: expected a schema of an object"


def anything(value: Any, at: str) -> Iterator[str]:
    del value, at
    yield from ()


def word(*allowed: str) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if value not in allowed:
            yield f"{at}: got {value!r}, expected {' or '.join(allowed)}"

    return check


def whole(least: int) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if type(value) is not int or value < least:
            yield f"{at}: got {value!r}, expected a whole number from {least} on"

    return check


def each(of: Check) -> Check:
    """A list."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{at}: got {value!r}, expected a list"
            return
        for number, item in enumerate(value):
            yield from of(item, f"{at}/{number}")

    return check


def named(of: Check, pattern: str = r"[A-Za-z0-9_-]+") -> Check:
    """A map by names."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at}: got {value!r}, expected an object"
            return
        for name, item in value.items():
            if not re.fullmatch(pattern, name):
                yield f"{at}: got the name {name!r}, expected {pattern}"
            yield from of(item, f"{at}/{name}")

    return check


def fields(*required: str, **known: Check) -> Check:
    """An object of these fields, of which some are required."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at}: got {value!r}, expected an object"
            return
        yield from (f"{at}: {name} is missing" for name in required if name not in value)
        for name, item in value.items():
            if name in known:
                yield from known[name](item, f"{at}/{name}")
            else:
                yield f"{at}: got the field {name}, expected one of {', '.join(known)}"

    return check


def reference(to: str) -> Check:
    """A Reference Object that leads to what lies directly below `to`."""

    def target(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, str) or not re.fullmatch(rf"{re.escape(to)}[^/]+", value):
            yield f"{at}: got {value!r}, expected {to} and a name"

    return fields("$ref", **{"$ref": target})


def with_variables(of: Check, where: str, variables: str) -> Check:
    """An object whose `where` names its `variables` in braces, each of them and no other."""

    def check(value: Any, at: str) -> Iterator[str]:
        yield from of(value, at)
        if isinstance(value, dict):
            used, told = re.findall(r"\{([^}]*)\}", str(value.get(where))), value.get(variables, {})
            if sorted(used) != sorted(told):
                yield f"{at}: {where} has {used}, {variables} has {list(told)}"

    return check


_KAFKA = {"bindingVersion": word("0.5.0")}
_TOPIC = {
    "cleanup.policy": each(word("delete", "compact")),
    "retention.ms": whole(-1),
    "retention.bytes": whole(-1),
    "delete.retention.ms": whole(0),
    "max.message.bytes": whole(0),
}
_SERVER = fields(
    *("host", "protocol"),
    host=text,
    protocol=text,
    variables=named(fields(default=text, description=text)),
)
_MESSAGE = fields(
    name=text,
    headers=headers,
    payload=schema,
    bindings=fields(kafka=fields(key=schema, **_KAFKA)),
    examples=each(fields(headers=named(anything, r".+"), payload=anything)),
)


def _message(value: Any, at: str) -> Iterator[str]:
    """A message, or where it lies."""
    is_reference = isinstance(value, dict) and "$ref" in value
    yield from (reference("#/components/messages/") if is_reference else _MESSAGE)(value, at)


_CHANNEL = fields(
    address=text,
    description=text,
    servers=each(reference("#/servers/")),
    messages=named(_message),
    parameters=named(fields(description=text)),
    bindings=fields(kafka=fields(partitions=whole(1), topicConfiguration=fields(**_TOPIC), **_KAFKA)),
)
_OPERATION = fields(
    *("action", "channel"),
    action=word("send", "receive"),
    channel=reference("#/channels/"),
    bindings=fields(http=fields(method=word("GET", "POST", "PUT", "PATCH", "DELETE"), bindingVersion=word("0.3.0"))),
)
DOCUMENT = fields(
    *("asyncapi", "info"),
    asyncapi=word("3.0.0"),
    info=fields(
        *("title", "version"),
        title=text,
        version=text,
        description=text,
        license=fields("name", name=text),
    ),
    defaultContentType=text,
    servers=named(with_variables(_SERVER, "host", "variables")),
    channels=named(with_variables(_CHANNEL, "address", "parameters")),
    operations=named(_OPERATION),
    components=fields(messages=named(_MESSAGE, r"[A-Za-z0-9._-]+"), schemas=named(schema, r"[A-Za-z0-9._-]+")),
)


def mistakes(document: Any) -> list[str]:
    """Everything that is wrong with it, by its place."""
    return list(DOCUMENT(document, "#"))
