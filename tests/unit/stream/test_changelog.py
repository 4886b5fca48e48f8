"""What recovery makes of a changelog: the furthest row of each key, whoever wrote it, or a refusal."""

import time
from collections.abc import Callable

import numpy as np
import pytest
from support.changelogs import feed
from support.stages import COUNTING, rows_of

from detector.errors import UserError
from detector.stream.changelog import (
    HEADER_KEY,
    Header,
    Recovery,
    Superseded,
    encode_header,
    encode_rows,
    encode_tombstones,
)
from detector.stream.packed import Record
from detector.stream.pairs import KEY, LEAST_WAITING

HEADER = Header("account-events", "uuid", 4, "counting")


def recovered(*records: Record, slices: int = 1) -> Recovery:
    recovery = Recovery(COUNTING)
    for part in np.array_split(np.arange(len(records)), slices):
        feed(recovery, [records[i] for i in part])
    return recovery


def offsets(recovery: Recovery) -> dict[int, int]:
    rows = recovery.rows.snapshot()
    return dict(zip(rows["key"].tolist(), rows["last_offset"].tolist(), strict=True))


def test_rows_come_back_byte_for_byte() -> None:
    rows = rows_of((1, 10), (2, 11))
    assert rows.tobytes() == recovered(*encode_rows(rows, 7)).rows.snapshot().tobytes()


@pytest.mark.parametrize("slices", [1, 2, 3, 4])
def test_the_greatest_offset_wins_over_the_order_of_the_log_and_over_writers(slices: int) -> None:
    records = [
        *encode_rows(rows_of((1, 5)), 7),
        *encode_rows(rows_of((1, 9)), 8),
        *encode_rows(rows_of((1, 3)), 9),
        *encode_rows(rows_of((2, 4)), 9),
    ]
    assert {1: 9, 2: 4} == offsets(recovered(*records, slices=slices))


def test_an_empty_changelog_gives_no_rows_and_no_header() -> None:
    recovery = Recovery(COUNTING)
    assert (0, None) == (recovery.rows.count, recovery.header)


def test_one_record_is_restored() -> None:
    assert {1: 5} == offsets(recovered(*encode_rows(rows_of((1, 5)), 7)))


def test_a_tombstone_only_ever_means_less_to_read() -> None:
    records = [*encode_rows(rows_of((1, 5), (2, 6)), 7), *encode_tombstones(np.array([1], np.uint64), 3)]
    assert {1: 5, 2: 6} == offsets(recovered(*records))


def test_the_header_is_found_among_rows() -> None:
    recovery = recovered(*encode_rows(rows_of((1, 5)), 7), encode_header(HEADER), *encode_rows(rows_of((2, 6)), 7))
    assert HEADER == recovery.header
    assert {1: 5, 2: 6} == offsets(recovery)


def test_a_header_that_is_none_is_refused() -> None:
    with pytest.raises(UserError, match="kozamori state show"):
        recovered((HEADER_KEY, b"?"))


@pytest.mark.parametrize("version", [2, 4])
def test_rows_of_another_version_are_refused_not_skipped(version: int) -> None:
    with pytest.raises(UserError, match=f"version {version}, this release reads 3"):
        recovered(*encode_rows(rows_of((1, 5)), 7), *encode_rows(rows_of((2, 6), version=version), 7))


def test_rows_of_another_kernel_are_refused() -> None:
    rows = rows_of((1, 5))
    rows["kernel"] ^= 1
    with pytest.raises(UserError, match="another kernel"):
        recovered(*encode_rows(rows, 7))


def test_pairs_met_twice_are_sorted_out_faster_than_numpy_sorts_structures() -> None:
    random = np.random.default_rng(1)
    pairs = np.zeros(200_000, KEY)
    pairs["key"], pairs["writer"] = random.integers(1, 60_000, (2, len(pairs)), dtype=np.uint64) // [[1], [20_000]]
    expected = np.unique(pairs)
    keys, writers = Superseded(pairs).take(np.unique(pairs["key"]))
    assert expected["key"].tolist() == keys.tolist()
    assert expected["writer"].tolist() == writers.tolist()
    assert 2 * least_s(lambda: Superseded(pairs)) < least_s(lambda: np.unique(pairs))


def least_s(work: Callable[[], object]) -> float:
    """CPU seconds of the fastest of five runs."""
    spent = []
    for _ in range(5):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent)


def followed_for_long(rounds: int, *, deletes: bool) -> Recovery:
    """Each of 10,000 keys written anew in every round, and, where it `deletes`, nine of ten deleted in the first."""
    recovery, keys = Recovery(COUNTING), np.arange(10_000, dtype=np.uint64)
    for number in range(rounds):
        rows = np.repeat(rows_of((0, number)), 10_000 if not deletes or number == 0 else 1_000)
        rows["key"] = keys[: len(rows)]
        records = [*encode_rows(rows, 7), *(encode_tombstones(keys[1_000:], 7) if deletes and number == 0 else ())]
        feed(recovery, records)
    return recovery


def test_whoever_follows_a_changelog_for_long_needs_no_more_memory_than_its_rows() -> None:
    recovery = followed_for_long(40, deletes=False)
    assert 10_000 == recovery.rows.count
    assert len(recovery._pairs.met()) <= LEAST_WAITING + 20_000
    keys, _ = recovery.superseded().take(np.arange(10_000, dtype=np.uint64))
    assert 10_000 == len(keys)


def test_rows_deleted_while_it_follows_are_let_go_and_what_comes_after_is_not() -> None:
    recovery = followed_for_long(140, deletes=True)
    assert {139} == set(offsets(recovery).values())
    assert 1_000 == recovery.rows.count
    feed(recovery, encode_rows(rows_of((5_000, 200)), 8))
    assert 200 == offsets(recovery)[5_000]


def test_superseded_pairs_are_handed_out_once() -> None:
    pairs = np.array([(1, 3), (1, 4), (2, 3), (9, 5)], KEY)
    superseded = Superseded(pairs)
    keys, writers = superseded.take(np.array([9, 1, 5], np.uint64))
    assert [(9, 5), (1, 3), (1, 4)] == list(zip(keys.tolist(), writers.tolist(), strict=True))
    assert 0 == len(superseded.take(np.array([9, 1], np.uint64))[0])
    assert [3] == superseded.take(np.array([2], np.uint64))[1].tolist()
    assert 0 == len(superseded.take(np.array([], np.uint64))[0])


def test_recovery_knows_every_pair_it_met_once() -> None:
    recovery = recovered(
        *encode_rows(rows_of((1, 5)), 7), *encode_rows(rows_of((1, 6)), 7), *encode_rows(rows_of((1, 9)), 8)
    )
    assert [7, 8] == recovery.superseded().take(np.array([1], np.uint64))[1].tolist()
