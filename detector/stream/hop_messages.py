"""A hop message as it lies in the log: header, checksum, packed body; and what is wrong with it."""

import zlib

from detector.errors import UserError
from detector.stream.hop_head import head_of
from detector.stream.hop_layout import CHECK, COUNTS

MEND = "let a worker with that one finish them, or begin anew with `kozamori state reset`"
NEWER_KIND = f"a hop holds events of kinds that only a newer release knows: {MEND}"
#: A message's header that names its layout, and its body as it is packed.
Message = tuple[bytes, memoryview]


class ForeignHopError(UserError):
    """A hop message that this release, or this model's topology, cannot read."""


def intact(message: bytes) -> Message:
    """The header that names a message's layout, and its body as it is packed."""
    head = head_of(message)
    at = len(head) + COUNTS.size
    if not head or len(message) < at + CHECK.size:
        raise ForeignHopError(f"{len(message)} bytes, not a hop message of this release: {MEND}")
    packed = memoryview(message)[at + CHECK.size :]
    if zlib.crc32(packed, zlib.crc32(message[:at])) != CHECK.unpack_from(message, at)[0]:
        raise ForeignHopError(damaged(message))
    return head, packed


def damaged(message: bytes) -> str:
    """What is said of a damaged message."""
    return f"a hop message of {len(message)} bytes is damaged: {MEND}"
