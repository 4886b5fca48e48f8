"""Where things are kept between runs: the platform's data and cache folders; files and folders replaced in one step.

A full disk is told by the name of what could not be written: the system names none where it refuses further bytes.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

APPLICATION = "kozamori"


def data_dir() -> Path:
    """Folder of what a person may want to keep: the log of a Kafka left running. Not created here."""
    return Path(platformdirs.user_data_dir(APPLICATION, appauthor=False))


def cache_dir() -> Path:
    """Folder of what can be fetched or computed again: the jars of the local Kafka. Not created here."""
    return Path(platformdirs.user_cache_dir(APPLICATION, appauthor=False))


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; renamed to `path` at the end, so that a kill leaves the old file or the new.

    On any error `path` is unchanged and what was written is removed. An OSError of the part names `path`.
    """
    part = path.with_name(path.name + ".part")
    try:
        with _named(path, part):
            yield part
            part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink()


def write_whole(path: Path, content: bytes) -> None:
    """Replace the file by one with this content, or leave it as it is: OSError with its name."""
    with replaced(path) as part:
        part.write_bytes(content)


def write_new(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all: OSError with its name, where it exists too."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with _named(path, path), os.fdopen(handle, "wb") as file:
            file.write(content)
    except BaseException:
        path.unlink()
        raise


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """The same for a folder: an empty one to write into, renamed to `folder`, whose parent is made if need be.

    A folder cannot be renamed over another: a kill between two renames leaves the old one beside, under a hidden name.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch, _named(folder, scratch):
        fresh, old = Path(scratch, "new"), Path(scratch, "old")
        fresh.mkdir()
        yield fresh
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)


@contextmanager
def _named(path: Path, part: Path | str) -> Iterator[None]:
    """An OSError of `part` or below it, or of no file, is one of `path`."""
    try:
        yield
    except OSError as error:
        if error.errno is None or not str(error.filename or part).startswith(str(part)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
