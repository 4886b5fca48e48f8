"""Progress of a publishing run in a small file, so that the next run resumes where it ended."""

from pathlib import Path
from typing import Any

import msgspec

from detector.errors import UserError
from detector.paths import replaced


class Mark(msgspec.Struct, frozen=True):
    """`confirmed` events of `source` are in Kafka; `source` identifies the input; a run over another is refused."""

    source: dict[str, Any]
    confirmed: int


def read_mark(path: Path, source: dict[str, Any]) -> int:
    """Events confirmed by earlier runs, 0 where there is no file; raises UserError for a mark of other events."""
    try:
        mark = msgspec.json.decode(path.read_bytes(), type=Mark)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror}): give a readable --resume file") from None
    except msgspec.DecodeError:
        raise UserError(f"{path} is no file of `kozamori produce --resume`: give another, or remove it") from None
    if mark.source != source:
        raise UserError(
            f"{path} belongs to another run ({_differing(mark.source, source)}): give another, or remove it"
        )
    return mark.confirmed


def write_mark(path: Path, source: dict[str, Any], confirmed: int) -> None:
    """Replace the mark in one step, so that a kill leaves the old one or the new; raises UserError if it cannot."""
    try:
        with replaced(path) as part:
            part.write_bytes(msgspec.json.encode(Mark(source, confirmed)))
    except OSError as error:
        raise UserError(
            f"cannot write {path} ({error.strerror}): make room, or give a --resume file that can be written"
        ) from None


def _differing(before: dict[str, Any], now: dict[str, Any]) -> str:
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            return f"{name}: {before.get(name)} there, {now.get(name)} here"
    return ""


class Marker:
    """Number of events of `source` confirmed so far, read from and written to the file at `path`."""

    def __init__(self, path: Path | None, source: dict[str, Any], confirmed: int = 0) -> None:
        self.confirmed = confirmed if path is None else read_mark(path, source)
        self._path = path
        self._source = source

    def at(self, confirmed: int) -> None:
        """Record that so many events are confirmed."""
        if self._path is not None and confirmed != self.confirmed:
            write_mark(self._path, self._source, confirmed)
        self.confirmed = confirmed

    def how_to_go_on(self) -> str:
        """The command that publishes the rest."""
        return "to go on, run the same command with " + (
            f"--resume {self._path}" if self._path else f"--skip {self.confirmed}"
        )
