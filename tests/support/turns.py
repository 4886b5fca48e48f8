"""Turns of the processes of a run: a test that goes by the clock runs while no other test does."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class Turns:
    """Locks of one run, shared by its processes: any number of ordinary tests at once, or one alone."""

    def __init__(self, folder: str = "") -> None:
        self.folder = folder or tempfile.mkdtemp(prefix="kozamori-turns-")
        self._gate, self._room = Path(self.folder, "gate"), Path(self.folder, "room")

    @contextmanager
    def turn(self, *, alone: bool) -> Iterator[None]:
        """Wait for a turn and keep it. Who waits to be alone keeps the gate shut, so that the room empties."""
        with self._gate.open("ab") as gate, self._room.open("ab") as room:
            _lock(gate, fcntl.LOCK_EX)
            _lock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            if not alone:
                _lock(gate, fcntl.LOCK_UN)
            yield

    def close(self) -> None:
        """Remove the locks, once no process is left."""
        shutil.rmtree(self.folder)


def _lock(file: BinaryIO, operation: int) -> None:
    fcntl.flock(file.fileno(), operation)
