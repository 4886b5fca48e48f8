"""Why a message is no valid event: the slow path, taken once per bad message.

Texts come from tables of fields and rules, never from the decoder's messages, which quote the payload.
"""

import re

import msgspec

from detector.contract import vocabulary
from detector.contract.dead_letters import MAX_PAYLOAD_BYTES, REASONS

#: Events have about 300 bytes. Any message within this bound fits whole into a dead letter that keeps payloads.
MAX_EVENT_BYTES = MAX_PAYLOAD_BYTES
#: Larger than any event without extra fields; nesting is checked only above it.
PLAIN_BYTES = 512
#: Ignored extra fields may nest, but the decoder recurses and fails at a depth that depends on the caller's stack.
#: A bound far below it makes the verdict the same everywhere. No JSON of PLAIN_BYTES can nest deeper.
MAX_DEPTH = PLAIN_BYTES // 2

_IDENTIFIER = "expected a string of 1 to 128 characters"
_TIME = "expected epoch milliseconds of the years 2000 to 2099"
RULES: dict[str, str] = {
    "event_id": "expected a string of 1 to 64 characters",
    "kind": f"expected one of {', '.join(vocabulary.ACCOUNT_KINDS)} (account events) or "
    f"{', '.join(vocabulary.WALLET_KINDS)} (wallet events)",
    "occurred_at_ms": _TIME,
    "service": f"expected a name of 1 to {vocabulary.MAX_SERVICE} lower-case letters, digits, `_`, `.` and `-`",
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

# Both anchored: the decoder's text may quote the payload in between.
_FIELD = re.compile(r"`\$\.(\w+)`$")
_MISSING = re.compile(r"^Object missing required field `(\w+)`")
_PAIR = re.compile(rb"\\u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w")
_HALF = re.compile(rb"(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]\w\w")
_BRACKET = re.compile(rb"[\[{}\]]")


class RefusedError(Exception):
    """A message is no valid event, for `reason`; raised and caught inside the codec."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(describe(reason, field))
        self.reason = reason


def describe(reason: str, field: str = "") -> str:
    """The text of a reason, with the field's rule if a field is invalid."""
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


def refusal(error: Exception, value: bytes | None) -> RefusedError:
    """The refusal for the decoder's `error` on `value`."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, RecursionError):
        return RefusedError("too_deep")
    if not isinstance(error, msgspec.ValidationError):
        # Not JSON at all; the decoder's text is the same for a lone surrogate and other errors.
        return RefusedError("lone_surrogate" if _HALF.search(_PAIR.sub(b"", value or b"")) else "malformed_json")
    text = str(error)
    if missing := _MISSING.search(text):
        return RefusedError("missing_field", missing[1])
    found = _FIELD.search(text)
    field = found[1] if found else ""
    return RefusedError(_reason(text, field), field)


def _reason(text: str, field: str) -> str:
    if field == "kind" and text.startswith("Invalid value"):
        return "unknown_kind"
    if field == "amount_yen" and ("got `float`" in text or "got" not in text):
        return "bad_amount"
    # The decoder says what it "got" when the JSON type is wrong, except for the tag.
    return "wrong_type" if text.startswith("Expected") and ("got" in text or field == "kind") else "bad_value"


def _depth(value: bytes) -> int:
    if value.count(b"[") + value.count(b"{") <= MAX_DEPTH:
        return 0
    # Without escapes, every other piece between quotes is outside strings. A regex would restart at each quote of an
    # unterminated string: nine seconds for one crafted message.
    outside = b"".join(value.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
    deepest = depth = 0
    for bracket in _BRACKET.findall(outside):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest
