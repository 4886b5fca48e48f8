"""A contestant's process: asked, heard, and never left behind."""

import sys
from pathlib import Path

import psutil
import pytest

from detector.bench.child import run_child
from detector.bench.lap import Lap
from detector.errors import KozamoriError

ANSWERS = """
from detector.bench.child import answer_with
from detector.bench.lap import Lap
print("chatter of a library")
answer_with(lambda task: Lap(task.events, task.seconds, 0.5), Lap)
"""
FAILS = "raise SystemExit('out of luck')"
HANGS = "import time; time.sleep(600)"


@pytest.fixture
def as_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that `python -m` of a child finds: modules put there can be run."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    return tmp_path


def ask(folder: Path, script: str, timeout_s: float) -> Lap:
    (folder / "child_of_test.py").write_text(script, encoding="utf-8")
    return run_child("child_of_test", Lap(7, 2.0, 0.0), Lap, log=folder / "log", timeout_s=timeout_s)


def test_the_task_goes_in_and_the_answer_comes_out(as_module: Path) -> None:
    assert Lap(7, 2.0, 0.5) == ask(as_module, ANSWERS, 60)


def test_a_child_that_fails_is_quoted(as_module: Path) -> None:
    with pytest.raises(KozamoriError, match="status 1: out of luck"):
        ask(as_module, FAILS, 60)


def test_a_child_that_hangs_is_ended(as_module: Path) -> None:
    with pytest.raises(KozamoriError, match="longer than 1 s"):
        ask(as_module, HANGS, 1)
    running = [child.cmdline() for child in psutil.Process().children(recursive=True)]
    assert not [command for command in running if sys.executable in command and "child_of_test" in command]
