"""Messages that are no account event, each with the reason it must get. Every payload bears `MARK`."""

from dataclasses import dataclass
from typing import Any

from support.events import ACCOUNT, START_MS, debit, key, link, message, open_wallet

#: Must turn up in no log line; 16 characters, so that it is a valid value wherever only the length counts.
MARK = "geheim-geheim-16"
KEY = ACCOUNT.encode()
MEGABYTES_10 = 10_000_000


@dataclass(frozen=True)
class Bad:
    """A message and the reason its dead letter must have."""

    name: str
    reason: str
    value: bytes | None
    key: bytes | None = KEY


def _event(fields: dict[str, Any]) -> bytes:
    return message(fields | {"wallet": MARK})


def _debit(**changes: Any) -> bytes:
    return _event(debit(**changes))


def _amount(written: str) -> bytes:
    return _debit().replace(b'"amount_yen":10000', b'"amount_yen":' + written.encode())


def _spoilt(old: bytes, new: bytes) -> bytes:
    whole = _debit()
    assert old in whole
    return whole.replace(old, new)


_MARK = MARK.encode()

BAD = (
    Bad("tombstone", "empty_value", None),
    Bad("no bytes", "empty_value", b""),
    Bad("cut off", "malformed_json", _debit()[:-1]),
    Bad("two objects", "malformed_json", _debit() * 2),
    Bad("text", "malformed_json", _MARK),
    Bad("NaN", "malformed_json", _amount("NaN")),
    Bad("a list", "wrong_type", b"[" + _debit() + b"]"),
    Bad("a string", "wrong_type", b'"' + _MARK + b'"'),
    Bad("not UTF-8", "invalid_utf8", _spoilt(_MARK, _MARK + b"\xff")),
    Bad("UTF-16", "invalid_utf8", _debit().decode().encode("utf-16")),
    Bad("half a surrogate pair", "lone_surrogate", _spoilt(_MARK, _MARK + rb"\ud800")),
    Bad("half a pair as bytes", "invalid_utf8", _spoilt(_MARK, _MARK + b"\xed\xa0\x80")),
    Bad("too deep", "too_deep", _spoilt(b"{", b'{"x":' + b"[" * 300 + b"]" * 300 + b",")),
    Bad("unknown kind", "unknown_kind", _event(debit() | {"kind": "theft"})),
    Bad("kind of another topic", "unknown_kind", _event(open_wallet())),
    Bad("kind is a number", "wrong_type", _event(debit() | {"kind": 7})),
    Bad("no kind", "missing_field", _event({name: v for name, v in debit().items() if name != "kind"})),
    *(Bad(f"no {field}", "missing_field", _debit(**{field: None})) for field in ("account", "bank", "amount_yen")),
    Bad("a link without its result", "missing_field", _event(link(result=None))),
    Bad("account is null", "wrong_type", _spoilt(b'"' + KEY + b'"', b"null")),
    Bad("amount is a string", "wrong_type", _debit(amount_yen="10000")),
    Bad("time is a string", "wrong_type", _debit(occurred_at_ms="2020-09-01")),
    Bad("verified is a number", "wrong_type", _debit(wallet_verified=1)),
    *(Bad(f"amount {text}", "bad_amount", _amount(text)) for text in ("-1", "0", "0.5", "1e3", "10000.0")),
    *(Bad(f"amount {text}", "bad_amount", _amount(text)) for text in ("10" * 9, "9" * 400)),
    Bad("bank of three digits", "bad_value", _debit(bank="116")),
    Bad("bank of other digits", "bad_value", _debit(bank="٠١١٦")),
    Bad("no name of a service", "bad_value", _debit(service=MARK + "/")),
    Bad("time in seconds", "bad_value", _debit(occurred_at_ms=START_MS // 1000)),
    Bad("an account number in plain", "bad_value", _debit(account="1234567"), b"1234567"),
    Bad("time two centuries ahead", "bad_value", _debit(occurred_at_ms=START_MS + 200 * 365 * 86_400_000)),
    Bad("time decades ahead", "time_in_future", _debit(occurred_at_ms=4_000_000_000_000)),
    Bad("another key", "key_mismatch", _debit(), b"0" * 16),
    Bad("key in capitals", "key_mismatch", _debit(), KEY.upper()),
    Bad("key is not UTF-8", "key_mismatch", _debit(), b"\xff\xfe"),
    Bad("no key", "missing_key", _debit(), None),
    Bad("empty key", "missing_key", _debit(), b""),
    Bad("64 KiB and a byte", "too_large", _debit(note="x" * 65_536)),
    Bad("10 MB of an event", "too_large", _debit(note="x" * MEGABYTES_10)),
    Bad("10 MB of nothing", "too_large", _MARK + bytes(MEGABYTES_10)),
)

#: Unusual, and valid all the same.
ODD = (
    (key(debit()), message(debit(event_id="odd-1", note="x" * 60_000))),
    (key(debit()), message(debit(event_id="odd-2", note={"deep": [[[]]]}))),
    (key(debit()), message(debit(event_id="odd-3 ドコモコウザ 😀"))),
    (key(debit()), message(debit(event_id="odd-4")).replace(b"{", b" {\n")),
)
