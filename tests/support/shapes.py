"""Small pieces that JSON schemas are made of; every object is closed."""

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

TRUE_OR_FALSE: Schema = {"type": "boolean"}
_BYTE = r"(\d\d?|1\d\d|2[0-4]\d|25[0-5])"
#: Patterns: an address of IPv4; a port, 1 to 65535; an image, whose version is written down.
ADDRESS = rf"({_BYTE}\.){{3}}{_BYTE}"
PORT = r"([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])"
IMAGE = r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)*:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"


def text(pattern: str = r"[\s\S]*\S[\s\S]*") -> Schema:
    """A text that matches the pattern from end to end; without a pattern, one that is not blank."""
    return {"type": "string", "pattern": rf"\A(?:{pattern})\Z"}


def one_of(*values: str) -> Schema:
    """One of these texts."""
    return {"enum": list(values)}


def whole(least: int, most: int = 2**31 - 1) -> Schema:
    """A whole number."""
    return {"type": "integer", "minimum": least, "maximum": most}


def many(item: Schema) -> Schema:
    """A list of one item or more, no two the same."""
    return {"type": "array", "items": item, "minItems": 1, "uniqueItems": True}


def words() -> Schema:
    """A command: a list of texts, of which some may be the same."""
    return {"type": "array", "items": text(), "minItems": 1}


def either(*schemas: Schema) -> Schema:
    """What fits one schema and no second."""
    return {"oneOf": list(schemas)}


def fields(named: Mapping[str, Schema], least: int = 1) -> Schema:
    """An object with these fields and no others; a name that ends in `!` must be there."""
    return {
        "type": "object",
        "properties": {name.removesuffix("!"): schema for name, schema in named.items()},
        "required": [name.removesuffix("!") for name in named if name.endswith("!")],
        "minProperties": least,
        "additionalProperties": False,
    }


def names(pattern: str, value: Schema) -> Schema:
    """An object whose names are the writer's own, like the pattern; not empty."""
    return {
        "type": "object",
        "patternProperties": {rf"\A(?:{pattern})\Z": value},
        "minProperties": 1,
        "additionalProperties": False,
    }
