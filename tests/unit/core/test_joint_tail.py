"""A joint tail against counting, and its contributions against all orders of its coordinates."""

from itertools import permutations

import numpy as np
import pytest

from detector.core.joint_tail import JointTail, Rarity
from models.joint_tails import fit

DAYS = 20
SIGN = np.array([1, -1, 1], np.float32)
CAP = np.array([np.inf, -2.0, 1], np.float32)  # of sign * x: less than 2 is no more risk
COLUMNS = np.array([3, 0, 4])


def events(n: int, seed: int) -> np.ndarray:
    """Events whose coordinates go together, some missing; float32 (n, 5)."""
    random = np.random.default_rng(seed)
    common = random.normal(size=(n, 1))
    X = np.exp(common * [[-1, 0, 0, 1, 0]] + random.normal(size=(n, 5)))
    X[:, 4] = random.random(n) < 0.3
    X[random.random(X.shape) < 0.05] = np.nan
    return X.astype(np.float32)


TRAINED = events(8_000, seed=1)


@pytest.fixture(scope="module")
def tail() -> JointTail:
    return fit(TRAINED, COLUMNS, SIGN, CAP, DAYS)


def counted(tail: JointTail, x: np.ndarray, coordinates: tuple[int, ...]) -> float:
    """Training events a day whose grid cells are at least those of `x` in these coordinates, ½ more in all days."""
    levels = np.array([tail.cells[[tail._step(row, j) for j in range(3)]] for row in (x, *TRAINED)])
    return float((levels[1:, coordinates] >= levels[0, coordinates]).all(axis=1).sum() + 0.5) / DAYS


def test_rarity_is_what_counting_says(tail: JointTail) -> None:
    for x in (TRAINED[0], np.array([3, 9, 9, 20, 1], np.float32), np.full(5, np.nan, np.float32)):
        rarity = tail.rarity(x, 5)
        np.testing.assert_allclose([counted(tail, x, (j,)) for j in range(3)], rarity.alone[COLUMNS], rtol=1e-9)
        assert counted(tail, x, (0, 1, 2)) == pytest.approx(rarity.together)
        np.testing.assert_array_equal([False, True, True, False, False], np.isnan(rarity.alone))
        assert isinstance(rarity, Rarity)


def test_contributions_are_the_mean_over_all_orders(tail: JointTail) -> None:
    for x in events(5, seed=2):
        value_of = {
            known: -np.log(counted(tail, x, known)) * tail.scale for size in range(4) for known in of_size(size)
        }
        expected = np.zeros(5)
        for order in permutations(range(3)):
            for position, j in enumerate(order):
                before = tuple(sorted(order[:position]))
                expected[COLUMNS[j]] += (value_of[tuple(sorted((*before, j)))] - value_of[before]) / 6
        expected[COLUMNS] += tail.ranks[[tail._step(x, j) for j in range(3)]]
        np.testing.assert_allclose(expected, tail.contributions(x, 5), rtol=0, atol=1e-9)


def of_size(size: int) -> set[tuple[int, ...]]:
    return {tuple(sorted(order[:size])) for order in permutations(range(3))}


def test_contributions_add_up_to_the_score_for_100_000_random_rows(tail: JointTail) -> None:
    X = events(100_000, seed=3)
    np.testing.assert_allclose(tail.score_many(X), [tail.contributions(x, 5).sum() for x in X], rtol=0, atol=1e-9)
