"""Gradient-boosted trees as one table of leaf sets, scored without walking a tree.

For a tree of at most 32 leaves the leaves still reachable are a set, one bit each, from left to right. Every
comparison that sends the event right removes the leaves left of it, independently of the other comparisons, and the
event's leaf is the lowest remaining bit (Lucchese et al., QuickScorer, SIGIR 2015). So each feature value has one set
of leaves for all trees: sets are looked up by feature and intersected, 200 trees in a few vector instructions. Leaf
values are summed in tree order, as scikit-learn does, so an event's score is the same bit for bit in any batch.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.core.arrangement import trees_of
from detector.core.array_checks import Layout, check_columns, check_layout, check_within
from detector.core.attribution import Trees

MOST_LEAVES = 32  # of a tree: one bit each
LEAF = -1  # in place of a feature
_LAYOUT: Layout = {
    "columns": (np.int64, 1),
    "feature": (np.int16, 2),
    "threshold": (np.float32, 2),
    "missing_left": (np.bool_, 2),
    "left": (np.int16, 2),
    "right": (np.int16, 2),
    "value": (np.float64, 2),
    "cover": (np.uint32, 2),
}
#: Stored fields of `Boosting`; the others are derived.
BOOSTING_FIELDS = ("columns", "feature", "threshold", "missing_left", "left", "right", "value", "cover", "baseline")


@dataclass(frozen=True, eq=False)  # without slots, for cached properties
class Boosting:
    """T trees of at most M nodes over the columns they use of a feature matrix (F columns).

    `columns` int64 (C,): columns of X used. Of node k of tree t: `feature` int16 (T, M): index in `columns`, −1 at a
    leaf; an event goes to `right` if its value is above `threshold` float32, or missing (NaN) and `missing_left`
    bool is false, else to `left`, int16 each. `value` float64 (T, M): a leaf's contribution to the log odds; at other
    nodes its mean over the training events there; `cover` uint32 (T, M): number of training events there, 0 if there
    is no node. `baseline`: initial log odds. Node 0 is the root, children come after their parents.
    """

    columns: npt.NDArray[np.int64]
    feature: npt.NDArray[np.int16]
    threshold: npt.NDArray[np.float32]
    missing_left: npt.NDArray[np.bool_]
    left: npt.NDArray[np.int16]
    right: npt.NDArray[np.int16]
    value: npt.NDArray[np.float64]
    cover: npt.NDArray[np.uint32]
    baseline: float
    _sets: "_Sets" = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_layout(self, _LAYOUT)
        check_columns(self.columns)
        shape = self.feature.shape
        if not self.feature.size:
            raise ValueError("no trees")
        if any(
            a.shape != shape for a in (self.threshold, self.missing_left, self.left, self.right, self.value, self.cover)
        ):
            raise ValueError("trees of different numbers of nodes")
        if self.feature.max() >= len(self.columns) or self.feature.min() < LEAF:
            raise ValueError("trees split on a feature outside their columns")
        if np.isnan(self.threshold).any() or np.isneginf(self.threshold).any():
            raise ValueError("threshold: values that are missing or infinite")
        check_within("value", self.value)
        check_within("baseline", np.array(self.baseline))
        self._check_nodes()
        object.__setattr__(self, "_sets", _sets_of(self))

    def _check_nodes(self) -> None:
        """Each node but the root is one split's child, and a split's training events went to its children."""
        most = self.feature.shape[1]
        tree, split = np.nonzero(self.feature > LEAF)
        left, right = (side[tree, split].astype(np.int64) for side in (self.left, self.right))
        if not ((left > split) & (right > split) & (np.maximum(left, right) < most)).all():
            raise ValueError("trees whose children do not come after their parents")
        children = np.concatenate((tree * most + left, tree * most + right))
        parents = np.bincount(children, minlength=self.feature.size)
        parents[::most] += 1
        if parents.max() > 1:
            raise ValueError("trees with a node below two others")
        is_node = parents.reshape(self.feature.shape) > 0
        if not np.array_equal(is_node, self.cover > 0):
            raise ValueError("cover: not of the nodes that are there")
        cover = self.cover.astype(np.int64)
        if not (cover[tree, left] + cover[tree, right] == cover[tree, split]).all():
            raise ValueError("cover: children whose training events are not those of their parent")

    def log_odds(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Log odds, float64 (n,), of events `X` float32 (n, F)."""
        out = np.empty(len(X))
        _sum(X, np.arange(len(X)), self.columns, *self._sets, self.baseline, out)
        return out

    def score_rows(self, X: npt.NDArray[np.float32], rows: npt.NDArray[np.intp], out: npt.NDArray[np.float64]) -> None:
        """Write scores in [0, 1], higher = more like an attack, of `X[rows]` to `out[rows]`; `X` float32 (n, F)."""
        _sum(X, rows, self.columns, *self._sets, self.baseline, out)
        _squash(rows, out)

    def contributions(self, x: npt.NDArray[np.float32], n_features: int) -> npt.NDArray[np.float64]:
        """Shapley value of each feature in one event's log odds, float64 (n_features,).

        Exact, see `detector.core.attribution`. They sum to the event's log odds less `expected`.
        """
        given = np.zeros(n_features)
        given[self.columns] = self._trees.shapley(x[self.columns])
        return given

    @property
    def expected(self) -> float:
        """Mean log odds of the training events."""
        return self.baseline + float(self.value[:, 0].sum())

    @cached_property
    def _trees(self) -> Trees:
        return trees_of(
            self.feature.astype(np.int32),
            self.threshold,
            ~self.missing_left,
            self.left.astype(np.int32),
            self.right.astype(np.int32),
            self.value,
            self.cover.astype(np.float64),
        )


#: Knots, starts, `stays` and leaves, laid out for scoring. Feature j's k knots, its thresholds ascending, are
#: `knots[starts[j]:starts[j + 1]]`; row `starts[j] + 2 * j + s` of `stays` uint32 (rows, T) has the leaves that
#: remain if s knots lie below the value, s = 0 … k; the next row is for a missing value.
#: `leaves` float64 (T, 32): values of the leaves from left to right.
_Sets = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.uint32], npt.NDArray[np.float64]]


def _sets_of(trees: Boosting) -> _Sets:
    count = len(trees.feature)
    used = [np.unique(trees.threshold[trees.feature == j]) for j in range(len(trees.columns))]
    starts = np.concatenate(([0], np.cumsum([len(knots) for knots in used]))).astype(np.int64)
    stays = np.full((int(starts[-1]) + 2 * len(used), count), 2**MOST_LEAVES - 1, np.uint32)
    leaves = np.zeros((count, MOST_LEAVES))
    for t in range(count):
        first = _first_leaves(trees, t)
        for k in np.flatnonzero(first >= 0):
            j = trees.feature[t, k]
            if j < 0:
                leaves[t, first[k]] = trees.value[t, k]
                continue
            # Removed: the leaves of the left child.
            stay = np.uint32(~(2 ** int(first[trees.right[t, k]]) - 2 ** int(first[k])) & 2**MOST_LEAVES - 1)
            begin, end = starts[j] + 2 * j, starts[j + 1] + 2 * j
            stays[begin + 1 + np.searchsorted(used[j], trees.threshold[t, k]) : end + 1, t] &= stay
            if not trees.missing_left[t, k]:
                stays[end + 1, t] &= stay
    return np.concatenate([np.empty(0, np.float32), *used]), starts, stays, leaves


def _first_leaves(trees: Boosting, t: int) -> npt.NDArray[np.int64]:
    """Number of the leftmost leaf below each node of a tree, −1 where there is no node."""
    first = np.full(trees.feature.shape[1], -1)
    waiting, leaf = [0], 0
    while waiting:
        k = waiting.pop()
        first[k] = leaf
        if trees.feature[t, k] < 0:
            leaf += 1
        else:
            waiting += [int(trees.right[t, k]), int(trees.left[t, k])]
    if leaf > MOST_LEAVES:
        raise ValueError(f"a tree of {leaf} leaves: at most {MOST_LEAVES} are possible")
    return first


def _lowest_bits() -> npt.NDArray[np.uint8]:
    """Bit index of a power of two, by the upper five bits of its product with `_DE_BRUIJN`."""
    index = np.zeros(MOST_LEAVES, np.uint8)
    for bit in range(MOST_LEAVES):
        index[(_DE_BRUIJN << bit & 2**32 - 1) >> 27] = bit
    return index


#: All 32 five-bit words in one number (Leiserson, Prokop & Randall, Using de Bruijn sequences to index a 1, 1998).
_DE_BRUIJN = 0x077CB531
_BIT_INDEX = _lowest_bits()


@njit(cache=True)
def _sum(
    X: Any, rows: Any, columns: Any, knots: Any, starts: Any, stays: Any, leaves: Any, baseline: float, out: Any
) -> None:
    trees = leaves.shape[0]
    left = np.empty(trees, np.uint32)
    for i in range(len(rows)):
        left[:] = np.uint32(0xFFFFFFFF)
        for j in range(len(columns)):
            x = X[rows[i], columns[j]]
            low, high = starts[j], starts[j + 1]
            if np.isnan(x):
                low = high + 1
            else:
                while low < high:
                    middle = (low + high) >> 1
                    if knots[middle] < x:
                        low = middle + 1
                    else:
                        high = middle
                if low == starts[j]:  # below all knots: no leaf is removed
                    continue
            row = stays[low + 2 * j]
            for t in range(trees):
                left[t] &= row[t]
        total = baseline
        for t in range(trees):
            lowest = left[t] & (~left[t] + np.uint32(1))
            total += leaves[t, _BIT_INDEX[np.uint32(lowest * np.uint32(_DE_BRUIJN)) >> np.uint32(27)]]
        out[rows[i]] = total


@njit(cache=True)
def _squash(rows: Any, out: Any) -> None:
    for i in range(len(rows)):
        out[rows[i]] = 1.0 / (1.0 + np.exp(-out[rows[i]]))
