"""Offsets are trusted only on the log they were made for."""

from typing import Any

import pytest
from support.stages import COUNTING, rows_of

from detector.errors import UserError
from detector.kafka.marks import Marks
from detector.stream.changelog import Header, Recovery
from detector.stream.identity import RULES, Stored, broken_rule, check_log

EXPECTED = Header("account-events", "id-1", 4, "counting")
MARKS = Marks(1, "id-1")
#: Of a first commit: the topic is known, nothing else.
NO_MARKS = Marks(0, "id-1")


def recovery(header: Header | None = EXPECTED, *, rows: bool = True) -> Recovery:
    found = Recovery(COUNTING)
    found.header = header
    if rows:
        found.rows.load(rows_of((1, 5)))
    return found


def check(
    found: Recovery | None,
    committed: int | None = 50,
    marks: Marks = MARKS,
    begin: int = 10,
    end: int = 100,
    **more: Any,
) -> None:
    """`found` None: an input whose node keeps no rows."""
    header, rows = (found.header, found.rows.count) if found else (None, 0)
    check_log(0, Stored(EXPECTED, found is not None, header, rows, committed, marks, begin, end, **more))


@pytest.mark.parametrize("found", [recovery(), None], ids=["with rows", "keeps none"])
@pytest.mark.parametrize("committed", [10, 50, 100])
def test_a_commit_within_the_log_is_taken(committed: int, found: Recovery | None) -> None:
    check(found, committed)


@pytest.mark.parametrize("found", [recovery(None, rows=False), None], ids=["no rows yet", "keeps none"])
def test_a_first_start_is_taken(found: Recovery | None) -> None:
    check(found, None, NO_MARKS)


def test_a_start_after_a_crash_between_first_commit_and_header_is_taken() -> None:
    check(recovery(None, rows=False), 10, NO_MARKS)


def test_a_changelog_whose_rows_have_all_expired_is_taken() -> None:
    check(recovery(rows=False), 100)


@pytest.mark.parametrize("found", [recovery(), recovery(rows=False), None], ids=["rows", "no rows", "keeps none"])
@pytest.mark.parametrize("marks", [Marks(1, "id-0"), Marks(1)], ids=["another id", "no id"])
def test_a_commit_on_another_topic_of_the_same_name_is_refused(found: Recovery | None, marks: Marks) -> None:
    with pytest.raises(UserError, match=r"the topic was re-created \(id id-1, .*kozamori state"):
        check(found, 50, marks)


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


@pytest.mark.parametrize("found", [recovery(), None], ids=["with rows", "keeps none"])
def test_a_commit_beyond_the_log_is_refused(found: Recovery | None) -> None:
    with pytest.raises(UserError, match="outside the log"):
        check(found, 101)


@pytest.mark.parametrize("found", [recovery(), None], ids=["with rows", "keeps none"])
@pytest.mark.parametrize(("committed", "begin", "end"), [(9, 10, 100), (0, 10, 10)])
def test_events_that_were_deleted_unread_are_no_reason_to_refuse(
    found: Recovery | None, committed: int, begin: int, end: int
) -> None:
    check(found, committed, begin=begin, end=end)


def test_rows_without_a_commit_are_refused() -> None:
    with pytest.raises(UserError, match="no committed offset"):
        check(recovery(), None, NO_MARKS)


@pytest.mark.parametrize("found", [recovery(None), recovery(None, rows=False)])
def test_a_lost_changelog_is_refused(found: Recovery) -> None:
    with pytest.raises(UserError, match="changelog of its rows is gone"):
        check(found)


def test_offsets_that_went_while_a_later_stage_remembers_are_refused() -> None:
    with pytest.raises(UserError, match="no committed offset, but a-hop has events of it"):
        check(None, None, NO_MARKS, passed_on="a-hop")
    check(recovery(rows=False), None, NO_MARKS, passed_on="a-hop")  # its own header would show it


@pytest.mark.parametrize(("upstreams", "crcs"), [(4, (7,)), (2, (8,))], ids=["another number", "other nodes"])
def test_marks_of_other_upstreams_are_refused(upstreams: int, crcs: tuple[int, ...]) -> None:
    marks = Marks(1, "id-1", (5, -1), 7)
    check(recovery(), marks=marks, upstreams=2, upstreams_crcs=(7,))
    with pytest.raises(UserError, match=rf"of 2 upstream partitions of other stages .* {upstreams}: .*state reset"):
        check(recovery(), marks=marks, upstreams=upstreams, upstreams_crcs=crcs)


def test_the_first_rule_that_is_broken_counts_and_every_error_can_be_said() -> None:
    other = Stored(
        EXPECTED, True, Header("other", "id-2", 3, "wallet"), 1, 5, Marks(1, "id-3", (1,)), 10, 100, upstreams=2
    )
    assert "other log" == getattr(broken_rule(other), "name", "")
    for rule in RULES:
        said = rule.error.format(s=other)
        assert "{" not in said
        assert not said or "kozamori state" in said
