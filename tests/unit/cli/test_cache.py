import json
from pathlib import Path

import pytest

from detector.cli.main import cli, run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of the test's own, with a jar of 3 bytes and a topic of 5."""
    for name, kind, size in (("cache", "XDG_CACHE_HOME", 3), ("data", "XDG_DATA_HOME", 5)):
        monkeypatch.setenv(kind, str(tmp_path / name))
        folder = tmp_path / name / "kozamori" / "deep"
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"x" * size)
    return tmp_path


def test_show_tells_path_and_size(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = {
        "cache": {"path": str(home / "cache" / "kozamori"), "bytes": 3},
        "data": {"path": str(home / "data" / "kozamori"), "bytes": 5},
    }
    assert run(cli, ["cache", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == expected


@pytest.mark.parametrize(("flags", "left"), [([], ["data"]), (["--all"], [])])
def test_clear_keeps_the_data_unless_told(flags: list[str], left: list[str], home: Path) -> None:
    assert run(cli, ["cache", "clear", *flags]) == 0
    assert [name for name in ("cache", "data") if (home / name / "kozamori").exists()] == left
    assert run(cli, ["cache", "clear", *flags]) == 0
