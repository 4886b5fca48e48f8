"""Bins of weighted data computed at once against scikit-learn's, computed one percentile at a time."""

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.ensemble._hist_gradient_boosting import binning

from models.binning import RANKS, percentiles, percentiles_at_once


def fitted(n: int, seed: int) -> HistGradientBoostingClassifier:
    """Trees of continuous features with ties, missing and infinite values, on weighted events of two sizes."""
    random = np.random.default_rng(seed)
    X = np.exp(random.normal(0, [1, 3, 5], (n, 3))).astype(np.float32)
    X[:, 1] = np.round(X[:, 1], 1)
    X[random.random(X.shape) < 0.1] = np.nan
    X[:3, 2] = np.inf
    labels = np.nan_to_num(X[:, 0]) + random.random(n) > 1.5
    weight = np.where(labels, random.random(n), 1.0)
    return HistGradientBoostingClassifier(max_iter=5, early_stopping=False, random_state=1).fit(X, labels, weight)


def test_bins_and_trees_are_the_same_to_the_last_bit() -> None:
    for n, seed in ((3_000, 1), (700, 2)):
        expected = fitted(n, seed)
        with percentiles_at_once():
            got = fitted(n, seed)
        for before, after in zip(expected._bin_mapper.bin_thresholds_, got._bin_mapper.bin_thresholds_, strict=True):
            assert len(before) > 100
            assert before.tobytes() == after.tobytes()
        for (before,), (after,) in zip(expected._predictors, got._predictors, strict=True):
            assert before.nodes.tobytes() == after.nodes.tobytes()


def test_percentiles_are_the_same_to_the_last_bit() -> None:
    random = np.random.default_rng(3)
    for column in (random.normal(0, 1, 1_000), np.round(random.normal(0, 9, 700)), np.arange(300.0), np.ones(5)):
        # Equal weights put percentiles on values exactly: there two values are averaged.
        for weight in (np.ones(len(column)), random.random(len(column)), np.full(len(column), 0.1)):
            given = np.sort(column)
            expected = [binning._weighted_percentile(given, weight, rank, average=True) for rank in RANKS]
            assert np.array(expected).tobytes() == percentiles(given, weight, RANKS).tobytes()


def test_scikit_learn_computes_none_itself_and_does_again_afterwards() -> None:
    calls, before = [], binning._weighted_percentile

    def counted(*arguments: object, **options: object) -> object:
        calls.append(1)
        return before(*arguments, **options)

    binning._weighted_percentile = counted
    try:
        with percentiles_at_once():
            fitted(3_000, 1)
        assert [] == calls
        fitted(3_000, 1)
        assert 3 * len(RANKS) == len(calls)
    finally:
        binning._weighted_percentile = before
