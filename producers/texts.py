"""Strings of the bus from the simulator's numbers: keyed hashes, never data of a real person."""

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detector.contract.keyed_hash import KeyedHash
from producers.draws import mix64

#: Of all simulated accounts: whoever reads events sees neither.
BRANCH, ORDINARY = "001", "1"
_HEX = np.frombuffer("".join(f"{i:02x}" for i in range(256)).encode(), np.uint8).reshape(256, 2)


class Texts:
    """Identifiers of one simulation; its hash key is derived from the seed, so that a seed gives the same bytes."""

    def __init__(self, seed: int) -> None:
        self._key = hashlib.sha256(f"kozamori simulation {seed}".encode()).digest()
        self._hash = KeyedHash(self._key)
        self._salt = np.uint64(int.from_bytes(self._key[:8], "big"))

    def accounts(self, numbers: npt.NDArray[np.uint64]) -> pa.Array:
        """Keyed hashes of accounts; "" for 0."""
        texts = [self._account(number) if number else "" for number in numbers.tolist()]
        return pa.array(texts, pa.string())

    def sources(self, numbers: npt.NDArray[np.uint64]) -> pa.Array:
        """Keyed hashes of addresses; "" for 0, the unknown one."""
        return pa.array(
            [self._hash.source(f"simulated {number}") if number else "" for number in numbers.tolist()], pa.string()
        )

    def wallets(self, numbers: npt.NDArray[np.uint64]) -> pa.Array:
        """Wallet ids, as services give them: 16 digits without meaning."""
        return hexadecimal(mix64(numbers ^ self._salt))

    def shops(self, numbers: npt.NDArray[np.uint64]) -> pa.Array:
        """Shop ids; "" for 0."""
        return pa.array([f"shop-{number:06}" if number else "" for number in numbers.tolist()], pa.string())

    def _account(self, number: int) -> str:
        bank, serial = f"{number >> 40:04}", f"{number & ((1 << 40) - 1):07}"
        return self._hash.account(bank=bank, branch=BRANCH, kind=ORDINARY, number=serial)


def hexadecimal(numbers: npt.NDArray[np.uint64]) -> pa.Array:
    """Sixteen hex digits of each number, as an Arrow array of strings made without a Python object each."""
    digits = _HEX[numbers.astype(">u8").view(np.uint8)].reshape(-1)
    ends = np.arange(len(numbers) + 1, dtype=np.int32) * 16
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(digits)))
