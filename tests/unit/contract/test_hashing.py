import numpy as np
import pytest

from detector.contract.hashing import hash64, hash64_many

MASK = 2**64 - 1
P1, P2, P3, P4, P5 = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)


def rotate(x: int, bits: int) -> int:
    return ((x << bits) | (x >> (64 - bits))) & MASK


def lane_round(lane: int, word: int) -> int:
    return rotate((lane + word * P2) & MASK, 31) * P1 & MASK


def xxh64(data: bytes) -> int:
    """The specification, read slowly."""
    at = 0
    if len(data) >= 32:
        lanes = [(P1 + P2) & MASK, P2, 0, -P1 & MASK]
        while at + 32 <= len(data):
            for k in range(4):
                lanes[k] = lane_round(lanes[k], int.from_bytes(data[at + 8 * k : at + 8 * k + 8], "little"))
            at += 32
        h = sum(rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & MASK
        for lane in lanes:
            h = ((h ^ lane_round(0, lane)) * P1 + P4) & MASK
    else:
        h = P5
    h = (h + len(data)) & MASK
    for at8 in range(at, len(data) - 7, 8):
        h = (rotate(h ^ lane_round(0, int.from_bytes(data[at8 : at8 + 8], "little")), 27) * P1 + P4) & MASK
        at = at8 + 8
    if at + 4 <= len(data):
        h = (rotate(h ^ (int.from_bytes(data[at : at + 4], "little") * P1 & MASK), 23) * P2 + P3) & MASK
        at += 4
    for byte in data[at:]:
        h = rotate(h ^ (byte * P5 & MASK), 11) * P1 & MASK
    h = (h ^ (h >> 33)) * P2 & MASK
    h = (h ^ (h >> 29)) * P3 & MASK
    return h ^ (h >> 32)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (0, ""),
        (0xD24EC4F1A98C6E5B, "a"),
        (0x44BC2CF5AD770999, "abc"),
        (0xFBCEA83C8A378BF1, "Nobody inspects the spammish repetition"),
    ],
)
def test_published_values_are_met(expected: int, text: str) -> None:
    assert expected == hash64(text)


@pytest.mark.parametrize("alphabet", ["0123456789abcdef", "ドコモ口座é", "a\0é😀"])
def test_every_length_is_hashed_as_the_specification_says(alphabet: str) -> None:
    texts = ["".join(alphabet[(n * 7 + k * k) % len(alphabet)] for k in range(n)) for n in range(1, 140)]
    assert [xxh64(text.encode()) for text in texts] == hash64_many(texts).tolist()


def test_many_are_hashed_as_each_alone_whatever_stands_beside_them() -> None:
    texts = ["", "w-1", "ドコモコウザ", "", "a" * 100, "w-1"]
    hashes = hash64_many(texts)
    assert np.dtype(np.uint64) == hashes.dtype
    assert [hash64(text) for text in texts] == hashes.tolist()


def test_no_texts_give_no_hashes() -> None:
    assert hash64_many([]).shape == (0,)


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        hash64("\ud800")
