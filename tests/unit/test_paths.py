"""A file or folder that is replaced is the old one or the new one, whole, with nothing left beside it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from detector.paths import replaced, replaced_folder

Replacing = Callable[[Path], AbstractContextManager[Path]]


@pytest.mark.parametrize("before", [None, "old"])
def test_a_file_has_its_new_content_at_the_end_and_not_before(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "file"
    if before is not None:
        path.write_text(before)
    with replaced(path) as part:
        part.write_text("new")
        assert before == (path.read_text() if path.exists() else None)
    assert "new" == path.read_text()
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("before", [[], ["old", "older"]])
def test_a_folder_has_its_new_files_alone_at_the_end_and_not_before(tmp_path: Path, before: list[str]) -> None:
    folder = tmp_path / "parent" / "folder"
    for name in before:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    with replaced_folder(folder) as fresh:
        (fresh / "new").touch()
        assert before == (sorted(file.name for file in folder.iterdir()) if before else [])
        assert bool(before) == folder.exists()
    assert [folder / "new"] == list(folder.iterdir())
    assert [folder] == list(folder.parent.iterdir())


def fail_half_way(replacing: Replacing, path: Path) -> None:
    with replacing(path) as part:
        (part / "file" if part.is_dir() else part).write_text("half")
        raise ZeroDivisionError


@pytest.mark.parametrize("replacing", [replaced, replaced_folder])
def test_after_an_error_all_is_as_it_was(tmp_path: Path, replacing: Replacing) -> None:
    path = tmp_path / "kept"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError):
        fail_half_way(replacing, path)
    assert "old" == path.read_text()
    assert [path] == list(tmp_path.iterdir())


def test_a_file_in_a_missing_folder_is_an_error_and_makes_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replaced(tmp_path / "missing" / "file") as part:
        part.write_text("new")
    assert [] == list(tmp_path.iterdir())
