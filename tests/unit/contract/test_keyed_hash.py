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


def test_an_account_is_the_hmac_of_bank_and_number() -> None:
    expected = hmac.new(KEY, b"account\x000116\x001234567", hashlib.sha256).hexdigest()[:16]
    assert expected == HASHES.account("0116", "1234567")


def test_the_hash_is_a_valid_event_field() -> None:
    account = HASHES.account("0116", "1234567")
    assert account == decode_one(make.message(make.debit(account=account))).account  # type: ignore[union-attr]


def test_lost_leading_zeros_make_no_other_account() -> None:
    assert len({HASHES.account("0116", number) for number in ("12345", "012345", "0012345", "00000012345")}) == 1


def test_bank_number_and_key_all_matter() -> None:
    other = KeyedHash(KEY[::-1])
    hashes = [HASHES.account("0116", "1"), HASHES.account("0117", "1"), HASHES.account("0116", "2")]
    assert len({*hashes, other.account("0116", "1"), HASHES.source("0116\x000000001")}) == 5


def test_a_source_is_hashed_without_regard_to_case_and_stays_unknown_when_empty() -> None:
    assert re.fullmatch("[0-9a-f]{16}", HASHES.source("2001:db8::A"))
    assert HASHES.source("2001:db8::A") == HASHES.source(" 2001:DB8::a\n")
    assert "" == HASHES.source("") == HASHES.source(" ")


@pytest.mark.parametrize(
    ("bank", "number"),
    [("116", "1"), ("01a6", "1"), ("0116", ""), ("0116", "12-3"), ("0116", "\uff11\uff12"), ("0116", "9" * 15)],
)
def test_what_is_no_account_is_refused_without_being_shown(bank: str, number: str) -> None:
    with pytest.raises(UserError, match="expected") as caught:
        HASHES.account(bank, number)
    assert not number or number not in str(caught.value).replace("1 to 14", "").replace("0116", "")


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


@pytest.mark.parametrize(
    ("message", "environ"),
    [
        ("neither of", {}),
        ("neither of", {"KOZAMORI_HASH_KEY": ""}),
        ("both of", {"KOZAMORI_HASH_KEY": KEY.decode(), "KOZAMORI_HASH_KEY_FILE": "key"}),
        ("cannot read nowhere/key", {"KOZAMORI_HASH_KEY_FILE": "nowhere/key"}),
        ("has 5 bytes", {"KOZAMORI_HASH_KEY": "short"}),
    ],
)
def test_a_missing_or_doubtful_key_is_refused(message: str, environ: dict[str, str]) -> None:
    with pytest.raises(UserError, match=message):
        keyed_hash_from(environ)
