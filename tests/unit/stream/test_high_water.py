"""What a node has met of its upstreams counts once."""

import numpy as np

from detector.stream.high_water import MAX_EVENTS, HighWaterMarks, slot_of


def take(marks: HighWaterMarks, *events: tuple[int, int]) -> list[bool]:
    """Which of the next events, (slot, position) each, are new."""
    slots, positions = zip(*events, strict=True)
    found: list[bool] = marks.take(np.array(slots, np.int32), np.array(positions, np.int64)).tolist()
    return found


def test_an_upstreams_number_and_partition_make_one_slot() -> None:
    slots = [slot_of(upstream, partition, 3) for upstream in range(2) for partition in range(3)]
    assert list(range(6)) == slots


def test_at_first_nothing_was_met() -> None:
    marks = HighWaterMarks(3)
    assert [-1, -1, -1] == marks.marks.tolist()
    assert [True] == take(marks, (1, 0))
    assert [-1, 0, -1] == marks.marks.tolist()


def test_a_position_at_or_below_the_mark_was_met_before() -> None:
    marks = HighWaterMarks(1)
    assert [True, True, False, False, True] == take(marks, (0, 3), (0, 9), (0, 9), (0, 4), (0, 10))
    assert [10] == marks.marks.tolist()


def test_upstreams_have_marks_of_their_own() -> None:
    marks = HighWaterMarks(2)
    assert [True, True, False, False] == take(marks, (0, 5), (1, 5), (0, 5), (1, 2))
    assert [5, 5] == marks.marks.tolist()


def test_marks_go_on_from_where_they_were_and_what_is_new_has_none() -> None:
    marks = HighWaterMarks(4, (4, -1, 6))
    assert [4, -1, 6, -1] == marks.marks.tolist()
    assert [False, True, True, False, True] == take(marks, (0, 4), (0, 5), (1, 0), (2, 6), (3, 0))


def test_positions_of_years_fit() -> None:
    marks = HighWaterMarks(1)
    far = (2**46 - 1) * MAX_EVENTS + MAX_EVENTS - 1
    assert [True, False] == take(marks, (0, far), (0, far))
