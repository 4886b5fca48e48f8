"""The flat forest against scikit-learn, and against a slow walk over scikit-learn's own trees."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest
from support.oracle_shapley import Table, shapley

from detector.core.forest import Forest
from detector.core.surprise import fit_surprise
from models.flatten import average_path_length, flatten, fold


def random_features(n: int, columns: int, seed: int) -> np.ndarray:
    """Continuous, integer, constant and heavy-tailed columns in turn."""
    rng = np.random.default_rng(seed)
    makers: list[Callable[[], np.ndarray]] = [
        lambda: rng.normal(size=n),
        lambda: rng.integers(0, 5, n).astype(float),
        lambda: np.full(n, 3.25),
        lambda: np.exp(5 * rng.normal(size=n)),
    ]
    return np.stack([makers[j % 4]() for j in range(columns)], axis=1).astype(np.float32)


SHAPES = [
    # max_samples, trees, columns, max_features
    (2, 100, 3, 1.0),
    (3, 7, 1, 1.0),
    (16, 1, 5, 1.0),
    (256, 100, 30, 1.0),
    (256, 33, 40, 0.4),
    (777, 26, 12, 0.5),
    (4096, 20, 9, 1.0),
]


@pytest.mark.parametrize(("max_samples", "trees", "columns", "max_features"), SHAPES)
def test_scores_equal_scikit_learn(max_samples: int, trees: int, columns: int, max_features: float) -> None:
    X = random_features(5000, columns, seed=max_samples)
    theirs = IsolationForest(
        n_estimators=trees, max_samples=max_samples, max_features=max_features, random_state=1
    ).fit(X)
    new = np.concatenate([X[:400], 3 * X[400:531]])
    np.testing.assert_allclose(flatten(theirs).score_many(new), -theirs.score_samples(new), rtol=0, atol=1e-6)


def test_scores_equal_scikit_learn_where_every_column_is_constant() -> None:
    X = np.ones((50, 3), np.float32)
    theirs = IsolationForest(n_estimators=9, random_state=1).fit(X)
    np.testing.assert_allclose(flatten(theirs).score_many(X), -theirs.score_samples(X), rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def events() -> np.ndarray:
    return random_features(3000, 8, seed=5)


@pytest.fixture(scope="module")
def theirs(events: np.ndarray) -> IsolationForest:
    return IsolationForest(n_estimators=30, max_samples=200, random_state=3).fit(events)


@pytest.mark.parametrize("n", [1, 7, 8, 9, 16, 61])
def test_an_event_scores_the_same_bit_for_bit_in_any_batch(theirs: IsolationForest, events: np.ndarray, n: int) -> None:
    forest = flatten(theirs)
    alone = np.concatenate([forest.score_many(events[i : i + 1]) for i in range(n)])
    assert alone.tobytes() == forest.score_many(events[:n]).tobytes()


def test_scores_only_the_rows_asked_for(theirs: IsolationForest, events: np.ndarray) -> None:
    forest = flatten(theirs)
    out = np.full(20, -1.0)
    forest.score_rows(events[:20], np.array([3, 17, 4]), out)
    np.testing.assert_array_equal([3, 4, 17], np.flatnonzero(out >= 0))
    np.testing.assert_array_equal(forest.score_many(events[:20])[[3, 4, 17]], out[[3, 4, 17]])


def test_a_value_on_a_threshold_goes_the_same_way_as_in_scikit_learn(
    theirs: IsolationForest, events: np.ndarray
) -> None:
    thresholds = [(e.tree_.feature[0], e.tree_.threshold[0]) for e in theirs.estimators_]
    edge = np.repeat(events[:1], 3 * len(thresholds), axis=0)
    for row, (feature, threshold) in enumerate(thresholds):
        nearest = np.float32(threshold)
        below, above = np.nextafter(nearest, np.float32(-np.inf)), np.nextafter(nearest, np.float32(np.inf))
        edge[3 * row : 3 * row + 3, feature] = [below, nearest, above]
    np.testing.assert_allclose(flatten(theirs).score_many(edge), -theirs.score_samples(edge), rtol=0, atol=1e-12)


def test_folding_the_surprise_into_the_thresholds_changes_no_score(events: np.ndarray) -> None:
    rng = np.random.default_rng(11)
    wide = np.where(rng.random((3000, 11)) < 0.1, np.nan, random_features(3000, 11, seed=6)).astype(np.float32)
    columns = np.array([9, 2, 0, 10, 5])
    sign = np.array([1, -1, 1, 1, -1], np.float32)
    surprise = fit_surprise(wide[:, columns], sign, knots=40)
    surprises = surprise.surprise_many(wide[:, columns])
    plain = flatten(IsolationForest(n_estimators=25, max_samples=512, random_state=4).fit(surprises))
    new = np.concatenate([wide, 10 * wide, -wide, np.full((1, 11), np.nan, np.float32)])
    expected = plain.score_many(surprise.surprise_many(new[:, columns]))
    assert expected.tobytes() == fold(plain, surprise, columns).score_many(new).tobytes()


def table_of(theirs: IsolationForest) -> Table:
    """Scikit-learn's trees, whose leaves have the path length in units of c, shorter = more."""
    c = float(average_path_length(np.array([theirs.max_samples_]))[0])
    trees = [estimator.tree_ for estimator in theirs.estimators_]
    most = max(tree.node_count for tree in trees)

    def stacked(values: list[np.ndarray], fill: float, dtype: type) -> np.ndarray:
        return np.stack([np.pad(value.astype(dtype), (0, most - len(value)), constant_values=fill) for value in values])

    return Table(
        feature=stacked([tree.feature for tree in trees], -1, np.int32),
        threshold=stacked([tree.threshold for tree in trees], 0, np.float64),
        missing_right=np.zeros((len(trees), most), np.bool_),
        left=stacked([tree.children_left for tree in trees], 0, np.int32),
        right=stacked([tree.children_right for tree in trees], 0, np.int32),
        value=stacked([-path_lengths(tree) / c / len(trees) for tree in trees], 0, np.float64),
        cover=stacked([tree.n_node_samples for tree in trees], 0, np.float64),
    )


def path_lengths(tree: Any) -> np.ndarray:
    """Of every node: its depth and the expected rest of its training events' paths."""
    depth = np.zeros(tree.node_count)
    for k in np.flatnonzero(tree.children_left >= 0):
        depth[[tree.children_left[k], tree.children_right[k]]] = depth[k] + 1
    return depth + average_path_length(tree.n_node_samples)


def test_contributions_are_shapley_values_of_scikit_learns_trees() -> None:
    events = random_features(3000, 5, seed=7)
    theirs = IsolationForest(n_estimators=8, max_samples=32, random_state=3).fit(events)
    forest, table = flatten(theirs), table_of(theirs)
    for x in (events[0], events[1], 4 * events[2]):
        np.testing.assert_allclose(shapley(table, x), forest.contributions(x, 5), rtol=0, atol=1e-9)


def test_contributions_add_up_to_the_score_for_100_000_random_rows() -> None:
    events = random_features(3000, 8, seed=5)
    forest = flatten(IsolationForest(n_estimators=6, max_samples=64, random_state=3).fit(events))
    rows = 3 * random_features(100_000, 8, seed=6)
    rows[np.random.default_rng(7).random(rows.shape) < 0.1] = np.nan
    expected = np.log2(forest.score_many(rows)) - forest.expected_log_score
    np.testing.assert_allclose(expected, [forest.contributions(x, 8).sum() for x in rows], rtol=0, atol=1e-9)


def test_contributions_of_a_forest_as_trained_add_up_to_the_score(theirs: IsolationForest, events: np.ndarray) -> None:
    forest = flatten(theirs)
    expected = np.log2(forest.score_many(events[:500])) - forest.expected_log_score
    np.testing.assert_allclose(expected, [forest.contributions(x, 8).sum() for x in events[:500]], rtol=0, atol=1e-9)


def test_refuses_trees_that_are_not_perfect() -> None:
    with pytest.raises(ValueError, match="not perfect"):
        Forest(
            np.arange(1), np.ones(1, np.float32), np.zeros((2, 4), np.uint16), np.zeros((2, 4), np.float32),
            np.zeros((2, 9)), np.ones((2, 9), np.uint32), 1.0,
        )  # fmt: skip


def test_refuses_nodes_without_training_events() -> None:
    with pytest.raises(ValueError, match="without training events"):
        Forest(
            np.arange(1), np.ones(1, np.float32), np.zeros((1, 1), np.uint16), np.zeros((1, 1), np.float32),
            np.zeros((1, 3)), np.array([[2, 2, 0]], np.uint32), 1.0,
        )  # fmt: skip


def test_a_threshold_on_a_level_sends_that_level_left_folded_or_not() -> None:
    raw = np.array([[1], [1], [2], [2], [3], [4]], np.float32)
    surprise = fit_surprise(raw, np.ones(1, np.float32))
    _, levels = surprise.steps(0)
    for level in levels[:-1]:
        plain = Forest(
            columns=np.arange(1),
            sign=np.ones(1, np.float32),
            feature=np.zeros((1, 1), np.uint16),
            threshold=np.array([[level]], np.float32),
            length=np.array([[2.0, 3.0, 1.0]]),
            cover=np.array([[2, 1, 1]], np.uint32),
            normalizer=1.0,
        )
        expected = plain.score_many(surprise.surprise_many(raw))
        np.testing.assert_array_equal(expected, fold(plain, surprise, np.arange(1)).score_many(raw))
