"""scikit-learn's trees as the flat arrays the worker scores with."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest

from detector.core.boosting import Boosting
from detector.core.forest import Forest
from detector.core.surprise import Surprise


def flatten(forest: IsolationForest) -> Forest:
    """The forest itself: `score_many(X)` equals `-forest.score_samples(X)` to 1e-6 for `X` without NaN."""
    depth = max(estimator.tree_.max_depth for estimator in forest.estimators_)
    used = zip(forest.estimators_, forest.estimators_features_, strict=True)
    trees = [_pad(estimator.tree_, np.asarray(features), depth) for estimator, features in used]
    return Forest(
        columns=np.arange(forest.n_features_in_),
        sign=np.ones(forest.n_features_in_, np.float32),
        feature=np.stack([tree[0] for tree in trees]),
        threshold=_round_down(np.stack([tree[1] for tree in trees])),
        length=np.stack([tree[2] for tree in trees]),
        cover=np.stack([tree[3] for tree in trees]),
        normalizer=float(average_path_length(np.array([forest.max_samples_]))[0]),
    )


def fold(forest: Forest, surprise: Surprise, columns: npt.NDArray[np.int64]) -> Forest:
    """The forest on raw features of a forest on surprises: the same scores bit for bit, without computing surprises.

    A surprise is a non-decreasing step function, so `surprise > threshold` means that the oriented value lies above one
    of the knots; that knot becomes the threshold. `surprise` covers the features the forest was trained
    on, which are the `columns` of the stage's feature matrix.
    """
    threshold = np.empty_like(forest.threshold)
    for j in range(len(columns)):
        knots, levels = surprise.steps(j)
        # Steps left of the threshold: the last of them ends at the knot that the value must lie above.
        passed = np.searchsorted(levels, forest.threshold, side="right") - 1
        if np.any(passed[forest.feature == j] < 0):
            raise ValueError(
                f"feature {j}: a threshold below the least surprise would part missing values from the median"
            )
        ends = np.append(knots, np.float32(np.inf))
        threshold = np.where(forest.feature == j, ends[np.maximum(passed, 0)], threshold)
    return replace(forest, columns=columns, sign=surprise.sign, threshold=threshold)


def average_path_length(n: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """c(n): the mean path length of an unsuccessful search among n (Liu, Ting & Zhou 2008, equation 1)."""
    n = np.asarray(n, np.float64)
    many = np.maximum(n, 3.0)
    harmonic = np.log(many - 1) + np.euler_gamma
    return np.where(n > 2, 2 * harmonic - 2 * (many - 1) / many, np.where(n == 2, 1.0, 0.0))


def _pad(
    tree: Any, features: npt.NDArray[Any], depth: int
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.uint32]]:
    """One tree, level by level; below a leaf every node is that leaf again, split at infinity."""
    levels = [np.zeros(1, np.intp)]
    for _ in range(depth):
        node = levels[-1]
        leaf = tree.children_left[node] < 0
        left = np.where(leaf, node, tree.children_left[node])
        right = np.where(leaf, node, tree.children_right[node])
        levels.append(np.stack([left, right], axis=1).ravel())
    inner = np.concatenate([np.empty(0, np.intp), *levels[:-1]])
    leaf = tree.children_left[inner] < 0
    feature = np.where(leaf, 0, features[np.maximum(tree.feature[inner], 0)]).astype(np.uint16)
    cover = tree.n_node_samples[np.concatenate(levels)].astype(np.uint32)
    return feature, np.where(leaf, np.inf, tree.threshold[inner]), _lengths(tree, levels), cover


def _lengths(tree: Any, levels: list[npt.NDArray[np.intp]]) -> npt.NDArray[np.float64]:
    """Expected path length of every padded node, weighted by training events."""
    ends = np.full(tree.node_count, np.nan)  # path length at the leaves of the unpadded tree
    for depth, nodes in enumerate(levels):
        fresh = nodes[(tree.children_left[nodes] < 0) & np.isnan(ends[nodes])]
        ends[fresh] = depth + average_path_length(tree.n_node_samples[fresh])
    lengths = [ends[levels[-1]]]
    for depth in range(len(levels) - 2, -1, -1):
        weight = tree.n_node_samples[levels[depth + 1]].reshape(-1, 2)
        below = (lengths[0].reshape(-1, 2) * weight).sum(axis=1) / weight.sum(axis=1)
        is_leaf = ~np.isnan(ends[levels[depth]])
        lengths.insert(0, np.where(is_leaf, ends[levels[depth]], below))
    return np.concatenate(lengths)


def _round_down(threshold: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """The largest float32 not above: for float32 values, `x > threshold` keeps its outcome."""
    rounded = threshold.astype(np.float32)
    above = rounded.astype(np.float64) > threshold
    return np.where(above, np.nextafter(rounded, np.float32(-np.inf)), rounded)


def flatten_boosting(booster: HistGradientBoostingClassifier, columns: npt.NDArray[np.int64]) -> Boosting:
    """The booster, fitted on `columns` of the feature matrix: `log_odds(X)` equals its `decision_function` to 1e-9.

    For two classes, at most 32 leaves a tree and no categorical feature.
    """
    # scikit-learn shows its trees nowhere else.
    nodes = [predictor.nodes for (predictor,) in booster._predictors]  # noqa: SLF001
    most = max(len(tree) for tree in nodes)

    def stacked(values: list[npt.NDArray[Any]], dtype: type, fill: float) -> npt.NDArray[Any]:
        padded: npt.NDArray[Any] = np.full((len(nodes), most), fill, dtype)
        for row, value in zip(padded, values, strict=True):
            row[: len(value)] = value
        return padded

    leaf = [tree["is_leaf"].astype(np.bool_) for tree in nodes]
    features = [np.where(end, -1, tree["feature_idx"].astype(np.int64)) for tree, end in zip(nodes, leaf, strict=True)]
    return Boosting(
        columns=np.asarray(columns, np.int64),
        feature=stacked(features, np.int16, -1),
        threshold=_round_down(stacked([tree["num_threshold"] for tree in nodes], np.float64, 0.0)),
        missing_left=stacked([tree["missing_go_to_left"] for tree in nodes], np.bool_, 0),
        left=stacked([tree["left"] for tree in nodes], np.int16, 0),
        right=stacked([tree["right"] for tree in nodes], np.int16, 0),
        value=stacked([_averages(tree) for tree in nodes], np.float64, 0.0),
        cover=stacked([tree["count"] for tree in nodes], np.uint32, 0),
        baseline=float(np.ravel(booster._baseline_prediction)[0]),  # noqa: SLF001
    )


def _averages(nodes: Any) -> npt.NDArray[np.float64]:
    """Values of the leaves, and at other nodes their average over training events; children come after parents."""
    values: npt.NDArray[np.float64] = nodes["value"].astype(np.float64)
    for k in np.flatnonzero(nodes["is_leaf"] == 0)[::-1]:
        below = [nodes["left"][k], nodes["right"][k]]
        values[k] = np.average(values[below], weights=nodes["count"][below])
    return values
