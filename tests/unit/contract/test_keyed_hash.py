import hashlib
import hmac
import re
from pathlib import Path

import pytest
from support import events as make

from detector.contract.codec import decode_one
from detector.contract.keyed_hash import KeyedHash, keyed_hash_from
from detector.errors import UserError

KEY = b"0123456789abcdef0123456789abcdef"
HASHES = KeyedHash(KEY)


ACCOUNT = {"bank": "0116", "branch": "012", "kind": "1", "number": "1234567"}


def account(hashes: KeyedHash = HASHES, /, **parts: str) -> str:
    return hashes.account(**{**ACCOUNT, **parts})


def test_an_account_is_the_hmac_of_bank_branch_kind_and_number() -> None:
    expected = hmac.new(KEY, b"account\x000116\x00012\x001\x001234567", hashlib.sha256).hexdigest()[:16]
    assert expected == account()


@pytest.mark.parametrize("hashes", [HASHES, KeyedHash(KEY, "01")])
def test_the_hash_is_a_valid_event_field(hashes: KeyedHash) -> None:
    made = account(hashes)
    assert made == decode_one(make.message(make.debit(account=made))).account  # type: ignore[union-attr]


def test_lost_leading_zeros_make_no_other_account() -> None:
    assert len({account(number=number) for number in ("12345", "012345", "0012345", "00000012345")}) == 1
    assert account() == account(branch="12")


def test_bank_branch_kind_number_and_key_all_matter() -> None:
    others = [{"bank": "0117"}, {"branch": "013"}, {"kind": "2"}, {"number": "1"}]
    hashes = [account(), *(account(**parts) for parts in others), account(KeyedHash(KEY[::-1]))]
    assert len({*hashes, HASHES.source("0116\x00012\x001\x001234567")}) == 7


def test_the_id_of_the_key_stands_before_each_hash() -> None:
    second = KeyedHash(KEY, "02")
    assert ("02" + account(), "02" + HASHES.source("a")) == (account(second), second.source("a"))
    assert "" == second.source("")


@pytest.mark.parametrize("key_id", ["k1", "A", "0" * 9, "01\n"])
def test_an_id_that_is_not_a_few_hex_digits_is_refused(key_id: str) -> None:
    with pytest.raises(UserError, match="expected at most 8 hex digits"):
        KeyedHash(KEY, key_id)


def test_a_source_is_hashed_without_regard_to_case_and_stays_unknown_when_empty() -> None:
    assert re.fullmatch("[0-9a-f]{16}", HASHES.source("2001:db8::A"))
    assert HASHES.source("2001:db8::A") == HASHES.source(" 2001:DB8::a\n")
    assert "" == HASHES.source("") == HASHES.source(" ")


@pytest.mark.parametrize(
    ("part", "value"),
    [
        *(("bank", value) for value in ("116", "01a6")),
        *(("branch", value) for value in ("", "0012", "1a", "\uff11")),
        *(("kind", value) for value in ("", "01", "3", "ordinary")),
        *(("number", value) for value in ("", "12-3", "\uff11\uff12", "9" * 15)),
    ],
)
def test_what_is_no_account_is_refused_without_its_number_being_shown(part: str, value: str) -> None:
    with pytest.raises(UserError, match=rf"{part}.*: expected") as caught:
        account(**{part: value})
    assert not {ACCOUNT["number"], "12-3", "\uff11\uff12", "9" * 15} & set(str(caught.value).split())


def test_a_short_key_is_refused() -> None:
    with pytest.raises(UserError, match="has 15 bytes, expected at least 16"):
        KeyedHash(KEY[:15])


def test_the_key_is_not_shown() -> None:
    assert "0123" not in repr(HASHES)


def test_the_key_comes_from_a_variable_or_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(KEY + b"\n")
    assert keyed_hash_from({"KOZAMORI_HASH_KEY": KEY.decode()}) == HASHES
    assert keyed_hash_from({"KOZAMORI_HASH_KEY_FILE": str(path)}) == HASHES
    for way in ({"KOZAMORI_HASH_KEY": KEY.decode()}, {"KOZAMORI_HASH_KEY_FILE": str(path)}):
        assert keyed_hash_from({**way, "KOZAMORI_HASH_KEY_ID": "02"}) == KeyedHash(KEY, "02")


@pytest.mark.parametrize(
    ("message", "environ"),
    [
        ("neither of", {}),
        ("neither of", {"KOZAMORI_HASH_KEY": ""}),
        ("both of", {"KOZAMORI_HASH_KEY": KEY.decode(), "KOZAMORI_HASH_KEY_FILE": "key"}),
        ("cannot read nowhere/key", {"KOZAMORI_HASH_KEY_FILE": "nowhere/key"}),
        ("has 5 bytes", {"KOZAMORI_HASH_KEY": "short"}),
        ("id is 'two'", {"KOZAMORI_HASH_KEY": KEY.decode(), "KOZAMORI_HASH_KEY_ID": "two"}),
    ],
)
def test_a_missing_or_doubtful_key_is_refused(message: str, environ: dict[str, str]) -> None:
    with pytest.raises(UserError, match=message):
        keyed_hash_from(environ)
