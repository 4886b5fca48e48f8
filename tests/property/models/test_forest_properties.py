"""The flat forest on forests and surprises that nobody chose."""

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest

from detector.core.surprise import fit_surprise
from models.flatten import flatten, fold

SEEDS = st.integers(0, 2**32 - 1)


def sample(random: np.random.Generator, n: int, columns: int) -> np.ndarray:
    """Columns of one kind each: constant, few values, continuous, heavy tails of both signs."""
    makers: list[Callable[[], np.ndarray]] = [
        lambda: np.full(n, random.normal()),
        lambda: random.integers(-3, 4, n).astype(float),
        lambda: random.normal(size=n),
        lambda: random.choice([-1, 1], n) * np.exp(random.normal(0, 8, n)),
    ]
    return np.stack([makers[random.integers(4)]() for _ in range(columns)], axis=1).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS,
    trees=st.integers(1, 40),
    max_samples=st.one_of(st.integers(2, 20), st.sampled_from([255, 256, 257, 1024, 4096])),
    columns=st.integers(1, 40),
    max_features=st.floats(0.05, 1.0),
    n=st.integers(1, 40),
)
def test_scores_equal_scikit_learn(
    seed: int, trees: int, max_samples: int, columns: int, max_features: float, n: int
) -> None:
    random = np.random.default_rng(seed)
    train = sample(random, max(max_samples, 300), columns)
    theirs = IsolationForest(
        n_estimators=trees, max_samples=max_samples, max_features=max_features, random_state=seed
    ).fit(train)
    new = np.concatenate([train[:n], sample(random, n, columns)])
    ours = flatten(theirs)
    scores = ours.score_many(new)
    np.testing.assert_allclose(scores, -theirs.score_samples(new), rtol=0, atol=1e-6)
    assert scores[n:].tobytes() == ours.score_many(new[n:]).tobytes()


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, columns=st.integers(1, 12), knots=st.integers(2, 50), missing=st.floats(0, 1))
def test_folding_changes_no_score_and_contributions_add_up(seed: int, columns: int, knots: int, missing: float) -> None:
    random = np.random.default_rng(seed)
    raw = sample(random, 400, columns)
    raw[random.random(raw.shape) < missing] = np.nan
    chosen = random.permutation(columns)[: random.integers(1, columns + 1)]
    sign = random.choice([-1, 1], len(chosen)).astype(np.float32)
    surprise = fit_surprise(raw[:, chosen], sign, knots)
    fitted = IsolationForest(n_estimators=9, max_samples=64, random_state=seed).fit(
        surprise.surprise_many(raw[:, chosen])
    )
    plain = flatten(fitted)
    folded = fold(plain, surprise, chosen)
    new = np.concatenate([raw, -raw, sample(random, 50, columns)])
    scores = folded.score_many(new)
    assert plain.score_many(surprise.surprise_many(new[:, chosen])).tobytes() == scores.tobytes()
    for x, score in zip(new[:5], scores[:5], strict=True):
        total = folded.contributions(x, columns).sum()
        np.testing.assert_allclose(np.log2(score) - folded.expected_log_score, total, rtol=0, atol=1e-9)
