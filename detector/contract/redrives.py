"""Records of the topic of redrives: which messages entered their topic a second time, and which letters mean nothing.

Keyed by dead letter id, and compacted: kept for as long as a reset may read the originals again.
"""

import msgspec

from detector.contract.alerts import Position

#: Header of a redriven message: id of the dead letter of its original.
HEADER = "kozamori-redriven"


class Redriven(msgspec.Struct, frozen=True, gc=False, tag="redriven"):
    """The message at `position`, of the topic with Kafka's id `topic_id`, is at `again` too, and counts there."""

    position: Position
    topic_id: str
    again: Position


class Void(msgspec.Struct, frozen=True, tag="void"):
    """Dead letters before these offsets, by partition of their topic with that id, are of a state that was reset.

    Keyed by the name of their topic.
    """

    topic_id: str
    before: dict[int, int]


_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Redriven | Void] = msgspec.json.Decoder(Redriven | Void)


def encode_redrive(record: Redriven | Void) -> bytes:
    """The JSON message of a record."""
    return _ENCODER.encode(record)


def decode_redrive(value: bytes) -> Redriven | Void:
    """The record of a JSON message; raises `msgspec.DecodeError` for anything else."""
    return _DECODER.decode(value)
