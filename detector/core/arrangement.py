"""Puts trained trees into the order in which `detector.core.attribution` reads them."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.core.attribution import LANES, Trees


def trees_of(
    feature: npt.NDArray[np.int32],
    threshold: npt.NDArray[np.float32],
    missing_right: npt.NDArray[np.bool_],
    left: npt.NDArray[np.int32],
    right: npt.NDArray[np.int32],
    value: npt.NDArray[np.float64],
    cover: npt.NDArray[np.float64],
) -> Trees:
    """The trees of T tables of at most M nodes, arrays (T, M); node 0 is the root, unreachable entries are ignored.

    `feature` is below 0 at leaves; `left` and `right` are a split's children; `cover` is the number of training events
    at a node. Raises ValueError for a node without any: its expectation is undefined.
    """
    trees, most = feature.shape
    splits, leaves = np.zeros(trees + 1, np.int64), np.zeros(trees + 1, np.int64)
    node, before = np.zeros(trees * most, np.int64), np.full(trees * most, -1, np.int32)
    child, ends = np.zeros((trees * most, 2), np.int32), np.zeros(trees * most, np.int64)
    reached = np.zeros(trees * most)
    features = _arrange(feature, left, right, cover, splits, leaves, node, child, before, ends, reached)
    n, m = splits[-1], leaves[-1]
    tree, k = np.divmod(node[:n], most)
    below = np.stack((left[tree, k], right[tree, k]), axis=1)
    covers = cover[tree[:, None], below]
    if not covers.min(initial=np.inf) > 0:
        raise ValueError("a tree has a node without training events: its expectation there is undefined")
    values = value.ravel()[ends[:m]]
    points, weights = _quadrature(features)
    return Trees(
        splits=splits,
        leaves=leaves,
        column=feature[tree, k],
        threshold=threshold[tree, k],
        missing_right=missing_right[tree, k],
        child=child[:n].copy(),
        share=covers / cover[tree, k][:, None],
        before=before[:n].copy(),
        value=values,
        points=points,
        weights=weights,
        expected=float((values * reached[:m]).sum()),
    )


def perfect_trees(
    feature: npt.NDArray[np.uint16],
    threshold: npt.NDArray[np.float32],
    value: npt.NDArray[np.float64],
    cover: npt.NDArray[np.uint32],
) -> Trees:
    """The trees of a `Forest`, without its padding to perfect depth; missing values go left.

    `feature` and `threshold` (T, 2^D - 1), `value` and `cover` (T, 2^(D+1) - 1). Padding has the cover of its parent.
    """
    trees, nodes = cover.shape
    inner = feature.shape[1]
    left = np.tile(np.minimum(2 * np.arange(nodes) + 1, nodes - 1).astype(np.int32), (trees, 1))
    is_split = np.zeros(cover.shape, np.bool_)
    is_split[:, :inner] = cover[:, 1::2] < cover[:, :inner]
    features = np.full(cover.shape, -1, np.int32)
    features[:, :inner][is_split[:, :inner]] = feature[is_split[:, :inner]]
    thresholds = np.zeros(cover.shape, np.float32)
    thresholds[:, :inner] = threshold
    return trees_of(
        features, thresholds, np.zeros(cover.shape, np.bool_), left, left + 1, value, cover.astype(np.float64)
    )


def _quadrature(features: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Gauss-Legendre points and weights on [0, 1] for paths of so many features, padded to whole passes."""
    needed = max(1, (features + 1) // 2)
    points, weights = np.polynomial.legendre.leggauss(needed)
    room = -needed % LANES
    return np.pad((points + 1) / 2, (0, room), constant_values=0.5), np.pad(weights / 2, (0, room))


@njit(cache=True)
def _arrange(
    feature: Any,
    left: Any,
    right: Any,
    cover: Any,
    splits: Any,
    leaves: Any,
    node: Any,
    child: Any,
    before: Any,
    ends: Any,
    reached: Any,
) -> int:
    """Number the nodes as `Trees` does; the greatest number of features on a path.

    Writes for splits `node` (tree and node in one number), `child` and `before`, for leaves `ends` (tree and node in
    one number) and `reached`, the share of training events there.
    """
    trees, nodes = feature.shape
    queue, index, parent = np.empty(nodes, np.int64), np.empty(nodes, np.int64), np.empty(nodes, np.int64)
    part, features = np.empty(nodes), np.empty(nodes, np.int64)
    most = 0
    for t in range(trees):
        first, count, inner = splits[t], 1, 0
        queue[0], parent[0], part[0], features[0] = 0, -1, 1.0, 0
        i = 0
        while i < count:
            k = queue[i]
            if feature[t, k] >= 0:
                inner += 1
                for c in (left[t, k], right[t, k]):
                    queue[count], parent[c] = c, k
                    count += 1
            i += 1
        n, m = 0, 0
        for i in range(count):
            k = queue[i]
            is_split = feature[t, k] >= 0
            index[k] = n if is_split else inner + m
            n, m = n + is_split, m + (not is_split)
        for i in range(count):
            k = queue[i]
            if feature[t, k] < 0:
                ends[leaves[t] + index[k] - inner] = t * nodes + k
                reached[leaves[t] + index[k] - inner] = part[k]
                most = max(most, features[k])
                continue
            earlier = k
            while parent[earlier] >= 0 and feature[t, parent[earlier]] != feature[t, k]:
                earlier = parent[earlier]
            known = parent[earlier] >= 0
            split = first + index[k]
            node[split] = t * nodes + k
            before[split] = index[earlier] if known else -1
            child[split, 0], child[split, 1] = index[left[t, k]], index[right[t, k]]
            for c in (left[t, k], right[t, k]):
                part[c] = part[k] * cover[t, c] / cover[t, k]
                features[c] = features[k] + (0 if known else 1)
        splits[t + 1], leaves[t + 1] = first + inner, leaves[t] + count - inner
    return most
