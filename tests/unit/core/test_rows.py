import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stages import ROW, rows_of

from detector.core import rows as module
from detector.core.rows import FIRST_CAPACITY, PackedRows
from detector.core.stages.account import ACCOUNT

KEYS = np.array([7, 1 << 63, 0, 7], np.uint64)


def packed(*keys_and_offsets: tuple[int, int]) -> PackedRows:
    rows = PackedRows(ROW)
    rows.load(rows_of(*keys_and_offsets))
    return rows


def content(rows: PackedRows) -> list[tuple[int, int]]:
    return [(int(row["key"]), int(row["last_offset"])) for row in rows.snapshot()]


def test_an_unknown_key_gets_an_empty_row_and_a_known_one_its_own() -> None:
    rows = PackedRows(ROW)
    ids = rows.locate(KEYS)
    assert [0, 1, 2, 0] == ids.tolist()
    empty = np.zeros(3, ROW)
    empty["key"], empty["last_offset"] = KEYS[:3], -1
    assert empty.tobytes() == rows.rows[:3].tobytes()
    assert [0, -1] == rows.find(np.array([7, 8], np.uint64)).tolist()
    assert 3 == rows.count


def test_no_keys_give_no_rows() -> None:
    nothing = np.empty(0, np.uint64)
    rows = PackedRows(ROW)
    assert ([], [], 0) == (rows.locate(nothing).tolist(), rows.find(nothing).tolist(), rows.count)
    assert 0 == len(rows.snapshot()) == len(rows.take_dirty()) == len(rows.expire(10, 1, 10))


def test_growing_keeps_numbers_rows_and_dirty_set() -> None:
    rows = PackedRows(ROW)
    first = rows.locate(np.array([5], np.uint64))
    rows.rows["yen"][first] = 300_000
    rows.mark_dirty(first)
    many = np.arange(100, 100 + 10 * FIRST_CAPACITY, dtype=np.uint64)
    ids = rows.locate(many)
    assert 10 * FIRST_CAPACITY + 1 == rows.count == len(set(ids.tolist()) | set(first.tolist()))
    assert ids.tolist() == rows.find(many).tolist()
    assert [(5, 300_000)] == [(row["key"], row["yen"]) for row in rows.take_dirty()]


def test_of_loaded_rows_with_one_key_the_greatest_position_stays_whatever_the_order() -> None:
    loaded = rows_of((1, 5), (2, 9), (1, 7), (1, 6), (2, 9))
    loaded["last_index"][1:] = [3, 0, 0, 4]
    for order in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0]):
        rows = PackedRows(ROW)
        rows.load(loaded[order[:2]])
        rows.load(loaded[order[2:]])
        assert [(1, 7, 0), (2, 9, 4)] == rows.snapshot()[["key", "last_offset", "last_index"]].tolist()
        assert 0 == rows.dirty_count


def test_read_only_bytes_are_loaded() -> None:
    rows = PackedRows(ROW)
    rows.load(np.frombuffer(rows_of((3, 4)).tobytes(), ROW))
    assert [(3, 4)] == content(rows)


def test_rows_of_another_layout_are_refused() -> None:
    with pytest.raises(ValueError, match="fields"):
        PackedRows(ROW).load(np.zeros(1, ACCOUNT.row))


def test_dirty_rows_are_taken_once_as_copies_in_the_order_of_their_first_change() -> None:
    rows = packed((10, 0), (20, 0), (30, 0))
    rows.mark_dirty(np.array([2, 0]))
    rows.mark_dirty(np.array([0, 2]))
    assert 2 == rows.dirty_count
    taken = rows.take_dirty()
    assert [30, 10] == taken["key"].tolist()
    taken["yen"] = 1
    assert [0, 0, 0] == rows.snapshot()["yen"].tolist()
    assert 0 == rows.dirty_count == len(rows.take_dirty())


def test_a_snapshot_is_sorted_by_key() -> None:
    assert [(1, 4), (5, 1), (1 << 63, 2)] == content(packed((5, 1), (1 << 63, 2), (1, 4)))


@pytest.mark.parametrize(
    ("last_seen_ms", "last_offset", "dirty", "removed"),
    [
        (99, 5, False, True),
        (100, 5, False, False),  # seen exactly a time to live ago: not longer
        (99, 5, True, False),
        (99, 9, False, False),  # may be replayed
        (99, 10, False, False),
    ],
)
def test_only_rows_expired_clean_and_committed_are_removed(
    last_seen_ms: int, last_offset: int, *, dirty: bool, removed: bool
) -> None:
    loaded = rows_of((1, last_offset))
    loaded["last_seen_ms"] = last_seen_ms
    rows = PackedRows(ROW)
    rows.load(loaded)
    if dirty:
        rows.mark_dirty(np.array([0]))
    assert [1] * removed == rows.expire(1_100, 1_000, 9).tolist()
    assert int(not removed) == rows.count == len(rows.snapshot())


def test_a_key_that_returns_after_removal_is_empty_to_the_last_byte() -> None:
    rows = PackedRows(ROW)
    loaded = rows_of((1, 5))
    loaded["yen"], loaded["recent_ids"] = 9, 9
    rows.load(loaded)
    rows.expire(1_000, 1, 9)
    empty = np.zeros(1, ROW)
    empty["key"], empty["last_offset"] = 1, -1
    assert [0] == rows.locate(np.array([1], np.uint64)).tolist()
    assert empty.tobytes() == rows.rows[:1].tobytes()


def test_memory_is_given_back_when_most_rows_have_expired() -> None:
    rows = PackedRows(ROW)
    rows.load(rows_of(*((key, 1) for key in range(1, 64 * FIRST_CAPACITY + 1))))
    full = rows.nbytes
    rows.mark_dirty(np.array([5]))
    assert 64 * FIRST_CAPACITY - 1 == len(rows.expire(1_000, 1, 9))
    assert FIRST_CAPACITY == len(rows.rows)
    assert rows.nbytes < full / 50
    assert [6] == rows.take_dirty()["key"].tolist() == rows.snapshot()["key"].tolist()


def test_keys_that_share_a_slot_are_distinguished_also_after_removals() -> None:
    candidates = np.random.default_rng(1).integers(0, 2**63, 200_000).astype(np.uint64)
    with np.errstate(over="ignore"):
        slots = module._mix.py_func(candidates) & np.uint64(2 * FIRST_CAPACITY - 1)
    keys = candidates[slots >= 2 * FIRST_CAPACITY - 3][:200]  # the run goes round the end of the index
    rows = PackedRows(ROW)
    loaded = rows_of(*((int(key), 1) for key in keys))
    loaded["last_seen_ms"] = np.arange(len(keys)) % 3 * 1_000
    rows.load(loaded)
    expired = rows.expire(2_500, 1_000, 9)
    assert set(keys[loaded["last_seen_ms"] < 1_500].tolist()) == set(expired.tolist())
    left = keys[loaded["last_seen_ms"] >= 1_500]
    assert left.tolist() == rows.rows["key"][rows.find(left)].tolist()
    assert {-1} == set(rows.find(expired).tolist())


def test_neither_even_nor_aligned_keys_make_long_runs() -> None:
    rows = PackedRows(ROW)
    for keys in (np.arange(1, 500, dtype=np.uint64), np.arange(1, 500, dtype=np.uint64) << np.uint64(40)):
        rows.locate(keys)
    used = np.flatnonzero(rows._slots)
    longest = max(len(run) for run in np.split(used, np.flatnonzero(np.diff(used) > 1) + 1))
    assert longest < 30  # at a load of one half, 2,048 slots; a bad hash makes one run of 500


def test_a_million_accounts_take_less_than_330_megabytes() -> None:
    per_million = 1_000_000 * (ACCOUNT.row.itemsize + 8) + 2 * 2**20 * 8
    assert per_million < 330e6
    rows = PackedRows(ACCOUNT.row)
    rows.locate(np.arange(1, 4 * FIRST_CAPACITY + 1, dtype=np.uint64))
    assert rows.nbytes <= 4 * FIRST_CAPACITY * (ACCOUNT.row.itemsize + 8 + 16)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("locate"), st.integers(0, 40)),
        st.tuples(st.just("load"), st.integers(0, 40)),
        st.tuples(st.just("expire"), st.integers(0, 30)),
        st.tuples(st.just("take"), st.just(0)),
    ),
    max_size=60,
)


@given(steps)
@settings(max_examples=60, deadline=None)
def test_rows_behave_like_a_dictionary(steps: list[tuple[str, int]]) -> None:
    rows, expected, dirty = PackedRows(ROW), dict[int, tuple[int, int]](), list[int]()
    for time, (step, number) in enumerate(steps):
        if step == "locate":
            row_id = rows.locate(np.array([number], np.uint64))
            rows.rows["last_offset"][row_id], rows.rows["last_seen_ms"][row_id] = time, time
            rows.mark_dirty(row_id)
            expected[number] = (time, time)
            dirty += [number] * (number not in dirty)
        elif step == "load":
            loaded = rows_of((number, time - 3))
            loaded["last_seen_ms"] = time
            rows.load(loaded)
            if expected.get(number, (-9, 0))[0] < time - 3:
                expected[number] = (time - 3, time)
        elif step == "expire":
            gone = {k for k, (o, seen) in expected.items() if time - seen > 5 and k not in dirty and o < number}
            assert gone == set(rows.expire(time, 5, number).tolist())
            expected = {key: value for key, value in expected.items() if key not in gone}
        else:
            assert dirty == rows.take_dirty()["key"].tolist()
            dirty = []
        found = rows.snapshot()[["key", "last_offset", "last_seen_ms"]].tolist()
        assert sorted((key, *value) for key, value in expected.items()) == found
