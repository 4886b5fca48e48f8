"""The files that take longest are there, and their tests come first."""

from pathlib import Path
from typing import cast

import pytest
from support.longest_first import LONGEST, longest_first

TESTS = Path(__file__).parents[2]


class Item:
    def __init__(self, nodeid: str) -> None:
        self.nodeid = nodeid


def test_every_file_that_takes_long_is_there_once() -> None:
    assert [] == [name for name in LONGEST if not (TESTS / name).is_file()]
    assert len(LONGEST) == len(set(LONGEST))


def test_tests_of_long_files_come_first_and_in_a_file_nothing_changes() -> None:
    last, first = LONGEST[-1], LONGEST[0]
    before = ["tests/unit/a.py::one", f"tests/{last}::b", f"tests/{first}::d", f"tests/{last}::a", f"tests/{first}::c"]
    items = cast("list[pytest.Item]", [Item(nodeid) for nodeid in before])
    expected = [before[2], before[4], before[1], before[3], before[0]]
    assert expected == [item.nodeid for item in longest_first(items)]
