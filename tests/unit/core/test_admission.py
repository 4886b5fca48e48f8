from typing import NamedTuple

import numpy as np
import pytest
from support.stages import ROW

from detector.core.admission import APPLY, APPLY_FRESH, DUPLICATE, REPLAY, admit
from detector.core.rows import PackedRows

TTL_MS = 1_000
VERSION, KERNEL = 3, 0xFEED


class Seen(NamedTuple):
    """An event as admission sees it."""

    key: int
    offset: int
    time_ms: int
    event_id: int
    hop_index: int = 0


def admitted(rows: PackedRows, events: list[Seen], watermark_ms: int = 0, start: int = 0) -> tuple[list[int], int, int]:
    """Statuses up to the stop, the stop, the watermark."""
    status = np.full(len(events), -1, np.int8)
    stop, watermark_ms = admit(
        rows.rows,
        rows.locate(np.array([e.key for e in events], np.uint64)),
        np.array([e.offset for e in events], np.int64),
        np.array([e.hop_index for e in events], np.int32),
        np.array([e.time_ms for e in events], np.int64),
        np.array([e.event_id for e in events], np.uint64),
        start,
        watermark_ms,
        TTL_MS,
        VERSION,
        KERNEL,
        rows.dirty,
        status,
    )
    return status.tolist(), stop, watermark_ms


@pytest.mark.parametrize(
    ("why", "expected", "event"),
    [
        ("an offset below the row's is a replay", REPLAY, Seen(1, 4, 200, 99)),
        ("the row's own offset is a replay", REPLAY, Seen(1, 5, 200, 99)),
        ("a later index in the same message is none", APPLY, Seen(1, 5, 200, 99, 1)),
        ("a new event is applied", APPLY, Seen(1, 6, 200, 99)),
        ("a known id is a duplicate", DUPLICATE, Seen(1, 6, 200, 11)),
        ("a late event is applied", APPLY, Seen(1, 6, 50, 99)),
        ("last seen exactly a time to live ago is not expired", APPLY, Seen(1, 6, 1_100, 99)),
        ("last seen longer ago is", APPLY_FRESH, Seen(1, 6, 1_101, 99)),
        ("an expired row has forgotten its ids", APPLY_FRESH, Seen(1, 6, 1_101, 11)),
        ("an unknown key is fresh", APPLY_FRESH, Seen(2, 0, 200, 11)),
        ("the smallest offset is no replay to an empty row", APPLY_FRESH, Seen(2, 0, 0, 99)),
    ],
)
def test_every_event_gets_its_status(why: str, expected: int, event: Seen) -> None:
    rows = PackedRows(ROW)
    assert ([APPLY_FRESH], 1, 100) == admitted(rows, [Seen(1, 5, 100, 11)])
    assert [expected] == admitted(rows, [event], 100)[0], why


def test_the_header_says_what_was_applied_last() -> None:
    rows = PackedRows(ROW)
    admitted(rows, [Seen(9, 3, 700, 11), Seen(9, 4, 600, 12, 2)])
    expected = np.zeros(1, ROW)
    for name, value in {
        "version": VERSION,
        "kernel": KERNEL,
        "key": 9,
        "recent_next": 2,
        "last_offset": 4,
        "last_index": 2,
        "last_seen_ms": 700,
        "recent_ids": [11, 12, 0, 0],
    }.items():
        expected[name] = value
    assert expected.tobytes() == rows.snapshot().tobytes()


def test_a_replay_changes_nothing_and_is_not_dirty_but_moves_the_watermark() -> None:
    rows = PackedRows(ROW)
    admitted(rows, [Seen(1, 5, 100, 11)])
    rows.take_dirty()
    before = rows.snapshot().tobytes()
    assert ([REPLAY], 1, 900) == admitted(rows, [Seen(1, 5, 900, 12)], 100)
    assert before == rows.snapshot().tobytes()
    assert 0 == rows.dirty_count


def test_a_duplicate_moves_the_position_on_and_nothing_else_and_is_dirty() -> None:
    rows = PackedRows(ROW)
    admitted(rows, [Seen(1, 5, 100, 11)])
    expected = rows.take_dirty()
    expected["last_offset"] = 8
    assert [DUPLICATE] == admitted(rows, [Seen(1, 8, 300, 11)], 100)[0]
    assert expected.tobytes() == rows.take_dirty().tobytes()
    assert [REPLAY] == admitted(rows, [Seen(1, 8, 300, 11)], 100)[0]


def test_ids_are_remembered_for_four_events_of_the_key() -> None:
    rows = PackedRows(ROW)
    admitted(rows, [Seen(1, offset, 100, 10 + offset) for offset in range(5)])
    admitted(rows, [Seen(2, 5, 100, 99)])
    assert [DUPLICATE, DUPLICATE, DUPLICATE, DUPLICATE, APPLY] == [
        admitted(rows, [Seen(1, 10 + k, 100, event_id)])[0][0] for k, event_id in enumerate([14, 13, 12, 11, 10])
    ]


def test_events_without_an_id_are_never_duplicates() -> None:
    assert [APPLY_FRESH, APPLY] == admitted(PackedRows(ROW), [Seen(1, 0, 1, 0), Seen(1, 1, 1, 0)])[0]


def test_it_stops_before_clearing_a_row_it_has_touched_and_goes_on_from_there() -> None:
    rows = PackedRows(ROW)
    events = [Seen(1, 0, 100, 11), Seen(2, 1, 5_000, 12), Seen(1, 2, 100, 13), Seen(1, 3, 5_000, 14)]
    assert ([APPLY_FRESH, APPLY_FRESH, -1, -1], 2, 5_000) == admitted(rows, events)
    assert ([-1, -1, APPLY_FRESH, -1], 3, 5_000) == admitted(rows, events, 5_000, 2)
    assert ([-1, -1, -1, APPLY_FRESH], 4, 5_000) == admitted(rows, events, 5_000, 3)


def test_the_stop_leaves_row_and_watermark_as_they_were() -> None:
    rows = PackedRows(ROW)
    status, stop, watermark_ms = admitted(rows, [Seen(1, 0, 100, 11), Seen(1, 1, 9_000, 12)])
    assert ([APPLY_FRESH, -1], 1, 100) == (status, stop, watermark_ms)
    assert [(0, 100)] == rows.snapshot()[["last_offset", "last_seen_ms"]].tolist()


def test_a_row_written_ahead_of_the_commit_never_holds_it_up() -> None:
    rows = PackedRows(ROW)
    admitted(rows, [Seen(1, 5, 100, 11)])
    events = [Seen(2, 4, 9_000, 12), Seen(1, 6, 9_000, 13)]
    seen, start, watermark_ms = list[int](), 0, 0
    while start < len(events):
        status, stop, watermark_ms = admitted(rows, events, watermark_ms, start)
        assert stop > start
        seen, start = seen + status[start:stop], stop
    assert [APPLY_FRESH, APPLY_FRESH] == seen


def test_statuses_are_the_numbers_that_metrics_know() -> None:
    assert (0, 1, 2, 3) == (APPLY, APPLY_FRESH, REPLAY, DUPLICATE)
