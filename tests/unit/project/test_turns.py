"""A test that goes by the clock has the run's processes to itself; the others run side by side."""

import threading
from pathlib import Path

import pytest
from support.turns import Turns

PATIENCE_S = 10.0


@pytest.fixture
def turns(tmp_path: Path) -> Turns:
    folder = tmp_path / "turns"
    folder.mkdir()
    return Turns(str(folder))


class Other:
    """Another process's test, as a thread: flock goes by open file, as between processes."""

    def __init__(self, turns: Turns, *, alone: bool) -> None:
        self.has_turn, self.ends = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(turns, alone))
        self._thread.start()

    def _run(self, turns: Turns, alone: bool) -> None:
        with turns.turn(alone=alone):
            self.has_turn.set()
            assert self.ends.wait(PATIENCE_S)

    def end(self) -> None:
        self.ends.set()
        self._thread.join(PATIENCE_S)


def test_ordinary_tests_run_side_by_side(turns: Turns) -> None:
    other = Other(turns, alone=False)
    assert other.has_turn.wait(PATIENCE_S)
    with turns.turn(alone=False):
        assert not other.ends.is_set()
    other.end()


def test_who_wants_to_be_alone_waits_for_the_others_and_lets_no_more_in(turns: Turns) -> None:
    ordinary = Other(turns, alone=False)
    assert ordinary.has_turn.wait(PATIENCE_S)
    alone = Other(turns, alone=True)
    assert not alone.has_turn.wait(0.2)
    late = Other(turns, alone=False)
    assert not late.has_turn.wait(0.2)
    ordinary.end()
    assert alone.has_turn.wait(PATIENCE_S)
    assert not late.has_turn.is_set()
    alone.end()
    assert late.has_turn.wait(PATIENCE_S)
    late.end()


def test_the_locks_of_a_run_are_removed() -> None:
    turns = Turns()
    with turns.turn(alone=True):
        assert list(Path(turns.folder).iterdir())
    turns.close()
    assert not Path(turns.folder).exists()
