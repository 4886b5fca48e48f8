"""Keyed hashes for producers, so that account numbers and addresses never enter the bus.

Without the key, seven-digit account numbers could be found by hashing them all. All producers of one deployment share
the key; a new key makes every account a stranger to the worker's state.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from detector.contract.columns import BANKS
from detector.errors import UserError

VARIABLE = "KOZAMORI_HASH_KEY"
FILE_VARIABLE = "KOZAMORI_HASH_KEY_FILE"
MIN_KEY_BYTES = 16  # as hard to guess as the 64-bit hash is to reverse, and more
#: 64 bits: among 100 million accounts two share a hash with probability 0.0003.
HEX_DIGITS = 16
ACCOUNT_NUMBER_DIGITS = 7  # of ordinary accounts; shorter ones have lost their leading zeros
MAX_ACCOUNT_NUMBER_DIGITS = 14


@dataclass(frozen=True, slots=True)
class KeyedHash:
    """HMAC-SHA-256 under `key`, as 16 hex digits. Raises UserError for a key under 16 bytes."""

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) < MIN_KEY_BYTES:
            raise UserError(
                f"the hash key has {len(self.key)} bytes, expected at least {MIN_KEY_BYTES}; "
                "make one with `openssl rand -hex 32`"
            )

    def account(self, bank: str, number: str) -> str:
        """The event field `account` of a bank account; leading zeros of `number` do not matter.

        Raises UserError, without the number, unless `bank` is four digits and `number` one to fourteen.
        """
        if bank not in BANKS:
            raise UserError("bank: expected 4 digits with leading zeros, such as 0116; check the source's bank column")
        if not (number.isascii() and number.isdigit() and len(number) <= MAX_ACCOUNT_NUMBER_DIGITS):
            raise UserError("account number: expected 1 to 14 digits; check the source's account column")
        return self._digest("account", bank, number.lstrip("0").zfill(ACCOUNT_NUMBER_DIGITS))

    def source(self, address: str) -> str:
        """The event field `source` of a network address or device id, without regard to case; "" stays ""."""
        address = address.strip().lower()
        return self._digest("source", address) if address else ""

    def opaque(self, what: str, *parts: str) -> str:
        """The hash of an identifier that is no bank's account number, letter by letter; `what` keeps kinds apart."""
        return self._digest(f"opaque {what}", *parts)

    def _digest(self, *parts: str) -> str:
        return hmac.digest(self.key, "\0".join(parts).encode(), "sha256").hex()[:HEX_DIGITS]


def keyed_hash_from(environ: Mapping[str, str]) -> KeyedHash:
    """The hash under the key of `KOZAMORI_HASH_KEY`, or of the file that `KOZAMORI_HASH_KEY_FILE` names.

    White space around the key is not part of it. Raises UserError if not exactly one of the two is set, or the file
    cannot be read.
    """
    text, path = environ.get(VARIABLE), environ.get(FILE_VARIABLE)
    if bool(text) == bool(path):
        got = "both" if text else "neither"
        raise UserError(f"{got} of {VARIABLE} and {FILE_VARIABLE} set, expected one; set {FILE_VARIABLE} to a key file")
    if path:
        try:
            return KeyedHash(Path(path).read_bytes().strip())
        except OSError as error:
            raise UserError(f"{FILE_VARIABLE}: cannot read {path} ({error.strerror}); name a readable file") from None
    return KeyedHash((text or "").strip().encode())
