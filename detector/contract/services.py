"""Codes of services: known ones from `vocabulary.SERVICES`, any other from the hash of its name.

So a new service needs no release. Unknown names are not stored: their number has no bound.
"""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from detector.contract.hashing import hash64_many
from detector.contract.vocabulary import OTHER, SERVICE, SERVICES

#: Codes below are those of known services. Of 10 unknown ones two share a code with probability 0.0007, of 100 with
#: 0.07: then an account that uses both has one monthly cap for them. Wallets and cases go by the name.
FIRST_UNKNOWN = 256
NO_SERVICE = 2**16 - 1  # code of an invalid name; 1 + any other code fits 16 bits

_CODES = {name: code for code, name in enumerate(SERVICES)}
_NAME = re.compile(SERVICE)
_TO_HASH = FIRST_UNKNOWN - 1
assert len(SERVICES) <= _TO_HASH


def service_codes(names: Sequence[str]) -> npt.NDArray[np.uint16]:
    """The code of each name, uint16 (n,); `NO_SERVICE` for an invalid one."""
    known = _CODES.get
    codes = np.frombuffer(bytearray([known(name, _TO_HASH) for name in names]), np.uint8).astype(np.uint16)
    unknown = np.flatnonzero(codes == _TO_HASH)
    if len(unknown):
        words = [names[i] for i in unknown.tolist()]
        room = np.uint64(NO_SERVICE - FIRST_UNKNOWN)
        hashed = FIRST_UNKNOWN + (hash64_many(words) % room).astype(np.uint16)
        codes[unknown] = np.where([is_service(word) for word in words], hashed, NO_SERVICE)
    return codes


def is_service(name: str) -> bool:
    """Whether this is a valid name: 1 to 32 of lower-case letters, digits, "_", "." and "-"."""
    return _NAME.fullmatch(name) is not None


def known_service(name: str) -> str:
    """The name if known, else "other": bounds the number of metric labels."""
    return name if name in _CODES else SERVICES[OTHER]


def known_codes(codes: npt.NDArray[np.uint16]) -> npt.NDArray[np.int64]:
    """The codes, with that of "other" for unknown services, int64 (n,)."""
    return np.where(codes < len(SERVICES), codes, OTHER).astype(np.int64)
