"""The codec against any bytes, and against a slow reader of the same rules built on the standard library's JSON."""

import json
import re
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import events as make

from detector.contract import events, vocabulary
from detector.contract.batch import Batch
from detector.contract.codec import decode_account_events, decode_one, decode_wallet_events
from detector.contract.dead_letters import REASONS
from detector.contract.hashing import hash64, hash64_many

GOOD = [make.link(), make.unlink(), make.debit(), make.open_wallet(), make.payment(), make.transfer(), make.payout()]
DECODERS = (decode_account_events, decode_wallet_events)


def is_text(low: int, high: int) -> Any:
    return lambda x: isinstance(x, str) and low <= len(x) <= high


def is_int(low: int, high: int) -> Any:
    return lambda x: type(x) is int and low <= x <= high


def is_match(pattern: str) -> Any:
    return lambda x: isinstance(x, str) and re.fullmatch(pattern, x) is not None


def is_one_of(*words: str) -> Any:
    return lambda x: isinstance(x, str) and x in words


TIME = is_int(events.EARLIEST_MS, events.END_MS - 1)
COMMON = {
    "event_id": is_text(1, 64),
    "occurred_at_ms": TIME,
    "service": is_match(r"[a-z0-9_.-]{1,32}"),
    "wallet": is_text(1, 128),
    "wallet_opened_at_ms": TIME,
    "wallet_verified": lambda x: isinstance(x, bool),
    "source": is_text(0, 128),
}
ON_ACCOUNT = COMMON | {"bank": is_match("[0-9]{4}"), "account": is_match("[0-9A-Fa-f]{16,128}")}
AMOUNT = {"amount_yen": is_int(1, 10**9)}
RULES: dict[str, dict[str, Any]] = {
    "link": ON_ACCOUNT | {"auth": is_one_of(*vocabulary.AUTHS), "result": is_one_of(*vocabulary.LINK_RESULTS)},
    "unlink": ON_ACCOUNT,
    "debit": ON_ACCOUNT
    | AMOUNT
    | {"result": is_one_of(*vocabulary.DEBIT_RESULTS), "purpose": is_one_of(*vocabulary.PURPOSES)},
    "open": COMMON,
    "payment": COMMON | AMOUNT | {"shop": is_text(0, 128), "shop_category": is_text(0, 128)},
    "transfer": COMMON | AMOUNT | {"counterparty": is_text(1, 128)},
    "payout": COMMON | AMOUNT,
}


def refuse(_: str) -> None:
    raise ValueError("no JSON number")


def read_slowly(value: bytes) -> dict[str, Any] | None:
    """The fields of a valid event, or None."""
    try:
        pairs = json.loads(value.decode(), object_pairs_hook=tuple, parse_constant=refuse)
        json.dumps(pairs, ensure_ascii=False).encode()  # fails on half a surrogate pair, anywhere
    except ValueError:
        return None
    # An empty JSON array reads as a list, an object as a tuple of pairs.
    if not isinstance(pairs, tuple):
        return None
    kinds = [content for name, content in pairs if name == "kind"]
    if not kinds or not isinstance(kinds[0], str) or kinds[0] not in RULES or any(kind != kinds[0] for kind in kinds):
        return None
    rules = RULES[kinds[0]]
    # Where a field comes twice, the last one counts, but each must be valid.
    if not all(rules[name](content) for name, content in pairs if name in rules):
        return None
    fields = dict(pairs)
    return fields if rules.keys() <= fields.keys() else None


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        [*vocabulary.KINDS, *vocabulary.RESULTS, *vocabulary.SERVICES, "new.pay-2", "0116", "a" * 16, "", "x" * 129]
    )
    | st.sampled_from([1, 10**9, 10**9 + 1, 0, 1.0, events.EARLIEST_MS, events.END_MS, 2**63, 2**64]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(sorted({name for fields in GOOD for name in fields})) | st.text(max_size=10)


@st.composite
def changed_fields(draw: st.DrawFn) -> bytes:
    """A valid event with fields set to other values, added, dropped, doubled or in another order."""
    pairs = list(draw(st.sampled_from(GOOD)).items())
    for name, content in draw(st.lists(st.tuples(names, json_values), max_size=2)):
        match draw(st.sampled_from(["set", "double", "drop"])):
            case "set":
                pairs = [*((n, c) for n, c in pairs if n != name), (name, content)]
            case "double":
                pairs.append((name, content))
            case "drop":
                pairs = [(n, c) for n, c in pairs if n != name]
    if draw(st.booleans()):
        pairs = draw(st.permutations(pairs))
    ascii_only = draw(st.booleans())
    text = ",".join(f"{json.dumps(n)}:{json.dumps(c, ensure_ascii=ascii_only)}" for n, c in pairs)
    return ("{" + text + "}").encode("utf-8", "surrogatepass")


@st.composite
def changed_bytes(draw: st.DrawFn) -> bytes:
    """A valid event with a few bytes replaced, inserted or cut."""
    value = make.message(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(value)))
        stop = draw(st.integers(start, min(len(value), start + 4)))
        piece = draw(st.binary(max_size=4) | st.sampled_from([b"\\ud800", b"\\udfff", b"\\u0041", b"[", b"1e9", b'"']))
        value = value[:start] + piece + value[stop:]
    return value


messages = st.none() | st.binary(max_size=60) | changed_fields() | changed_bytes()


def true_key(value: bytes | None, topic: int) -> bytes | None:
    fields = read_slowly(value) if value else None
    if not fields or (topic == 0 and "account" not in fields):
        return b"?"
    return str(fields["account"] if topic == 0 else f"{fields['service']}/{fields['wallet']}").encode()


@given(
    st.lists(st.tuples(messages, st.none() | st.binary(max_size=20) | st.just(b"docomo_account/w-000001")), max_size=8)
)
@settings(max_examples=150, deadline=None)
def test_whatever_comes_is_an_event_or_rejected_and_nothing_is_raised(pairs: list[tuple[bytes | None, bytes]]) -> None:
    values, keys = [value for value, _ in pairs], [key for _, key in pairs]
    for decode in DECODERS:
        batch, strings, rejected = decode(
            values, keys, np.arange(50, 50 + len(values)), np.full(len(values), make.START_MS)
        )
        assert list(range(len(values))) == sorted([*batch.record.tolist(), *(r.record for r in rejected)])
        assert sorted(batch.record.tolist()) == batch.record.tolist()
        assert sorted(r.record for r in rejected) == [r.record for r in rejected]
        assert (batch.record + 50).tolist() == batch.offset.tolist()
        assert {r.reason for r in rejected} <= set(REASONS)
        assert {batch.size} == {len(texts.begin) for texts in strings} | {len(texts.length) for texts in strings}


@given(st.lists(messages, max_size=6))
@settings(max_examples=100, deadline=None)
def test_a_chunk_gives_what_its_messages_give_one_at_a_time(values: list[bytes | None]) -> None:
    for topic, decode in enumerate(DECODERS):
        keys = [true_key(value, topic) for value in values]
        offsets = np.arange(len(values))
        whole = decode(values, keys, offsets)
        parts = [
            decode([value], [key], offsets[i : i + 1]) for i, (value, key) in enumerate(zip(values, keys, strict=True))
        ]
        assert [r._replace(record=i) for i, part in enumerate(parts) for r in part.rejected] == whole.rejected
        for name in Batch._fields:
            if name != "record":
                assert getattr(whole.batch, name).tolist() == [
                    x for part in parts for x in getattr(part.batch, name).tolist()
                ], name
        for texts, alone in zip(whole.strings, zip(*(part.strings for part in parts), strict=True), strict=False):
            one_by_one = [text.text(i) for text in alone for i in range(len(text.begin))]
            assert one_by_one == [texts.text(i) for i in range(whole.batch.size)]


@given(changed_fields() | changed_bytes())
@example(make.message(make.debit()) + b" ")
@example(make.message(make.debit())[:-1] + b',"":"\xff"}')
@example(make.message(make.debit())[:-1] + b',"x":"\\ud800"}')
@settings(max_examples=500, deadline=None)
def test_exactly_what_the_slow_reader_takes_is_taken_with_the_same_content(value: bytes) -> None:
    fields = read_slowly(value)
    topic = 0 if fields is None or fields["kind"] in vocabulary.ACCOUNT_KINDS else 1
    batch, strings, rejected = DECODERS[topic]([value], [true_key(value, topic)], np.array([0]))
    assert (0 if fields is None else 1) == batch.size, rejected
    if fields is None:
        return
    event = decode_one(value)
    assert {name: fields[name] for name in RULES[fields["kind"]]} == {
        name: getattr(event, name) for name in event.__struct_fields__
    }
    for name in ("event_id", "wallet", "source", "account", "shop", "counterparty"):
        at = f"{fields['service']}/" if name in {"wallet", "counterparty"} else ""
        expected = hash64(f"{at}{fields[name]}") if name in RULES[fields["kind"]] else 0
        assert expected == getattr(batch, name)[0], name
    service = "" if fields["service"] in vocabulary.SERVICES else fields["service"]
    expected_strings = [fields["event_id"], fields.get("account", "") if topic == 0 else "", fields["wallet"], service]
    assert expected_strings == [texts.text(0) for texts in strings]
    assert (fields["amount_yen"] if "amount_yen" in RULES[fields["kind"]] else 0) == batch.amount_yen[0]


@given(st.lists(st.text(max_size=80), max_size=20))
@settings(max_examples=150, deadline=None)
def test_many_texts_are_hashed_as_each_alone(texts: list[str]) -> None:
    hashes = hash64_many(texts).tolist()
    assert [hash64(text) for text in texts] == hashes
    assert [text == "" for text in texts] == [code == 0 for code in hashes]
