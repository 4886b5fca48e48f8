"""What receivers refused for good, as lines of a file: where each message lies, for whom, and why; no content.

The messages themselves stay in their topics, alerts for 90 days. Redriven, each line is delivered once more, or parked
again.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import structlog

from detector.errors import UserError

log = structlog.get_logger(__name__)


class Parked(msgspec.Struct, frozen=True):
    """One message that `receiver` refused, or that could not be read; `id` is "" then, `cause` says why."""

    receiver: str
    id: str
    topic: str
    partition: int
    offset: int
    cause: str
    parked_at_ms: int


class ParkedFile:
    """Lines at `path`, appended by all couriers of a service and taken by one redrive, maybe of another process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._taken = path.with_name(path.name + ".redriving")
        self._lock = threading.Lock()

    def check(self) -> None:
        """Raise UserError where nothing can be written there."""
        try:
            with self._alone():
                _append(self.path, b"")
        except OSError as error:
            raise UserError(
                f"setting notify.parked: {self.path} cannot be written ({error.strerror}), expected a file in a folder"
                " that lasts"
            ) from None

    def add(self, line: Parked) -> None:
        """Append it, durable on return; raises OSError."""
        with self._alone():
            _append(self.path, msgspec.json.encode(line) + b"\n")

    def take(self) -> list[Parked]:
        """All lines, until `taken` to be read again; those of a redrive that fell among them."""
        with self._alone():
            if self.path.exists():
                _append(self._taken, self.path.read_bytes())
                self.path.unlink()
        lines = self._taken.read_bytes().splitlines() if self._taken.exists() else []
        return [parked for line in lines if line and (parked := _read(line)) is not None]

    def taken(self) -> None:
        """What was taken is settled: delivered, or parked again."""
        self._taken.unlink(missing_ok=True)

    @contextmanager
    def redriving(self) -> Iterator[None]:
        """Between `take` and `taken`: raises UserError where another process is there."""
        with self._taken.with_name(self._taken.name + ".lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(f"another redrive is under way of {self.path}: wait until it has ended") from None
            yield

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Alone among threads and processes."""
        with self._lock, self.path.with_name(self.path.name + ".lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _append(path: Path, lines: bytes) -> None:
    """Durable on return; behind a line that was cut short with the machine's power a new one begins."""
    with path.open("a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            lines = lines if file.read() == b"\n" else b"\n" + lines
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())


def _read(line: bytes) -> Parked | None:
    try:
        return msgspec.json.decode(line, type=Parked)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Cut short with the machine's power: that message was not counted as settled, and came again.
        log.warning("a line of parked messages is left out: it is not whole", bytes=len(line))
        return None
