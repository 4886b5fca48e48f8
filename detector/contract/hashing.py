"""64-bit hashes of the strings on the bus: XXH64 with seed 0, in bulk over one joined buffer.

XXH64 is specified in https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md. State rows and models are keyed
by these hashes, so the function never changes: it depends only on the UTF-8 bytes of the text.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.contract.loads import read4, read8
from detector.contract.texts import join

P1 = np.uint64(0x9E3779B185EBCA87)
P2 = np.uint64(0xC2B2AE3D27D4EB4F)
P3 = np.uint64(0x165667B19E3779F9)
P4 = np.uint64(0x85EBCA77C2B2AE63)
P5 = np.uint64(0x27D4EB2F165667C5)
#: Lane 4 starts at seed - P1; a literal, because numpy warns about the overflow and numba does not.
MINUS_P1 = np.uint64(0x61C8864E7A143579)
STRIPE = 32  # bytes a round of the four lanes
#: Rotations. numba compiles a function anew for each literal number.
R1, R7, R11, R12, R18, R23, R27, R31 = np.array([1, 7, 11, 12, 18, 23, 27, 31], np.uint64)
_WORD = np.uint64(64)


def hash64(text: str) -> int:
    """The hash of one text, as of `hash64_many`: 0 for "", never 0 otherwise."""
    return int(hash64_many([text])[0])


def hash64_many(texts: list[str]) -> npt.NDArray[np.uint64]:
    """Hashes of `texts`, uint64 `(len(texts),)`: 0 for "", never 0 otherwise.

    Raises UnicodeEncodeError for a text with a lone surrogate, which no UTF-8 message can hold.
    """
    return hash_spans(*join(texts))


def hash_spans(data: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Hashes of texts stored end to end in `data`, as from `join`."""
    return _hash_spans(data, ends)  # type: ignore[no-any-return]


@njit(cache=True)
def _hash_spans(data: Any, ends: Any) -> Any:
    """XXH64 of the spans of `data` (uint8) that end at `ends` (int64), each starting at the end of the one before."""
    out = np.empty(len(ends), np.uint64)
    start = 0
    for i in range(len(ends)):
        out[i] = xxh64(data, start, ends[i])
        start = ends[i]
    return out


@njit(cache=True)
def xxh64(data: Any, at: Any, end: Any) -> Any:
    """The hash of `data[at : end]`, as of `hash64_many`; inside kernels."""
    size = end - at
    if size == 0:
        return np.uint64(0)
    if size >= STRIPE:
        v1, v2, v3, v4 = P1 + P2, P2, np.uint64(0), MINUS_P1
        while at + STRIPE <= end:
            v1 = _round(v1, read8(data, at))
            v2 = _round(v2, read8(data, at + 8))
            v3 = _round(v3, read8(data, at + 16))
            v4 = _round(v4, read8(data, at + 24))
            at += STRIPE
        h = _rotate(v1, R1) + _rotate(v2, R7) + _rotate(v3, R12) + _rotate(v4, R18)
        h = _merge(_merge(_merge(_merge(h, v1), v2), v3), v4)
    else:
        h = P5
    h += np.uint64(size)
    while at + 8 <= end:
        h = _rotate(h ^ _round(np.uint64(0), read8(data, at)), R27) * P1 + P4
        at += 8
    if at + 4 <= end:
        h = _rotate(h ^ (read4(data, at) * P1), R23) * P2 + P3
        at += 4
    while at < end:
        h = _rotate(h ^ (np.uint64(data[at]) * P5), R11) * P1
        at += 1
    h = (h ^ (h >> np.uint64(33))) * P2
    h = (h ^ (h >> np.uint64(29))) * P3
    h = h ^ (h >> np.uint64(32))
    return h if h != np.uint64(0) else np.uint64(1)  # 0 means "no text" in every column


@njit(cache=True)
def _round(lane: Any, word: Any) -> Any:
    return _rotate(lane + word * P2, R31) * P1


@njit(cache=True)
def _merge(h: Any, lane: Any) -> Any:
    return (h ^ _round(np.uint64(0), lane)) * P1 + P4


@njit(cache=True)
def _rotate(x: Any, bits: Any) -> Any:
    return (x << bits) | (x >> (_WORD - bits))
