"""Simulated attacks in sums of a history: more debits, each of what somebody asked for."""

import numpy as np
import numpy.typing as npt
import pytest
from support.models import make_batch

from detector.contract.batch import Batch
from detector.contract.vocabulary import DEBIT, LINK, MONTHLY_CAP_YEN
from models.small_sums import HIGHEST, MOST_PARTS, UNIT_YEN, Split, in_small_sums

SUMS = np.arange(1, 201) * 100  # yen
CASES, DEBITS, DRAINED, TESTED = 200, 4, 100_000, 1_000


def cases() -> tuple[Batch, npt.NDArray[np.int64]]:
    """Of each case a link, a test and drains."""
    kind, amount = [LINK] + [DEBIT] * DEBITS, [0, TESTED] + [DRAINED] * (DEBITS - 1)
    n = CASES * len(kind)
    batch = make_batch(
        n,
        kind=np.tile(kind, CASES).astype(np.int8),
        amount_yen=np.tile(amount, CASES),
        event_id=np.arange(1, n + 1, dtype=np.uint64),
    )
    return batch, np.repeat(np.arange(CASES), len(kind))


def split(usual_yen: int = 0, sums: npt.NDArray[np.int64] = SUMS, seed: int = 1) -> Split:
    batch, case = cases()
    return in_small_sums(np.random.default_rng(seed), batch, case, np.full(CASES, usual_yen), sums)


def changed(found: Split) -> npt.NDArray[np.bool_]:
    """Which of the events have another sum than the one they come from."""
    batch, _ = cases()
    other: npt.NDArray[np.bool_] = found.batch.amount_yen != batch.amount_yen[found.given]
    return other


def test_some_cases_are_in_sums_of_the_history_and_more_debits_and_the_others_as_they_were() -> None:
    batch, case = cases()
    found = split()
    other = changed(found)
    assert 0.05 < len(np.unique(case[found.given[other]])) / CASES < 0.95
    assert np.isin(found.batch.amount_yen[other], SUMS).all()
    times = np.bincount(found.given, minlength=batch.size)
    assert set(range(1, MOST_PARTS + 1)) == set(times[batch.amount_yen == DRAINED].tolist())
    assert {1} == set(times[batch.amount_yen != DRAINED].tolist()), "links and tests stay single"
    assert np.array_equal(batch.kind[found.given], found.batch.kind)


def test_tests_before_a_drain_stay_small() -> None:
    found = split()
    assert not (changed(found) & (cases()[0].amount_yen[found.given] == TESTED)).any()


def test_parts_follow_each_other_under_ids_of_their_own() -> None:
    found = split()
    assert found.batch.size == len(np.unique(found.batch.event_id))
    again = np.flatnonzero(np.diff(found.given) == 0)
    assert len(again)
    assert (np.diff(found.later_ms)[again] > 0).all()


def test_a_thief_asks_for_more_than_his_victim() -> None:
    usual = int(SUMS[len(SUMS) // 2])
    found = split(usual)
    assert (found.batch.amount_yen[changed(found)] >= usual).all()
    highest = split(int(SUMS[-1]))
    assert (highest.batch.amount_yen[changed(highest)] >= SUMS[int(HIGHEST * len(SUMS))]).all()


def test_no_case_takes_more_than_a_wallet_may_in_a_month() -> None:
    found = split(sums=np.array([90_000]))
    other = changed(found)
    taken = np.bincount(cases()[1][found.given[other]], found.batch.amount_yen[other])
    assert 0 < taken.max() <= MONTHLY_CAP_YEN
    assert not (found.batch.amount_yen[other] % UNIT_YEN).any()


def test_without_sums_nothing_changes() -> None:
    batch, _ = cases()
    found = split(sums=np.empty(0, np.int64))
    assert [column.tobytes() for column in batch] == [column.tobytes() for column in found.batch]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_seed_gives_the_same_events(seed: int) -> None:
    first, second = split(seed=seed), split(seed=seed)
    assert first.batch.amount_yen.tobytes() == second.batch.amount_yen.tobytes()
    assert split(seed=3).batch.amount_yen.tobytes() != first.batch.amount_yen.tobytes()
