"""Tail surprise and upper tails against numpy, value by value."""

import numpy as np
import pytest

from detector.core.surprise import fit_surprise
from detector.core.tails import upper_tail


def brute_force(train: np.ndarray, x: float) -> float:
    """-ln P̂(X ≥ x) by counting, floor 1/(n+1), not below the upper median's; NaN is the median."""
    train = np.sort(train[~np.isnan(train)])
    n = len(train)
    if n == 0:
        return 0.0
    median = train[n // 2]
    x = median if np.isnan(x) else max(x, median)
    return float(-np.log(max((train >= x).sum() / n, 1 / (n + 1))))


SAMPLES = {
    "continuous": np.random.default_rng(1).normal(size=801),
    "even number": np.random.default_rng(2).normal(size=600),
    "ties": np.random.default_rng(3).integers(0, 12, 900),
    "mostly zero": np.where(
        np.random.default_rng(4).random(700) < 0.9, 0, np.random.default_rng(5).integers(1, 99, 700)
    ),
    "constant": np.full(50, 7.0),
    "one event": np.array([3.0]),
    "never present": np.full(20, np.nan),
    "sometimes missing": np.where(np.random.default_rng(6).random(500) < 0.7, np.nan, np.arange(500.0)),
    "with infinity": np.array([1.0, 2.0, 3.0, np.inf]),
}


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())
def test_surprise_counts_training_events_at_least_as_risky(sample: np.ndarray, sign: int) -> None:
    train = sample.astype(np.float32)
    new = np.concatenate([train, train + np.float32(0.5), [np.nan, -1e30, 1e30, 0.0]]).astype(np.float32)
    surprise = fit_surprise(train[:, None], np.array([sign], np.float32))
    expected = [brute_force(sign * train, sign * x) for x in new]
    np.testing.assert_allclose(surprise.surprise_many(new[:, None])[:, 0], expected, rtol=1e-6)


def test_each_feature_keeps_to_its_own_knots() -> None:
    rng = np.random.default_rng(7)
    train = np.stack(
        [rng.normal(size=300), rng.integers(0, 3, 300), np.full(300, np.nan), rng.exponential(size=300)], 1
    )
    train = train.astype(np.float32)
    sign = np.array([1, -1, 1, -1], np.float32)
    together = fit_surprise(train, sign).surprise_many(train)
    for j in range(4):
        alone = fit_surprise(train[:, [j]], sign[[j]]).surprise_many(train[:, [j]])
        np.testing.assert_array_equal(alone[:, 0], together[:, j])


def test_few_knots_stay_exact_at_themselves_and_close_between() -> None:
    train = np.random.default_rng(8).exponential(size=200_000).astype(np.float32)
    surprise = fit_surprise(train[:, None], np.ones(1, np.float32))
    knots, _ = surprise.steps(0)
    assert len(knots) <= 1000
    at_knots = surprise.surprise_many(knots[:, None])[:, 0]
    np.testing.assert_allclose(at_knots, [brute_force(train, x) for x in knots], rtol=1e-6, atol=1e-6)
    top = np.sort(train)[-50:]
    np.testing.assert_allclose(
        surprise.surprise_many(top[:, None])[:, 0], [brute_force(train, x) for x in top], rtol=1e-6
    )
    some = train[:500]
    between = surprise.surprise_many(some[:, None])[:, 0] - [brute_force(train, x) for x in some]
    assert between.min() > -1e-6
    assert between.max() < 0.02


def test_usual_is_the_training_median_in_the_features_own_direction() -> None:
    train = np.array([[1, 10, np.nan], [2, 20, np.nan], [3, 30, np.nan]], np.float32)
    usual = fit_surprise(train, np.array([1, -1, 1], np.float32)).usual
    np.testing.assert_array_equal([2, 20, np.nan], usual)


@pytest.mark.parametrize("knots", [2, 10, 1000])
def test_upper_tail_counts_are_exact_and_its_ends_are_kept(knots: int) -> None:
    values = np.random.default_rng(9).integers(0, 400, 5000).astype(np.float64)
    kept, counts = upper_tail(values, knots)
    assert (values.min(), values.max()) == (kept[0], kept[-1])
    assert [int((values >= x).sum()) for x in kept] == counts.tolist()
    assert len(kept) <= knots + 2
