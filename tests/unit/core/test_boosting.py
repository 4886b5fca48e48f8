"""Boosted trees as leaf sets against a walk of the same trees, and their contributions against the definition."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from support.oracle_shapley import Table, expectation, shapley

from detector.core.boosting import Boosting
from models.flatten import flatten_boosting

N, FEATURES = 3_000, 5
COLUMNS = np.array([6, 0, 3, 1, 4])  # of a feature matrix of eight


def events(n: int, seed: int) -> np.ndarray:
    """Continuous, few values, heavy tails, missing in turn; float32 (n, 8)."""
    random = np.random.default_rng(seed)
    X = np.exp(random.normal(0, [0.1, 1, 3, 1, 1, 5, 2, 1], (n, 8)))
    X[:, 3] = random.integers(0, 4, n)
    X[random.random(X.shape) < 0.1] = np.nan
    return X.astype(np.float32)


def booster(turns: int, leaves: int) -> HistGradientBoostingClassifier:
    X = events(N, seed=1)
    labels = np.nan_to_num(X[:, 6]) + np.nan_to_num(X[:, 1], nan=3) * (X[:, 3] > 1) > 3
    fitted = HistGradientBoostingClassifier(
        max_iter=turns, max_leaf_nodes=leaves, learning_rate=0.3, early_stopping=False, random_state=1
    )
    return fitted.fit(X[:, COLUMNS], labels)


@pytest.fixture(scope="module")
def theirs() -> HistGradientBoostingClassifier:
    return booster(40, 31)


def test_log_odds_equal_scikit_learn(theirs: HistGradientBoostingClassifier) -> None:
    X = events(500, seed=2)
    ours = flatten_boosting(theirs, COLUMNS)
    np.testing.assert_allclose(theirs.decision_function(X[:, COLUMNS]), ours.log_odds(X), rtol=0, atol=1e-9)


def table_of(trees: Boosting) -> Table:
    return Table(
        trees.feature, trees.threshold, ~trees.missing_left, trees.left, trees.right, trees.value, trees.cover
    )  # fmt: skip


def test_contributions_are_shapley_values_of_the_log_odds() -> None:
    ours = flatten_boosting(booster(12, 8), COLUMNS)
    for x in events(4, seed=3):
        expected = np.zeros(8)
        expected[COLUMNS] = shapley(table_of(ours), x[COLUMNS])
        np.testing.assert_allclose(expected, ours.contributions(x, 8), rtol=0, atol=1e-9)


def test_what_is_expected_is_the_log_odds_when_nothing_is_known() -> None:
    ours = flatten_boosting(booster(12, 8), COLUMNS)
    x = np.zeros(FEATURES, np.float32)
    assert ours.baseline + expectation(table_of(ours), x, ()) == pytest.approx(ours.expected, abs=1e-12)


def test_contributions_add_up_to_the_log_odds_for_100_000_random_rows() -> None:
    ours = flatten_boosting(booster(4, 31), COLUMNS)
    X = events(100_000, seed=4)
    np.testing.assert_allclose(
        ours.log_odds(X) - ours.expected, [ours.contributions(x, 8).sum() for x in X], rtol=0, atol=1e-9
    )


def test_contributions_of_trees_as_trained_add_up_to_the_log_odds(theirs: HistGradientBoostingClassifier) -> None:
    ours, X = flatten_boosting(theirs, COLUMNS), events(500, seed=5)
    np.testing.assert_allclose(
        ours.log_odds(X) - ours.expected, [ours.contributions(x, 8).sum() for x in X], rtol=0, atol=1e-9
    )
