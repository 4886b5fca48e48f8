"""A full disk: one line names what could not be written and what to do; of a file there is all or nothing."""

from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import pytest
from support.disks import room_for
from support.models import make_draft

from detector.artifact import write_model
from detector.cli.folders import write_files
from detector.cli.main import run
from detector.cli.start_here import _new_key, _write
from detector.core.stages.account import ACCOUNT
from detector.ops.state_folder import write_part
from detector.paths import replaced_folder, write_whole
from producers.aside import set_aside
from producers.files import write_labels
from producers.mapping.problems import Tally
from producers.tables import LABELS

LARGE = b"x" * 10_000
ROOM = 20


def state_export(folder: Path) -> None:
    with replaced_folder(folder / "state") as fresh:
        write_part(fresh, "account", 0, np.zeros(100, ACCOUNT.row), np.zeros(100, np.int32))


def aside(folder: Path) -> None:
    set_aside(folder.parent / "own.csv", None, Tally(bad_lines=[np.arange(1, 90)]))


def labels(folder: Path) -> None:
    table = pa.table({name: ["word"] * 1_000 for name in LABELS.names}, schema=LABELS)
    write_labels(folder / "labels.jsonl", [table])


#: What writes, and the name that the line has.
WRITERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a model": (lambda folder: write_model(folder / "model", make_draft()), "model"),
    "a report": (lambda folder: write_files(folder, {"figures.json": LARGE}), "figures.json"),
    "one file": (lambda folder: write_whole(folder / "picture.png", LARGE), "picture.png"),
    "rows set aside": (aside, "own.bad.csv"),
    "a first mapping": (lambda folder: _write(folder / "own.toml", "x" * 1_000), "own.toml"),
    "a new key": (lambda folder: _new_key(folder / "hash.key"), "hash.key"),
    "a state's export": (state_export, "state"),
    "labels": (labels, "labels.jsonl"),
}


@pytest.mark.parametrize("what", WRITERS)
def test_what_does_not_fit_is_named_with_what_to_do_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    write, name = WRITERS[what]
    folder = tmp_path / "target"
    folder.mkdir()
    (tmp_path / "own.csv").write_bytes(b"bad row of many letters\n" * 100)
    monkeypatch.chdir(folder)
    command = click.command(lambda: write(folder))
    with room_for(ROOM):
        assert 2 == run(command, [])
    (line,) = capsys.readouterr().err.splitlines()
    assert name in line
    assert "File too large" in line
    assert "make room" in line
    assert [] == list(folder.iterdir())
