"""Keyed hashes for producers, so that account numbers and addresses never enter the bus.

Without a key, seven-digit account numbers could be found by hashing them all. All producers of one deployment share
the key. Under a new key every account is unknown to the worker's state; the key's id is a prefix of each hash.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from detector.contract.vocabulary import BANKS
from detector.errors import UserError

VARIABLE = "KOZAMORI_HASH_KEY"
FILE_VARIABLE = "KOZAMORI_HASH_KEY_FILE"
ID_VARIABLE = "KOZAMORI_HASH_KEY_ID"
MIN_KEY_BYTES = 16  # 128 bits: harder to guess than the 64-bit hash is to invert
#: 64 bits: the probability that any two of 100 million accounts share a hash is 0.0003.
HEX_DIGITS = 16
ACCOUNT_NUMBER_DIGITS = 7  # of ordinary accounts; shorter numbers lack their leading zeros
MAX_ACCOUNT_NUMBER_DIGITS = 14
BRANCH_DIGITS = 3
#: Kinds of account by their Zengin code; a bank gives one number to accounts of different branches and kinds.
ACCOUNT_KINDS = {"1": "ordinary 普通", "2": "current 当座", "4": "savings 貯蓄", "9": "other"}
_KEY_ID = re.compile("[0-9a-f]{0,8}")


@dataclass(frozen=True, slots=True)
class KeyedHash:
    """HMAC-SHA-256 under `key` as 16 hex digits, after the prefix `key_id` ("" by default).

    Raises UserError for a key under 16 bytes, or an id that is not at most eight lower-case hex digits.
    """

    key: bytes = field(repr=False)
    key_id: str = ""

    def __post_init__(self) -> None:
        if len(self.key) < MIN_KEY_BYTES:
            raise UserError(
                f"the hash key has {len(self.key)} bytes, expected at least {MIN_KEY_BYTES}; "
                "make one with `openssl rand -hex 32`"
            )
        if not _KEY_ID.fullmatch(self.key_id):
            raise UserError(
                f"the hash key's id is {self.key_id!r}, expected at most 8 hex digits: number the keys 01, 02, …"
            )

    def account(self, *, bank: str, branch: str, kind: str, number: str) -> str:
        """The event field `account` of a bank account; leading zeros of `branch` and `number` are ignored.

        Raises UserError, without the number, unless `bank` is four digits, `branch` one to three, `kind` one of
        `ACCOUNT_KINDS` and `number` one to fourteen digits.
        """
        if bank not in BANKS:
            raise UserError("bank: expected 4 digits with leading zeros, such as 0116; check the source's bank column")
        if not (branch.isascii() and branch.isdigit() and len(branch) <= BRANCH_DIGITS):
            raise UserError("branch: expected 3 digits, such as 001; check the source's branch column")
        if kind not in ACCOUNT_KINDS:
            kinds = ", ".join(f"{code} ({name})" for code, name in ACCOUNT_KINDS.items())
            raise UserError(f"kind of account: expected one of {kinds}; check the source's column of kinds")
        if not (number.isascii() and number.isdigit() and len(number) <= MAX_ACCOUNT_NUMBER_DIGITS):
            raise UserError("account number: expected 1 to 14 digits; check the source's account column")
        number = number.lstrip("0").zfill(ACCOUNT_NUMBER_DIGITS)
        return self._digest("account", bank, branch.zfill(BRANCH_DIGITS), kind, number)

    def source(self, address: str) -> str:
        """The event field `source` of a network address or device id, case-insensitive; "" stays ""."""
        address = address.strip().lower()
        return self._digest("source", address) if address else ""

    def opaque(self, what: str, *parts: str) -> str:
        """The hash of any other identifier, case-sensitive; `what` separates kinds."""
        return self._digest(f"opaque {what}", *parts)

    def _digest(self, *parts: str) -> str:
        return self.key_id + hmac.digest(self.key, "\0".join(parts).encode(), "sha256").hex()[:HEX_DIGITS]


def keyed_hash_from(environ: Mapping[str, str], otherwise: tuple[Path, str] | None = None) -> KeyedHash:
    """The hash under the key in `KOZAMORI_HASH_KEY`, or in the file named by `KOZAMORI_HASH_KEY_FILE`.

    White space around the key is stripped. `KOZAMORI_HASH_KEY_ID`, if set, is the key's id. `otherwise`: a key's file
    and its id, where neither of the two is set. Raises UserError if both are set, or no key can be read.
    """
    text, path, key_id = environ.get(VARIABLE), environ.get(FILE_VARIABLE), environ.get(ID_VARIABLE, "")
    if text and path:
        raise UserError(f"both of {VARIABLE} and {FILE_VARIABLE} set, expected one; set {FILE_VARIABLE} to a key file")
    if text:
        return KeyedHash(text.strip().encode(), key_id)
    if path:
        return KeyedHash(_key_in(Path(path), FILE_VARIABLE), key_id)
    if otherwise is None:
        raise UserError(
            f"neither of {VARIABLE} and {FILE_VARIABLE} set, expected one; set {FILE_VARIABLE} to a key file"
        )
    return KeyedHash(_key_in(otherwise[0], "`hash.key_file`"), otherwise[1])


def _key_in(path: Path, named_by: str) -> bytes:
    try:
        return path.read_bytes().strip()
    except OSError as error:
        raise UserError(f"{named_by}: cannot read {path} ({error.strerror}); name a readable file") from None
