"""State at exactly the committed offset, carried in the commit's metadata (PROTOCOL rule 5)."""

from base64 import b85decode, b85encode
from functools import cache

import msgspec

from detector.errors import UserError

#: The broker's default for `offset.metadata.max.bytes`.
MAX_METADATA_BYTES = 4096
_SEVEN_BITS = 0x7F


class Marks(msgspec.Struct, frozen=True):
    """Event-time watermark at the committed offset, epoch ms; id of the input topic; behind a hop, the high-water mark
    of every upstream partition by slot, −1 where none, and the CRC of the upstreams' names. `begun_ms`: time of the
    first event that the rows reflect, epoch ms, 0 before it."""

    watermark_ms: int = 0
    topic_id: str = ""
    high_water: tuple[int, ...] = ()
    upstreams_crc: int = 0
    begun_ms: int = 0

    def fits(self, upstreams_crc: int, upstreams: int) -> bool:
        """Whether the marks, if there are any, are of `upstreams` partitions of the nodes with that CRC."""
        found = self.upstreams_crc, len(self.high_water)
        return max(self.high_water, default=-1) < 0 or found == (upstreams_crc, upstreams)

    def met(self, slot: int) -> bool:
        """Whether an event of the upstream at `slot` was met."""
        return slot < len(self.high_water) and self.high_water[slot] >= 0


class _Stored(msgspec.Struct, frozen=True):
    v: int
    w: int
    t: str = ""
    s: str = ""
    f: int = 0
    b: int = 0


def encode_marks(marks: Marks) -> str:
    """The marks as commit metadata. Raises UserError where they are larger than a broker accepts."""
    packed = b85encode(_pack(marks.high_water)).decode()
    stored = _Stored(2, marks.watermark_ms, marks.topic_id, packed, marks.upstreams_crc, marks.begun_ms)
    text = msgspec.json.encode(stored).decode()
    if len(text) > MAX_METADATA_BYTES:
        raise UserError(
            f"marks of {len(marks.high_water)} upstream partitions take {len(text)} bytes, a commit holds"
            f" {MAX_METADATA_BYTES}: use fewer partitions"
        )
    return text


def decode_marks(metadata: str | None) -> Marks:
    """The marks in a commit's metadata; `UserError` where the commit was not made by this worker."""
    try:
        stored = msgspec.json.decode(metadata or "", type=_Stored)
        if stored.v != 2:
            raise UserError(f"commit metadata has version {stored.v}, this release reads 2: run the release it is of")
        return Marks(stored.w, stored.t, _unpack(b85decode(stored.s)), stored.f, stored.b)
    except (msgspec.DecodeError, ValueError) as error:
        raise UserError(
            "the group's committed offset carries no marks, so another program committed it:"
            " choose another deployment name, or reset with `kozamori state reset`"
        ) from error


@cache
def most_upstreams() -> int:
    """Upstream partitions that fit into a commit, whatever their positions."""
    low, high = 0, MAX_METADATA_BYTES
    while low + 1 < high:
        middle = (low + high) // 2
        stored = _Stored(2, 2**53, "x" * 22, b85encode(_pack((2**62,) * middle)).decode(), 2**32 - 1, 2**53)
        low, high = (middle, high) if len(msgspec.json.encode(stored)) <= MAX_METADATA_BYTES else (low, middle)
    return low


def _pack(numbers: tuple[int, ...]) -> bytes:
    """LEB128 (DWARF 5, section 7.6) of each number + 1: seven bits a byte, the highest bit says that more follow."""
    out = bytearray()
    for number in numbers:
        rest = number + 1
        while rest > _SEVEN_BITS:
            out.append(rest & _SEVEN_BITS | 0x80)
            rest >>= 7
        out.append(rest)
    return bytes(out)


def _unpack(packed: bytes) -> tuple[int, ...]:
    numbers, rest, shift = [], 0, 0
    for byte in packed:
        rest |= (byte & _SEVEN_BITS) << shift
        shift += 7
        if byte <= _SEVEN_BITS:
            numbers.append(rest - 1)
            rest, shift = 0, 0
    return tuple(numbers)
