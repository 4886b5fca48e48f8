"""Shapley values by their definition: every set of features, every tree walked by recursion; slow and plain."""

from itertools import combinations
from math import factorial
from typing import NamedTuple

import numpy as np

TRAINING_EVENTS = 1_000


class Table(NamedTuple):
    """The arguments of `trees_of`, in their order: arrays (T, M)."""

    feature: np.ndarray
    threshold: np.ndarray
    missing_right: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    cover: np.ndarray


def random_table(random: np.random.Generator, trees: int, splits: int, features: int) -> Table:
    """Trees of up to so many splits; few thresholds, so that a feature comes again on a way and values lie on them."""
    shape = trees, 2 * splits + 1
    table = Table(
        feature=np.full(shape, -1, np.int32),
        threshold=random.integers(-2, 3, shape).astype(np.float32),
        missing_right=random.random(shape) < 0.5,
        left=np.zeros(shape, np.int32),
        right=np.zeros(shape, np.int32),
        value=random.normal(size=shape),
        cover=np.zeros(shape),
    )
    for t in range(trees):
        table.cover[t, 0] = TRAINING_EVENTS
        leaves = [0]
        for split in range(random.integers(splits + 1)):
            k = leaves.pop(random.integers(len(leaves)))
            below = 2 * split + 1, 2 * split + 2
            table.feature[t, k] = random.integers(features)
            table.left[t, k], table.right[t, k] = below
            share = random.uniform(0.01, 0.99)
            table.cover[t, below] = table.cover[t, k] * np.array([share, 1 - share])
            leaves += below
    return table


def random_events(random: np.random.Generator, n: int, features: int) -> np.ndarray:
    """Values on and between the thresholds, a fifth of them missing; float32 (n, features)."""
    X = random.integers(-6, 7, (n, features)) / 2
    return np.where(random.random(X.shape) < 0.2, np.nan, X).astype(np.float32)


def expectation(table: Table, x: np.ndarray, known: tuple[int, ...]) -> float:
    """Sum of the trees for an event of which only the features in `known` are known."""

    def of(t: int, k: int) -> float:
        j = table.feature[t, k]
        left, right = table.left[t, k], table.right[t, k]
        if j < 0:
            return float(table.value[t, k])
        if j in known:
            goes_right = table.missing_right[t, k] if np.isnan(x[j]) else x[j] > table.threshold[t, k]
            return of(t, right if goes_right else left)
        one, other = table.cover[t, left], table.cover[t, right]
        return float((one * of(t, left) + other * of(t, right)) / (one + other))

    return sum(of(t, 0) for t in range(len(table.feature)))


def shapley(table: Table, x: np.ndarray) -> np.ndarray:
    """The mean over all orders of what a feature adds to those known before it (Shapley 1953), float64 (features,)."""
    n = len(x)
    value_of = {known: expectation(table, x, known) for size in range(n + 1) for known in combinations(range(n), size)}
    given = np.zeros(n)
    for known, before in value_of.items():
        for j in set(range(n)) - set(known):
            weight = factorial(len(known)) * factorial(n - len(known) - 1) / factorial(n)
            given[j] += weight * (value_of[tuple(sorted((*known, j)))] - before)
    return given
