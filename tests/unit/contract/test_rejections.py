"""Every way a message can be bad, with the reason it gets: one row each."""

import time
from typing import Any

import numpy as np
import pytest
from support import events as make

from detector.contract.codec import decode_account_events, decode_wallet_events
from detector.contract.dead_letters import REASONS, Rejected
from detector.contract.refusals import MAX_DEPTH, MAX_EVENT_BYTES, RULES

GOOD = make.message(make.debit())
SECRET = "s3cr3t"


def with_raw(field: str, raw: bytes) -> bytes:
    """A debit whose `field` is the given JSON text."""
    return make.message(make.debit(**{field: "@"})).replace(b'"@"', raw)


def with_extra(raw: bytes) -> bytes:
    """A debit with an ignored field of the given JSON text."""
    return GOOD[:-1] + b',"extra":' + raw + b"}"


BAD: list[tuple[str, bytes | None]] = [
    ("empty_value", None),
    ("empty_value", b""),
    ("malformed_json", b" "),
    ("malformed_json", b"{"),
    ("malformed_json", b"\x00"),
    ("malformed_json", b"not json"),
    ("malformed_json", GOOD[:-1]),
    ("malformed_json", GOOD + b"}"),
    ("malformed_json", GOOD + GOOD),
    ("malformed_json", GOOD + b"," + GOOD),
    ("malformed_json", GOOD.replace(b'"', b"'")),
    ("malformed_json", b"\xef\xbb\xbf" + GOOD),
    ("malformed_json", b"//x\n" + GOOD),
    ("malformed_json", GOOD[:-1] + b",}"),
    ("malformed_json", with_raw("amount_yen", b"NaN")),
    ("malformed_json", with_raw("amount_yen", b"Infinity")),
    ("malformed_json", with_raw("amount_yen", b"007")),
    ("malformed_json", with_raw("amount_yen", b"+7")),
    ("malformed_json", with_raw("amount_yen", b"7x")),
    ("malformed_json", with_raw("event_id", b'"\x01"')),
    ("malformed_json", with_raw("event_id", b'"\\x41"')),
    ("malformed_json", with_raw("event_id", b'"\\u12"')),
    ("lone_surrogate", with_raw("event_id", b'"\\ud800"')),
    ("lone_surrogate", with_raw("event_id", b'"\\uDFFFabc"')),
    ("lone_surrogate", with_raw("event_id", b'"\\\\\\ud800\\u0041"')),
    ("lone_surrogate", with_extra(b'"\\ud800"')),
    ("lone_surrogate", with_extra(b'"\\ud800\\ud800"')),
    ("invalid_utf8", with_raw("event_id", b'"\xff"')),
    ("invalid_utf8", with_raw("event_id", b'"\xed\xa0\x80"')),
    ("invalid_utf8", with_raw("event_id", b'"\xc0\x80"')),
    ("invalid_utf8", with_extra(b'"\xff"')),
    ("invalid_utf8", make.message(make.debit()).decode().encode("utf-16")),
    ("too_large", with_extra(b'"' + b"x" * MAX_EVENT_BYTES + b'"')),
    ("too_large", b"\xff" * 10_000_000),
    ("too_deep", b"[" * 10_000),
    ("too_deep", with_extra(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)),
    ("too_deep", with_extra(b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH)),
    ("wrong_type", b"null"),
    ("wrong_type", b"[" * 400),
    ("wrong_type", b"1"),
    ("wrong_type", b'"debit"'),
    ("wrong_type", b"[" + GOOD + b"]"),
    ("wrong_type", with_raw("kind", b"1")),
    ("wrong_type", with_raw("wallet_verified", b"1")),
    ("wrong_type", with_raw("wallet_verified", b'"true"')),
    ("wrong_type", with_raw("occurred_at_ms", b"1598886300000.0")),
    ("wrong_type", with_raw("occurred_at_ms", b'"2020-09-01"')),
    ("wrong_type", with_raw("bank", b"116")),
    ("wrong_type", with_raw("account", b"1234567890123456")),
    ("wrong_type", with_raw("service", b"[]")),
    ("wrong_type", with_raw("event_id", b"null")),
    ("wrong_type", with_raw("amount_yen", b"true")),
    ("wrong_type", with_raw("amount_yen", b'"10000"')),
    ("wrong_type", with_raw("amount_yen", b"null")),
    ("bad_amount", with_raw("amount_yen", b"0")),
    ("bad_amount", with_raw("amount_yen", b"-0")),
    ("bad_amount", with_raw("amount_yen", b"-1")),
    ("bad_amount", with_raw("amount_yen", b"1000000001")),
    ("bad_amount", with_raw("amount_yen", b"9223372036854775808")),
    ("bad_amount", with_raw("amount_yen", b"18446744073709551617")),
    ("bad_amount", with_raw("amount_yen", b"1" + b"0" * 400)),
    ("bad_amount", with_raw("amount_yen", b"1" + b"0" * 20_000)),
    ("bad_amount", with_raw("amount_yen", b"1.0")),
    ("bad_amount", with_raw("amount_yen", b"1e3")),
    ("bad_amount", with_raw("amount_yen", b"1.5")),
    ("bad_amount", with_raw("amount_yen", b"1e400")),
    ("bad_value", with_raw("occurred_at_ms", b"946684799999")),
    ("bad_value", with_raw("occurred_at_ms", b"4102444800000")),
    ("bad_value", with_raw("occurred_at_ms", b"1598886300")),
    ("bad_value", with_raw("occurred_at_ms", b"9" * 5_000)),
    ("bad_value", with_raw("wallet_opened_at_ms", b"0")),
    ("bad_value", make.message(make.debit(event_id=""))),
    ("bad_value", make.message(make.debit(event_id="x" * 65))),
    ("bad_value", make.message(make.debit(wallet=""))),
    ("bad_value", make.message(make.debit(wallet="x" * 129))),
    ("bad_value", make.message(make.debit(source="x" * 129))),
    ("bad_value", make.message(make.debit(service=f"{SECRET}/"))),
    ("bad_value", make.message(make.debit(service=""))),
    ("bad_value", make.message(make.debit(service="x" * 33))),
    ("bad_value", make.message(make.debit(service="paypay\n"))),
    ("bad_value", make.message(make.debit(service="\uff50aypay"))),
    ("bad_value", make.message(make.debit(service="PayPay"))),
    ("bad_value", make.message(make.debit(result="wrong_credentials"))),
    ("bad_value", make.message(make.debit(purpose=SECRET))),
    ("bad_value", make.message(make.link(result="over_cap"))),
    ("bad_value", make.message(make.link(auth="missing required field `wallet`"))),
    ("bad_value", make.message(make.debit(bank="116"))),
    ("bad_value", make.message(make.debit(bank="011\uff16"))),
    ("bad_value", make.message(make.debit(bank="011\n"))),
    ("bad_value", make.message(make.debit(bank="-116"))),
    ("bad_value", make.message(make.debit(account="9f86d081884c7d6"))),
    ("bad_value", make.message(make.debit(account="9f86d081884c7d6g"))),
    ("bad_value", make.message(make.debit(account="9f86d081884c7d6é"))),
    ("bad_value", make.message(make.debit(account="9f86d081 884c7d65"))),
    ("bad_value", make.message(make.debit(account="a" * 129))),
    ("unknown_kind", make.message(make.debit(kind=SECRET))),
    ("unknown_kind", make.message(make.debit(kind=""))),
    ("unknown_kind", make.message(make.debit(kind="Debit"))),
    ("unknown_kind", make.message(make.payment())),
    ("unknown_kind", GOOD[:-1] + b',"kind":"link"}'),
    ("missing_field", b"{}"),
    *(("missing_field", make.message(make.debit(**{name: None}))) for name in make.debit()),
    ("missing_field", make.message(make.link(auth=None))),
    ("missing_field", make.message(make.unlink(bank=None))),
]


def rejection(value: bytes | None, key: bytes | None = make.ACCOUNT.encode()) -> Rejected:
    batch, _, rejected = decode_account_events([value], [key], np.array([0]))
    assert batch.size == 0
    assert len(rejected) == 1
    return rejected[0]


@pytest.mark.parametrize(("reason", "value"), BAD, ids=lambda value: repr(value)[:60] if value else "none")
def test_a_bad_message_gets_its_reason(reason: str, value: bytes | None) -> None:
    assert reason == rejection(value).reason


@pytest.mark.parametrize(
    ("reason", "key"),
    [
        ("missing_key", None),
        ("missing_key", b""),
        ("key_mismatch", b"9f86d081884c7d66"),
        ("key_mismatch", make.ACCOUNT.upper().encode()),
        ("key_mismatch", make.WALLET.encode()),
        ("key_mismatch", b"\xff"),
    ],
)
def test_the_key_must_be_the_account(reason: str, key: bytes | None) -> None:
    assert reason == rejection(GOOD, key).reason


@pytest.mark.parametrize(
    ("reason", "key"),
    [
        ("missing_key", None),
        ("key_mismatch", b"docomo_account/w-2"),
        ("key_mismatch", "財布".encode()),
        ("key_mismatch", b"\xe5"),
    ],
)
def test_the_key_of_a_wallet_event_must_be_the_wallet_at_its_service(reason: str, key: bytes | None) -> None:
    good = make.message(make.open_wallet(wallet="財布"))
    batch, _, rejected = decode_wallet_events([good, good], ["docomo_account/財布".encode(), key], np.arange(2))
    assert batch.record.tolist() == [0]
    assert [(1, reason)] == [(r.record, r.reason) for r in rejected]


def test_keys_that_agree_only_when_joined_are_refused() -> None:
    accounts = ["a" * 17, "a" * 16]
    values = [make.message(make.debit(account=account)) for account in accounts]
    rejected = decode_account_events(values, [b"a" * 16, b"a" * 17], np.arange(2)).rejected
    assert [r.reason for r in rejected] == ["key_mismatch", "key_mismatch"]


@pytest.mark.parametrize(
    ("reason", "fields"),
    [
        ("unknown_kind", make.debit()),
        ("missing_field", make.payment(shop=None)),
        ("bad_amount", make.transfer(amount_yen=0)),
        ("bad_value", make.transfer(counterparty="")),
    ],
)
def test_wallet_events_are_checked_alike(reason: str, fields: dict[str, Any]) -> None:
    rejected = decode_wallet_events([make.message(fields)], [b"w-000001"], np.arange(1)).rejected
    assert [reason] == [r.reason for r in rejected]


def test_the_text_names_field_and_rule() -> None:
    got = rejection(make.message(make.debit(amount_yen=-1)))
    assert got.message == f"{REASONS['bad_amount']}: `amount_yen`, {RULES['amount_yen']}"


@pytest.mark.parametrize("field", list(make.debit()))
def test_the_text_holds_nothing_of_the_payload(field: str) -> None:
    for value in (SECRET, SECRET * 99, [SECRET], {SECRET: 1}, 6172839, 6172.839, -6172839):
        fields = make.debit(**{field: value})
        decoded = decode_account_events([make.message(fields)], [b"k3y"], np.array([0]))
        text = decoded.rejected[0].message
        assert not {SECRET, "617", "k3y", make.ACCOUNT, make.WALLET, make.BANK} & set(text.replace("`", " ").split())
        assert SECRET not in text
        assert "6172" not in text


def test_every_reason_that_decoding_gives_is_in_the_table_and_in_this_file() -> None:
    elsewhere = {"missing_key", "key_mismatch", "time_in_future", "bad_timestamp"}
    assert set(REASONS) == {reason for reason, _ in BAD} | elsewhere


def test_every_field_has_a_rule() -> None:
    kinds = (make.link(), make.unlink(), make.debit(), make.open_wallet(), make.payment(), make.transfer())
    assert set(RULES) == {name for fields in kinds for name in fields}


@pytest.mark.parametrize(
    "value",
    [
        with_extra(b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1)),
        with_extra(b'"' + b"[{" * MAX_DEPTH + b'"'),
        with_extra(b'"\\"' + b"[" * 300 + b'\\\\"'),
        with_extra(b"[" + b",".join([b"[]"] * 1000) + b"]"),
        with_extra(b'"' + b"x" * (MAX_EVENT_BYTES - len(GOOD) - 12) + b'"'),
        with_extra(b"1e999"),
        with_raw("event_id", b'"\\ud83d\\ude00"'),
        with_raw("event_id", b'"\\\\ud800"'),
        with_raw("kind", b'"\\u0064ebit"'),
        b" \n" + GOOD + b"\t",
    ],
    ids=lambda value: repr(value)[-40:],
)
def test_the_unusual_but_right_is_taken(value: bytes) -> None:
    assert decode_account_events([value], [make.ACCOUNT.encode()], np.array([0])).batch.size == 1


@pytest.mark.parametrize(
    "value",
    [
        b"[" * 300 + b'"' + b'\\"' * 32_000,
        b"[" * 300 + b'"' * 65_000,
        b"[" * 300 + b'"' + b"\\" * 65_000,
        with_extra(b'"' + b"\\ud800" * 10_000 + b'"'),
        with_extra(b"[" + b"[]," * 20_000 + b"1]"),
        with_raw("amount_yen", b"9" * 65_000),
    ],
    ids=lambda value: repr(value)[-40:],
)
def test_no_message_takes_long(value: bytes) -> None:
    assert len(value) < MAX_EVENT_BYTES
    rejection(b"{")  # what the first call compiles does not count
    started = time.process_time()
    decode_account_events([value], [make.ACCOUNT.encode()], np.array([0]))
    assert time.process_time() - started < 1  # each takes some 20 ms
