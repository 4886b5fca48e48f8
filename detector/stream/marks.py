"""What is known at exactly a committed offset, carried in the commit's metadata (PROTOCOL rule 5)."""

import msgspec

from detector.errors import UserError


class Marks(msgspec.Struct, frozen=True):
    """Event-time watermark at the committed offset, epoch ms."""

    watermark_ms: int = msgspec.field(name="w", default=0)
    v: int = 1


def encode_marks(marks: Marks) -> str:
    """The marks as commit metadata."""
    return msgspec.json.encode(marks).decode()


def decode_marks(metadata: str | None) -> Marks:
    """The marks in a commit's metadata; `UserError` where the commit was not made by this worker."""
    try:
        marks = msgspec.json.decode(metadata or "", type=Marks)
    except msgspec.DecodeError as error:
        raise UserError(
            "the group's committed offset carries no marks, so another program committed it:"
            " choose another deployment name, or reset with `kozamori state reset`"
        ) from error
    if marks.v > 1:
        raise UserError(f"commit metadata has version {marks.v}, this release reads 1: run a newer release")
    return marks
