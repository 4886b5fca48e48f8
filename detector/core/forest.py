"""An isolation forest as flat arrays, scored without a branch.

Every tree is padded to perfect depth: node k's children are 2k + 1 and 2k + 2, so that a step down is arithmetic on
the outcome of one comparison. Eight walks are interleaved (eight events in one tree, or one event in eight trees),
because a single walk waits for memory at every step. Path lengths are always summed in tree order, so an event's score
is the same bit for bit in any batch.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.core.arrangement import perfect_trees
from detector.core.array_checks import Layout, check_columns, check_layout, check_within
from detector.core.attribution import Trees

LANES = 8  # interleaved walks; 16 gained nothing on AVX-512 and loses where there are fewer registers
TREES = 25  # walked by all events before the next: 25 trees of 255 nodes fit into a 64 KiB cache
MAX_NODES = 2**31  # node numbers are 32 bits in the kernel
_LAYOUT: Layout = {
    "columns": (np.int64, 1),
    "sign": (np.float32, 1),
    "feature": (np.uint16, 2),
    "threshold": (np.float32, 2),
    "length": (np.float64, 2),
    "cover": (np.uint32, 2),
}


@dataclass(frozen=True, eq=False)  # without slots, for cached properties
class Forest:
    """Trees of depth D over the columns they use of a feature matrix (F columns).

    An event goes to child 2k + 2 if `sign * x > threshold`, else, missing values (NaN) included, to 2k + 1.

    `columns` int64 (C,): columns of X used; `sign` float32 (C,): ±1, their direction of risk;
    `feature` uint16 (T, 2^D - 1): index in `columns`; `threshold` float32 (T, 2^D - 1);
    `length` float64 (T, 2^(D+1) - 1): mean path length of a node's training events, at leaves the path length
    itself; `cover` uint32, same shape: number of training events at a node; `normalizer` is the expected path length of
    an unsuccessful search, c(max_samples) (Liu, Ting & Zhou, Isolation Forest, 2008, equation 1).
    """

    columns: npt.NDArray[np.int64]
    sign: npt.NDArray[np.float32]
    feature: npt.NDArray[np.uint16]
    threshold: npt.NDArray[np.float32]
    length: npt.NDArray[np.float64]
    cover: npt.NDArray[np.uint32]
    normalizer: float

    def __post_init__(self) -> None:
        check_layout(self, _LAYOUT)
        check_columns(self.columns)
        trees, inner = self.feature.shape
        if (inner + 1) & inner or self.threshold.shape != (trees, inner) or self.length.shape != (trees, 2 * inner + 1):
            raise ValueError(
                f"trees are not perfect: {self.feature.shape}, {self.threshold.shape}, {self.length.shape}"
            )
        if self.cover.shape != self.length.shape or not self.cover.all():
            raise ValueError("trees have nodes without training events")
        if self.columns.shape != self.sign.shape or self.feature.max(initial=0) >= len(self.columns):
            raise ValueError("trees split on a feature outside the forest's columns")
        if not 0 < self.length.size <= MAX_NODES or not 0 < self.normalizer < np.inf:
            raise ValueError(
                f"{self.length.size} nodes with normalizer {self.normalizer}: none, too many, or not positive"
            )
        check_within("sign", np.abs(self.sign), 1, 1)
        check_within("length", self.length, 0)
        self._check_splits()

    def _check_splits(self) -> None:
        """A node's training events went to its children, or it is padding: below a leaf each node is that leaf."""
        above = self.cover[:, : self.feature.shape[1]]
        left, right = self.cover[:, 1::2], self.cover[:, 2::2]
        is_padding = (left == above) & (right == above)
        if not (is_padding | (left.astype(np.uint64) + right == above)).all():
            raise ValueError("cover: children whose training events are not those of their parent")
        check_within("threshold", self.threshold[~is_padding])
        if not np.isposinf(self.threshold[is_padding]).all():
            raise ValueError("threshold: finite values below a leaf")

    def score_many(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Anomaly scores float64 (n,) in [0, 1], higher = more anomalous, of events `X` float32 (n, F)."""
        out = np.empty(len(X))
        self.score_rows(X, np.arange(len(X)), out)
        return out

    def score_rows(self, X: npt.NDArray[np.float32], rows: npt.NDArray[np.intp], out: npt.NDArray[np.float64]) -> None:
        """Write the scores of `X[rows]` to `out[rows]`; `X` float32 (n, F), `rows` integers, `out` float64 (n,)."""
        _score(X, rows, self.columns, self.sign, self.feature, self.threshold, self.length, self.normalizer, out)

    def contributions(self, x: npt.NDArray[np.float32], n_features: int) -> npt.NDArray[np.float64]:
        """Shapley value of each feature in the base-2 logarithm of one event's score, float64 (n_features,).

        Exact, see `detector.core.attribution`. The score is 2^(-E[h] / c), so the values are of the mean path length in
        units of c, shorter = positive. They sum to log2(score) less `expected_log_score`.
        """
        given = np.zeros(n_features)
        given[self.columns] = self._trees.shapley(self.sign * x[self.columns])
        return given / (-len(self.feature) * self.normalizer)

    @property
    def expected_log_score(self) -> float:
        """The base-2 logarithm of the score at the mean path length of the training events."""
        return float(-self.length[:, 0].mean() / self.normalizer)

    @cached_property
    def _trees(self) -> Trees:
        return perfect_trees(self.feature, self.threshold, self.length, self.cover)


@njit(cache=True)
def _score(
    X: Any, rows: Any, columns: Any, sign: Any, feature: Any, threshold: Any, length: Any, normalizer: Any, out: Any
) -> None:
    n, trees = len(rows), feature.shape[0]
    whole = n - n % LANES
    tile = np.empty((len(columns), LANES), np.float32)
    sums = np.zeros(n)
    for start in range(0, trees, TREES):
        stop = min(trees, start + TREES)
        for i in range(0, whole, LANES):
            for j in range(len(columns)):
                for lane in range(LANES):
                    tile[j, lane] = sign[j] * X[rows[i + lane], columns[j]]
            _walk_events(tile.ravel(), start, stop, feature, threshold, length, sums[i : i + LANES])
    one = np.empty(len(columns), np.float32)
    for i in range(whole, n):
        for j in range(len(columns)):
            one[j] = sign[j] * X[rows[i], columns[j]]
        sums[i] = _walk_trees(one, feature, threshold, length)
    for i in range(n):
        out[rows[i]] = 2.0 ** -(sums[i] / (trees * normalizer))


@njit(cache=True)
def _walk_events(tile: Any, start: int, stop: int, feature: Any, threshold: Any, length: Any, sums: Any) -> None:
    """Add the path lengths of eight events, `tile[feature * LANES + lane]`, in trees `start` … `stop - 1`."""
    inner = feature.shape[1]
    features, thresholds, lengths = feature.ravel(), threshold.ravel(), length.ravel()
    node = np.zeros(LANES, np.uint32)
    for t in range(start, stop):
        split = np.uint32(t * inner)
        base = np.uint32(t * length.shape[1])
        node[:] = 0
        for _ in range(_depth(inner)):
            for lane in range(LANES):
                k = node[lane]
                x = tile[np.uint32(features[split + k]) * np.uint32(LANES) + np.uint32(lane)]
                node[lane] = np.uint32(2) * k + np.uint32(1) + np.uint32(x > thresholds[split + k])
        for lane in range(LANES):
            sums[lane] += lengths[base + node[lane]]


@njit(cache=True)
def _walk_trees(x: Any, feature: Any, threshold: Any, length: Any) -> float:
    """The path lengths of one event, summed in tree order."""
    trees, inner = feature.shape
    features, thresholds, lengths = feature.ravel(), threshold.ravel(), length.ravel()
    node = np.zeros(LANES, np.uint32)
    total = 0.0
    for start in range(0, trees, LANES):
        lanes = min(LANES, trees - start)
        node[:] = 0
        for _ in range(_depth(inner)):
            for lane in range(LANES):
                # A last group of fewer than eight repeats its last tree: cheaper than a second loop.
                split = np.uint32((start + min(lane, lanes - 1)) * inner)
                k = node[lane]
                step = x[features[split + k]] > thresholds[split + k]
                node[lane] = np.uint32(2) * k + np.uint32(1) + np.uint32(step)
        for lane in range(lanes):
            total += lengths[np.uint32((start + lane) * length.shape[1]) + node[lane]]
    return total


@njit(cache=True)
def _depth(inner: int) -> int:
    depth = 0
    while inner:
        inner >>= 1
        depth += 1
    return depth
