"""The one-pass decoder against the strict one, on generated and mutated messages: same columns, strings, rejections.

`KOZAMORI_FUZZ` is the number of messages; a thousand, unless told otherwise.
"""

import json
import os
import random
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from support import events as make

from detector.contract import vocabulary
from detector.contract.batch import Batch
from detector.contract.codec import MAX_AHEAD_MS, Decoded, decode_account_events, decode_wallet_events
from detector.contract.decoding import decode_records, read_events
from detector.contract.events import EARLIEST_MS, END_MS
from detector.contract.plain_fields import FIELDS
from detector.contract.records import Records
from detector.contract.vocabulary import ACCOUNT_EVENTS, WALLET_EVENTS

MESSAGES = int(os.environ.get("KOZAMORI_FUZZ", "6000"))
CHUNK = 500
STRICT = {ACCOUNT_EVENTS: decode_account_events, WALLET_EVENTS: decode_wallet_events}
EVENTS = {
    ACCOUNT_EVENTS: (make.link, make.unlink, make.debit),
    WALLET_EVENTS: (make.open_wallet, make.payment, make.transfer, make.payout),
}
TEXTS = [
    "",
    "a",
    "店",
    "é",
    'a"b',
    "a\\b",
    "\x7f",
    "\x00",
    "/",
    "x" * 32,
    "x" * 33,
    "x" * 64,
    "x" * 65,
    "x" * 128,
    "x" * 129,
]
TEXTS += [*vocabulary.KINDS, *vocabulary.SERVICES, *vocabulary.AUTHS, *vocabulary.RESULTS, *vocabulary.PURPOSES]
TEXTS += [
    "new.pay-2",
    "New",
    "0116",
    "011a",
    "9f86d081884c7d65",
    "9F86D081884C7D65",
    "9f86d081884c7d6",
    "9f86d081884c7d6g",
]
NUMBERS = [0, 1, -1, 10**9, 10**9 + 1, EARLIEST_MS - 1, EARLIEST_MS, END_MS - 1, END_MS, 10**15, 2**63, 2**64, 1.0, 1e3]
OTHERS = [None, True, False, [], {}, [1], {"kind": "link"}, 1.5]
PIECES = [
    b"",
    b" ",
    b"\t",
    b"\n",
    b'"',
    b"\\",
    b"\\u0041",
    b"\\ud800",
    b",",
    b":",
    b"{",
    b"}",
    b"[",
    b"0",
    b"-",
    b".",
    b"e1",
]
PIECES += [
    b"true",
    b"false",
    b"null",
    b"\xff",
    "店".encode(),
    b"\x00",
    b"\x1f",
    b"\x7f",
    b'"kind":"debit"',
    b'"x":1',
    b"\xef\xbb\xbf",
]


def fields_of(rng: random.Random, topic: int) -> dict[str, Any]:
    """A valid event of everyday, now and then with another value, a field less or more."""
    service = rng.choice([*vocabulary.SERVICES, "new.pay-2"])
    fields = rng.choice(EVENTS[topic])(
        event_id=f"e-{rng.randrange(10 ** rng.randrange(1, 40))}", wallet=f"w-{rng.randrange(10**9)}", service=service
    )
    for _ in range(rng.choice((0, 0, 0, 0, 1, 2))):
        name = rng.choice(list(FIELDS))
        if rng.random() < 0.2:
            fields.pop(name, None)
        else:
            fields[name] = rng.choice(rng.choice((TEXTS, NUMBERS, OTHERS)))
    return fields


def message_of(rng: random.Random, fields: dict[str, Any]) -> bytes:
    """The message of the fields, in any order and spacing, now and then with a few bytes changed."""
    pairs = list(fields.items())
    if rng.random() < 0.2:
        rng.shuffle(pairs)
    if rng.random() < 0.05:
        pairs.append(rng.choice(pairs))
    comma, colon = rng.choice(((",", ":"), (",", ":"), (", ", ": "), (" ,\r\n", "\t: ")))
    ascii_only = rng.random() < 0.5
    text = comma.join(f"{json.dumps(n)}{colon}{json.dumps(c, ensure_ascii=ascii_only)}" for n, c in pairs)
    value = f"{{{text}}}".encode()
    for _ in range(rng.choice((0, 0, 0, 0, 1))):
        start = rng.randrange(len(value) + 1)
        value = value[:start] + rng.choice(PIECES) + value[start + rng.randrange(4) :]
    return value


def record_of(rng: random.Random, topic: int) -> tuple[bytes | None, bytes | None, int]:
    """Value, key and timestamp of a record."""
    fields = fields_of(rng, topic)
    message = message_of(rng, fields)
    value: bytes | None = message
    right = fields.get("account") if topic == ACCOUNT_EVENTS else f"{fields.get('service')}/{fields.get('wallet')}"
    own = str(right).encode()
    key: bytes | None = own
    if rng.random() < 0.05:
        key = rng.choice((None, b"", b"?", own + b"x", own[:-1], b"x" + own[1:]))
    if rng.random() < 0.01:
        value = rng.choice((None, b"", b"{}", b"{", b"}", b"[]", b" ", message * 200, message + b" " * 70_000))
    at_ms = make.START_MS + rng.choice((0, 0, 0, 0, -MAX_AHEAD_MS, -MAX_AHEAD_MS - 1, MAX_AHEAD_MS))
    return value, key, rng.choice((at_ms,) * 20 + (-1, 0, EARLIEST_MS - 1, EARLIEST_MS, 2**62, 2**63 - 1))


def assert_equal(expected: Decoded, got: Decoded, values: Sequence[bytes | None]) -> None:
    assert expected.rejected == got.rejected
    for name in Batch._fields:
        one, other = getattr(expected.batch, name), getattr(got.batch, name)
        assert one.dtype == other.dtype
        wrong = [values[expected.batch.record[i]] for i in np.flatnonzero(one != other)[:3]]
        assert not wrong, f"{name}: {wrong}"
    for name, one, other in zip(expected.strings._fields, expected.strings, got.strings, strict=True):
        assert one.length.tolist() == other.length.tolist(), name
        assert one.packed().tobytes() == other.packed().tobytes(), name


@pytest.mark.parametrize("topic", STRICT)
def test_what_one_pass_decodes_is_what_the_strict_decoder_does(topic: int) -> None:
    rng = random.Random(topic)
    taken, slowest, slowest_s = 0, b"", 0.0
    for start in range(0, MESSAGES // 2, CHUNK):
        values, keys, timestamps = zip(*(record_of(rng, topic) for _ in range(CHUNK)), strict=True)
        offsets, timestamp_ms = np.arange(start, start + CHUNK), np.array(timestamps)
        records = Records.from_lists(values, keys, offsets, timestamp_ms)
        assert_equal(STRICT[topic](values, keys, offsets, timestamp_ms), decode_records(topic, records), values)
        taken += int(read_events(topic, records)[2].sum())
        if MESSAGES > 100_000:
            for i in range(0, CHUNK, 50):
                began = time.thread_time()
                decode_records(topic, records[i : i + 1])
                if (took := time.thread_time() - began) > slowest_s:
                    slowest, slowest_s = values[i] or b"", took
    print(
        f"{taken / MESSAGES * 2:.2f} of {MESSAGES // 2} messages were plain; slowest {slowest_s * 1e6:.0f} us",
        slowest[:300],
    )
    assert MESSAGES // 2 * 0.15 < taken < MESSAGES // 2 * 0.85
