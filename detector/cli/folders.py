"""What a command writes into the folder that it was given."""

from collections.abc import Mapping
from pathlib import Path

from detector.errors import UserError


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files by name into a folder, made if need be; UserError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise UserError(f"cannot write into {folder} ({error.strerror or error}): choose another path") from None
