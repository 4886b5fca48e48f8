"""Shapley values on trees and events that nobody chose."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.oracle_shapley import expectation, random_events, random_table, shapley

from detector.core.arrangement import trees_of

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=150, deadline=None)
@given(seed=SEEDS, trees=st.integers(1, 4), splits=st.integers(0, 25), features=st.integers(1, 6))
def test_values_are_those_of_the_definition(seed: int, trees: int, splits: int, features: int) -> None:
    random = np.random.default_rng(seed)
    table = random_table(random, trees, splits, features)
    (x,) = random_events(random, 1, features)
    np.testing.assert_allclose(shapley(table, x), trees_of(*table).shapley(x), rtol=0, atol=1e-11)


@settings(max_examples=150, deadline=None)
@given(seed=SEEDS, trees=st.integers(1, 30), splits=st.integers(0, 120), features=st.integers(1, 60))
def test_values_add_up_to_what_the_trees_say(seed: int, trees: int, splits: int, features: int) -> None:
    random = np.random.default_rng(seed)
    table = random_table(random, trees, splits, features)
    ours = trees_of(*table)
    for x in random_events(random, 5, features):
        expected = expectation(table, x, tuple(range(features))) - ours.expected
        np.testing.assert_allclose(expected, ours.shapley(x).sum(), rtol=0, atol=1e-9)
