from typing import Any

import numpy as np
import pytest
from support import events as make

from detector.contract import events, vocabulary
from detector.contract.batch import DTYPES, Batch
from detector.contract.codec import (
    MAX_AHEAD_MS,
    Decoded,
    decode_account_events,
    decode_one,
    decode_wallet_events,
    encode,
)
from detector.contract.hashing import hash64
from detector.contract.texts import Strings

ACCOUNT_EVENTS = [make.link(), make.unlink(), make.debit()]
WALLET_EVENTS = [make.open_wallet(), make.payment(), make.transfer(), make.payout()]
DECODERS = [(decode_account_events, ACCOUNT_EVENTS), (decode_wallet_events, WALLET_EVENTS)]


def decode_accounts(*fields: dict[str, Any], **arguments: Any) -> Decoded:
    values = [make.message(f) for f in fields]
    return decode_account_events(values, [make.key(f) for f in fields], np.arange(len(values)), **arguments)


def assert_equal(expected: Batch, got: Batch) -> None:
    for name, one, other in zip(Batch._fields, expected, got, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=name)


def texts_of(strings: Strings, i: int) -> list[str]:
    return [texts.text(i) for texts in strings]


def row(batch: Batch, i: int) -> dict[str, int]:
    return {name: int(getattr(batch, name)[i]) for name in Batch._fields}


COMMON = {
    "offset": 7,
    "record": 0,
    "occurred_at_ms": make.START_MS,
    "event_id": hash64("e-000001"),
    "service": 0,
    "wallet": hash64(f"docomo_account/{make.WALLET}"),
    "wallet_opened_at_ms": make.START_MS - 600_000,
    "wallet_verified": 0,
    "source": hash64("5feceb66ffc86f38"),
    "bank": vocabulary.ABSENT,
    "account": 0,
    "auth": vocabulary.ABSENT,
    "result": vocabulary.ABSENT,
    "amount_yen": 0,
    "purpose": vocabulary.ABSENT,
    "shop": 0,
    "shop_category": 0,
    "counterparty": 0,
    "hop_index": 0,
    "role": 0,
    "origin": 1 << 16,
    "origin_offset": 7,
}
ON_ACCOUNT = COMMON | {"origin": 0, "bank": 116, "account": hash64(make.ACCOUNT)}


@pytest.mark.parametrize(
    ("expected", "fields"),
    [
        (ON_ACCOUNT | {"kind": 0, "auth": 2, "result": 1}, make.link(auth="ekyc", result="wrong_credentials")),
        (ON_ACCOUNT | {"kind": 1, "wallet_verified": 1}, make.unlink(wallet_verified=True)),
        (
            ON_ACCOUNT | {"kind": 2, "result": 4, "amount_yen": 10**9, "purpose": 1, "bank": 0},
            make.debit(result="over_cap", amount_yen=10**9, purpose="payment", bank="0000"),
        ),
        (
            COMMON | {"kind": 3, "source": 0, "service": 7, "wallet": hash64(f"other/{make.WALLET}")},
            make.open_wallet(source="", service="other"),
        ),
        (
            COMMON | {"kind": 4, "amount_yen": 1, "shop": hash64("店"), "shop_category": hash64("tobacco")},
            make.payment(amount_yen=1, shop="店", shop_category="tobacco"),
        ),
        (
            COMMON | {"kind": 5, "amount_yen": 5_000, "counterparty": hash64("docomo_account/w-9")},
            make.transfer(counterparty="w-9"),
        ),
        (COMMON | {"kind": 6, "amount_yen": 20_000}, make.payout()),
    ],
    ids=lambda value: value.get("kind") if isinstance(value, dict) else None,
)
def test_an_event_becomes_one_row_of_columns(expected: dict[str, int], fields: dict[str, Any]) -> None:
    decode = decode_account_events if "account" in fields else decode_wallet_events
    batch, _, rejected = decode([make.message(fields)], [make.key(fields)], np.array([7]))
    assert rejected == []
    assert expected == row(batch, 0)


@pytest.mark.parametrize(("decode", "fields"), DECODERS)
def test_columns_have_the_types_of_the_batch_and_are_contiguous(decode: Any, fields: list[dict[str, Any]]) -> None:
    for chunk in (fields, []):
        batch = decode([make.message(f) for f in chunk], [make.key(f) for f in chunk], np.arange(len(chunk))).batch
        assert {name: np.dtype(dtype) for name, dtype in DTYPES.items()} == {
            name: column.dtype for name, column in zip(Batch._fields, batch, strict=True)
        }
        assert all(column.flags.c_contiguous and column.shape == (len(chunk),) for column in batch)


@pytest.mark.parametrize(("decode", "fields"), DECODERS)
def test_a_chunk_gives_what_its_messages_give_one_at_a_time(decode: Any, fields: list[dict[str, Any]]) -> None:
    flaws = [fields[0] | {"event_id": ""}, fields[0] | {"occurred_at_ms": make.START_MS + 2 * MAX_AHEAD_MS}]
    variants = [
        f | {"event_id": "é", "service": service} for f in fields for service in (*vocabulary.SERVICES, "new-pay")
    ]
    chunk = [*fields, *flaws, *variants]
    values = [make.message(f) for f in chunk]
    keys: list[bytes | None] = [make.key(f) for f in chunk]
    keys[0], keys[-1] = b"other", None
    offsets, written = np.arange(100, 100 + len(chunk)), np.full(len(chunk), make.START_MS)
    whole = decode(values, keys, offsets, written)
    parts = [
        decode(values[i : i + 1], keys[i : i + 1], offsets[i : i + 1], written[i : i + 1]) for i in range(len(chunk))
    ]
    assert [r._replace(record=i) for i, part in enumerate(parts) for r in part.rejected] == whole.rejected
    assert len(whole.rejected) == 4
    for part, i in zip((p for p in parts if p.batch.size), range(whole.batch.size), strict=True):
        assert_equal(part.batch._replace(record=whole.batch.record[i : i + 1]), whole.batch.select(slice(i, i + 1)))
        assert texts_of(part.strings, 0) == texts_of(whole.strings, i)


@pytest.mark.parametrize(
    ("expected", "fields"),
    [
        (["e-000001", make.ACCOUNT, make.WALLET, ""], make.debit()),
        (["取引1", make.ACCOUNT, "財布/é", ""], make.link(event_id="取引1", wallet="財布/é", service="paypay")),
        (["e-000001", make.ACCOUNT, "𠮷", "new-pay"], make.unlink(wallet="𠮷", service="new-pay")),
        (["e-000001", "", make.WALLET, ""], make.open_wallet(service="other")),
        (["é", "", "財布", "new-pay"], make.transfer(event_id="é", wallet="財布", service="new-pay")),
    ],
)
def test_the_strings_of_an_event_are_kept_and_a_known_services_name_is_told_by_its_code(
    expected: list[str], fields: dict[str, Any]
) -> None:
    decode, other = (
        (decode_account_events, make.debit(wallet="口"))
        if "account" in fields
        else (decode_wallet_events, make.payment(wallet="口"))
    )
    chunk = [other, fields, other]
    found = decode([make.message(f) for f in chunk], [make.key(f) for f in chunk], np.arange(3))
    assert expected == texts_of(found.strings, 1)
    assert "口" == found.strings.wallet.text(0) == found.strings.wallet.text(2)


def test_what_is_no_services_name_leaves_the_strings_of_others_as_they_are() -> None:
    chunk = [make.debit(), make.debit(service="店/é", event_id="e-2"), make.debit(event_id="e-3", service="new-pay")]
    found = decode_accounts(*chunk)
    assert [1] == [r.record for r in found.rejected]
    expected = [["e-000001", make.ACCOUNT, make.WALLET, ""], ["e-3", make.ACCOUNT, make.WALLET, "new-pay"]]
    assert expected == [texts_of(found.strings, i) for i in range(2)]


def test_order_and_places_are_kept_around_bad_messages() -> None:
    good = [make.debit(event_id=f"e-{i}") for i in range(4)]
    values = [make.message(good[0]), b"{", make.message(good[1]), None, make.message(good[2]), make.message(good[3])]
    keys = [make.key(good[0])] * 4 + [b"other", make.key(good[0])]
    batch, strings, rejected = decode_account_events(values, keys, np.arange(10, 16))
    assert batch.record.tolist() == [0, 2, 5]
    assert batch.offset.tolist() == [10, 12, 15]
    assert [hash64("e-0"), hash64("e-1"), hash64("e-3")] == batch.event_id.tolist()
    assert ["e-0", "e-1", "e-3"] == [strings.event_id.text(i) for i in range(3)]
    assert [(r.record, r.reason) for r in rejected] == [(1, "malformed_json"), (3, "empty_value"), (4, "key_mismatch")]


def test_extra_fields_and_the_order_of_fields_do_not_matter() -> None:
    extra = {"note": "ドコモ", "nested": {"a": [1, {"b": None}], "kind": "debit"}, "purpose": 5}
    shuffled = dict(reversed((make.link() | extra).items()))
    assert_equal(decode_accounts(make.link()).batch, decode_accounts(shuffled).batch)


@pytest.mark.parametrize(
    ("expected", "ahead_ms", "written_ms"),
    [
        ([], MAX_AHEAD_MS, make.START_MS),
        (["time_in_future"], MAX_AHEAD_MS + 1, make.START_MS),
        ([], -MAX_AHEAD_MS * 365, make.START_MS),
        ([], 0, 2**63 - 1),
        # No timestamp, that of a clock that lost its battery, and the last and first of no and some possible one.
        (["bad_timestamp"], MAX_AHEAD_MS * 365, -1),
        (["bad_timestamp"], 0, 0),
        (["bad_timestamp"], events.EARLIEST_MS - make.START_MS, events.EARLIEST_MS - 1),
        ([], events.EARLIEST_MS - make.START_MS, events.EARLIEST_MS),
    ],
)
def test_an_event_may_lie_a_day_ahead_of_its_record(expected: list[str], ahead_ms: int, written_ms: int) -> None:
    fields = make.debit(occurred_at_ms=make.START_MS + ahead_ms)
    rejected = decode_accounts(fields, timestamps_ms=np.array([written_ms])).rejected
    assert expected == [r.reason for r in rejected]


@pytest.mark.parametrize("fields", ACCOUNT_EVENTS + WALLET_EVENTS, ids=lambda fields: fields["kind"])
def test_what_is_encoded_is_decoded(fields: dict[str, Any]) -> None:
    event = decode_one(make.message(fields))
    assert fields == {"kind": fields["kind"]} | {name: getattr(event, name) for name in event.__struct_fields__}
    assert event == decode_one(encode(event))


@pytest.mark.parametrize(
    "value",
    [b"", b"{}", make.message(make.debit(bank="01a6")), make.message(make.debit(account="x" * 16)), b"\xff" * 20],
)
def test_decoding_one_bad_message_raises(value: bytes) -> None:
    with pytest.raises(ValueError, match=r"^(the message|a field)"):
        decode_one(value)


def test_types_and_vocabulary_have_the_same_words() -> None:
    assert events.Auth.__args__ == vocabulary.AUTHS  # type: ignore[attr-defined]
    assert events.LinkResult.__args__ == vocabulary.LINK_RESULTS  # type: ignore[attr-defined]
    assert events.DebitResult.__args__ == vocabulary.DEBIT_RESULTS  # type: ignore[attr-defined]
    assert events.Purpose.__args__ == vocabulary.PURPOSES  # type: ignore[attr-defined]
    assert set(vocabulary.DEBIT_RESULTS) < set(vocabulary.RESULTS)


def test_codes_of_kinds_follow_the_vocabulary() -> None:
    kinds = [*events.AccountEvent.__args__, *events.WalletEvent.__args__]
    assert list(enumerate(vocabulary.KINDS)) == [(kind.code, kind.__struct_config__.tag) for kind in kinds]
