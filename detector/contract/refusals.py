"""Why a message is no event: the slow path, taken once per bad message.

Texts come from tables of fields and rules, never from the decoder's own words, which quote the payload.
"""

import re

import msgspec

from detector.contract import vocabulary
from detector.contract.dead_letters import MAX_PAYLOAD_BYTES, REASONS

#: Events have about 300 bytes; with this bound a dead letter always holds the whole of what is not `too_large`.
MAX_EVENT_BYTES = MAX_PAYLOAD_BYTES
#: Ignored extra fields may nest. The decoder recurses and gives up at a depth that depends on its caller's stack;
#: a bound of our own, far below it, makes the verdict the same wherever it is called.
MAX_DEPTH = 32
#: A message of at most this size cannot nest deeply enough to matter, and events are smaller.
PLAIN_BYTES = 512

_IDENTIFIER = "expected a string of 1 to 128 characters"
_TIME = "expected epoch milliseconds of the years 2000 to 2099"
RULES: dict[str, str] = {
    "event_id": "expected a string of 1 to 64 characters",
    "kind": "expected one of " + ", ".join(vocabulary.KINDS),
    "occurred_at_ms": _TIME,
    "service": "expected one of " + ", ".join(vocabulary.SERVICES),
    "wallet": _IDENTIFIER,
    "wallet_opened_at_ms": _TIME,
    "wallet_verified": "expected true or false",
    "source": "expected a string of at most 128 characters",
    "bank": "expected a string of 4 digits",
    "account": "expected a string of 16 to 128 hex digits",
    "auth": "expected one of " + ", ".join(vocabulary.AUTHS),
    "result": f"expected one of {', '.join(vocabulary.LINK_RESULTS)} (link) or "
    f"{', '.join(vocabulary.DEBIT_RESULTS)} (debit)",
    "amount_yen": f"expected a whole number from 1 to {vocabulary.MAX_AMOUNT_YEN}, without decimals or exponent",
    "purpose": "expected one of " + ", ".join(vocabulary.PURPOSES),
    "shop": "expected a string of at most 128 characters",
    "shop_category": "expected a string of at most 128 characters",
    "counterparty": _IDENTIFIER,
}

_FIELD = re.compile(r"`\$\.(\w+)`")
_MISSING = re.compile(r"missing required field `(\w+)`")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BRACKET = re.compile(rb"[\[{}\]]")


class RefusedError(Exception):
    """A message is no event for the `reason` given; raised and caught inside the codec."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(describe(reason, field))
        self.reason = reason


def describe(reason: str, field: str = "") -> str:
    """The text for people of a reason, and of the field's rule where a field is to blame."""
    return f"{REASONS[reason]}: `{field}`, {RULES[field]}" if field else REASONS[reason]


def check_unusual(value: bytes | None) -> None:
    """Raise `RefusedError` for an empty, huge, deeply nested or non-UTF-8 message."""
    if not value:
        raise RefusedError("empty_value")
    if len(value) > MAX_EVENT_BYTES:
        raise RefusedError("too_large")
    try:
        value.decode()
    except UnicodeDecodeError:
        raise RefusedError("invalid_utf8") from None
    if _depth(value) > MAX_DEPTH:
        raise RefusedError("too_deep")


def refusal(error: Exception) -> RefusedError:
    """What the decoder's `error` means; anything it does not recognise is `bad_value`."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, RecursionError):
        return RefusedError("too_deep")
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        surrogate = "surrogate" in text or "hex escape" in text
        return RefusedError("lone_surrogate" if surrogate else "malformed_json")
    if missing := _MISSING.search(text):
        return RefusedError("missing_field", missing[1] if missing[1] in RULES else "")
    found = _FIELD.search(text)
    field = found[1] if found and found[1] in RULES else ""
    return RefusedError(_reason(text, field), field)


def _reason(text: str, field: str) -> str:
    if field == "kind" and text.startswith("Invalid value"):
        return "unknown_kind"
    if field == "amount_yen" and ("got `float`" in text or "got" not in text):
        return "bad_amount"
    return "wrong_type" if text.startswith("Expected") and ("got" in text or field == "kind") else "bad_value"


def _depth(value: bytes) -> int:
    if value.count(b"[") + value.count(b"{") <= MAX_DEPTH:
        return 0
    deepest = depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", value)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest
