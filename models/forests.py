"""Isolation forests over tail surprises of normal events, one for each kind of event."""

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import IsolationForest

from detector.contract.vocabulary import KINDS
from detector.core.forest import Forest
from detector.core.stage import Feature
from detector.core.surprise import fit_surprise
from models.datasets import Dataset
from models.flatten import flatten, fold


@dataclass(frozen=True, slots=True)
class Sizes:
    """Number of trees, events a tree, and events scikit-learn samples them from."""

    trees: int
    max_samples: int
    max_events: int


def fit_forest(kind: str, data: Dataset, features: tuple[Feature, ...], sizes: Sizes, seed: int) -> Forest:
    """The forest of one kind of event, on raw features."""
    code = KINDS.index(kind)
    indices = np.array([j for j, feature in enumerate(features) if kind in feature.kinds], np.int64)
    sign = np.array([features[j].risk for j in indices], np.float32)
    X = data.X[data.kind == code][:, indices]
    surprise = fit_surprise(X, sign)
    random = np.random.default_rng([seed, code])
    if len(X) > sizes.max_events:
        X = X[np.sort(random.choice(len(X), sizes.max_events, replace=False))]
    forest = IsolationForest(
        n_estimators=sizes.trees,
        max_samples=min(sizes.max_samples, len(X)),
        random_state=int(random.integers(2**31)),
    )
    return fold(flatten(forest.fit(surprise.surprise_many(X))), surprise, indices)
