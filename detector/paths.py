"""Where things are kept between runs: the platform's data and cache folders; files and folders replaced in one step."""

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

    On any error `path` is unchanged and what was written is removed.
    """
    part = path.with_name(path.name + ".part")
    try:
        yield part
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink()


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """The same for a folder: an empty one to write into, renamed to `folder`, whose parent is made if need be.

    A folder cannot be renamed over another: a kill between two renames leaves the old one beside, under a hidden name.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        fresh, old = Path(scratch, "new"), Path(scratch, "old")
        fresh.mkdir()
        yield fresh
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
