"""What a command writes into the folder that it was given."""

from collections.abc import Mapping
from pathlib import Path

from detector.errors import UserError
from detector.paths import write_whole


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files by name into a folder, made if need be; each whole or not at all; UserError
    where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_whole(folder / name, content)
    except OSError as error:
        where = error.filename or folder
        raise UserError(f"cannot write {where} ({error.strerror or error}): make room or choose another path") from None
