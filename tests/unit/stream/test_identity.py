"""Offsets are trusted only on the log they were made for."""

import pytest
from support.stages import COUNTING, rows_of

from detector.errors import UserError
from detector.stream.changelog import Header, Recovery
from detector.stream.identity import check_log
from detector.stream.marks import Marks

EXPECTED = Header("account-events", "id-1", 4, "counting")


MARKS = Marks(1)


def recovery(header: Header | None = EXPECTED, *, rows: bool = True) -> Recovery:
    found = Recovery(COUNTING)
    found.header = header
    if rows:
        found.rows.load(rows_of((1, 5)))
    return found


def check(found: Recovery, committed: int | None = 50, marks: Marks = MARKS, begin: int = 10, end: int = 100) -> None:
    check_log(0, EXPECTED, found, committed, marks, begin, end)


@pytest.mark.parametrize("committed", [10, 50, 100])
def test_a_commit_within_the_log_is_taken(committed: int) -> None:
    check(recovery(), committed)


def test_a_first_start_is_taken() -> None:
    check(recovery(None, rows=False), None, Marks())


def test_a_start_after_a_crash_between_first_commit_and_header_is_taken() -> None:
    check(recovery(None, rows=False), 10, Marks())


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (Header("account-events", "id-2", 4, "counting"), "re-created"),
        (Header("account-events", "id-1", 3, "counting"), "has 4 partitions, state was built with 3"),
        (Header("account-events", "id-1", 4, "wallet"), "belongs to stage wallet"),
        (Header("other", "id-1", 4, "counting"), "of other"),
    ],
)
def test_another_log_is_refused_with_the_way_out(found: Header, message: str) -> None:
    with pytest.raises(UserError, match=rf"{message}.*kozamori state"):
        check(recovery(found))


@pytest.mark.parametrize(("committed", "begin", "end"), [(9, 10, 100), (101, 10, 100), (0, 10, 10)])
def test_a_commit_outside_the_log_is_refused(committed: int, begin: int, end: int) -> None:
    with pytest.raises(UserError, match="outside the log"):
        check(recovery(), committed, begin=begin, end=end)


def test_rows_without_a_commit_are_refused() -> None:
    with pytest.raises(UserError, match="no committed offset"):
        check(recovery(), None)


@pytest.mark.parametrize("found", [recovery(None), recovery(None, rows=False)])
def test_a_lost_changelog_is_refused(found: Recovery) -> None:
    with pytest.raises(UserError, match="changelog of its rows is gone"):
        check(found, 50, Marks(1))
