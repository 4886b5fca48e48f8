"""Shapley values of trees against the definition, and against the output of the trees."""

import numpy as np
import pytest
from support.oracle_shapley import Table, expectation, random_events, random_table, shapley

from detector.core.arrangement import perfect_trees, trees_of

#: trees, splits, features: a leaf alone, one feature again and again, few features on a way, more than four quadrature
#: points can do in one pass.
SHAPES = [(1, 0, 1), (2, 9, 1), (3, 7, 3), (4, 12, 5), (1, 60, 9)]


@pytest.mark.parametrize(("trees", "splits", "features"), SHAPES)
def test_values_are_those_of_the_definition(trees: int, splits: int, features: int) -> None:
    random = np.random.default_rng([trees, splits])
    for x in random_events(random, 4, features):
        table = random_table(random, trees, splits, features)
        np.testing.assert_allclose(shapley(table, x), trees_of(*table).shapley(x), rtol=0, atol=1e-12)


def test_a_feature_that_stands_twenty_times_on_a_way_and_twenty_that_stand_once() -> None:
    for features in (1, 20):
        table = chain(20, features)
        x = np.full(features, 25, np.float32)
        given = trees_of(*table).shapley(x)
        assert expectation(table, x, tuple(range(features))) - expectation(table, x, ()) == pytest.approx(given.sum())
        # All conditions are alike, so all features get the same if each occurs once.
        np.testing.assert_allclose(np.full(features, given[0]), given, rtol=0, atol=1e-13)


def chain(length: int, features: int) -> Table:
    """One tree of `length` splits below each other, each sending half of what is left to a leaf of 0, the last to 1."""
    nodes = 2 * length + 1
    inner = np.arange(nodes) % 2 == 0
    inner[-1] = False
    k = np.arange(nodes)
    return Table(
        feature=np.where(inner, (k // 2) % features, -1)[None].astype(np.int32),
        threshold=np.zeros((1, nodes), np.float32),
        missing_right=np.zeros((1, nodes), np.bool_),
        left=np.where(inner, k + 1, 0)[None].astype(np.int32),
        right=np.where(inner, k + 2, 0)[None].astype(np.int32),
        value=(k == nodes - 1).astype(np.float64)[None],
        cover=(2.0 ** -((k + 1) // 2))[None],
    )


def test_what_is_expected_is_what_trees_say_of_an_event_of_which_nothing_is_known() -> None:
    table = random_table(np.random.default_rng(3), 5, 12, 4)
    assert expectation(table, np.zeros(4, np.float32), ()) == pytest.approx(trees_of(*table).expected, abs=1e-12)


def test_a_feature_that_no_tree_looks_at_gets_nothing() -> None:
    table = random_table(np.random.default_rng(4), 5, 12, 3)
    np.testing.assert_array_equal([0, 0], trees_of(*table).shapley(np.ones(5, np.float32))[3:])


def test_padding_to_perfect_depth_changes_nothing() -> None:
    # The left leaf of depth 1 occurs again at depth 2, after a split that nothing passes.
    feature, threshold = np.array([[1, 0, 0]], np.uint16), np.array([[2, np.inf, 5]], np.float32)
    value, cover = np.array([[0, 7, 0, 7, 7, 3, 1.0]]), np.array([[10, 4, 6, 4, 4, 5, 1]], np.uint32)
    plain = Table(
        *(np.array([row]) for row in ([1, -1, 0, -1, -1], [2, 0, 5, 0, 0], [False] * 5)),
        *(np.array([row]) for row in ([1, 0, 3, 0, 0], [2, 0, 4, 0, 0], [0, 7, 0, 3, 1.0], [10.0, 4, 6, 5, 1])),
    )
    trees = perfect_trees(feature, threshold, value, cover)
    assert [1, 0] == trees.column.tolist(), "two splits, and none of the padding"
    for x in random_events(np.random.default_rng(5), 30, 2) + 3:
        np.testing.assert_allclose(shapley(plain, x), trees.shapley(x), rtol=0, atol=1e-12)


def test_refuses_a_node_without_training_events() -> None:
    table = random_table(np.random.default_rng(6), 3, 9, 2)
    table.cover[table.cover == table.cover[table.cover > 0].min()] = 0
    with pytest.raises(ValueError, match="without training events"):
        trees_of(*table)
