"""Each feature's part in the output of a tree ensemble for one event: exact path-dependent Shapley values.

The game (Lundberg et al., From local explanations to global understanding with explainable AI for trees, Nature
Machine Intelligence 2, 2020, algorithm 1): a tree that knows only the features of a set S goes both ways at a split on
another, weighted by the training events that went there. v(all) is the trees' output, v(none) its mean over
the training events, and the values of all features sum to the difference.

A leaf counts with weight ∏ (o_j for j in S, else z_j): o_j is 1 if the event meets all conditions on feature j on
its path, else 0; z_j is the product of the training events' shares. Shapley's mean over all orders is then an
integral of a polynomial over t in [0, 1], ∫ (o_i − z_i) ∏ (t o_j + (1 − t) z_j) dt over j ≠ i. With m features on the
path its degree is m − 1, so ⌈m / 2⌉ Gauss-Legendre points are exact. A tree is walked down once, with the products
at all points, and up once, with their sums over leaves: linear in its nodes (Yu, Xu, Bifet & Read, Linear TreeShap,
NeurIPS 2022; at quadrature points: Wettenstein, Mitchell & Yu, Quadrature-TreeSHAP, arXiv 2605.04497, 2026). No point
is 0 or 1 and no z is 0, so nothing is divided by zero.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

LANES = 4  # quadrature points a pass, unrolled in the kernel: enough for eight features on a path


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """T trees whose leaf values are summed, as runs of N splits and M leaves.

    Tree t has the splits `splits[t]` … `splits[t + 1] - 1` and the leaves `leaves[t]` … `leaves[t + 1] - 1`, int64
    (T + 1,). A node's index is its number in its tree: splits first, the root 0, parents before children, then leaves.
    Of a split: `column` int32 (N,), the feature; an event goes right if `x > threshold`, float32 (N,), or x is
    missing and `missing_right`, bool (N,). `child` int32 (N, 2): indices of the left and right child; `share` float64
    (N, 2): of the training events, the share that went there; `before` int32 (N,): index of the child that follows the
    last split on the same feature on the path, −1 for none. `value` float64 (M,): of leaves. `points`, `weights`
    float64: the quadrature, in whole passes.
    """

    splits: npt.NDArray[np.int64]
    leaves: npt.NDArray[np.int64]
    column: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float32]
    missing_right: npt.NDArray[np.bool_]
    child: npt.NDArray[np.int32]
    share: npt.NDArray[np.float64]
    before: npt.NDArray[np.int32]
    value: npt.NDArray[np.float64]
    points: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    #: Mean output of the trees over the training events.
    expected: float

    def shapley(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Shapley value of each feature of one event, float32 (C,), in the sum of the trees, float64 (C,).

        The values sum to the trees' output for the event less `expected`.
        """
        given = np.zeros(len(x))
        _shapley(
            x, self.splits, self.leaves, self.column, self.threshold, self.missing_right, self.child, self.share,
            self.before, self.value, self.points, self.weights, given,
        )  # fmt: skip
        return given


@njit(cache=True)
def _shapley(
    x: Any,
    splits: Any,
    leaves: Any,
    column: Any,
    threshold: Any,
    missing_right: Any,
    child: Any,
    share: Any,
    before: Any,
    value: Any,
    points: Any,
    weights: Any,
    given: Any,
) -> None:
    most = 0
    for t in range(len(splits) - 1):
        most = max(most, splits[t + 1] - splits[t] + leaves[t + 1] - leaves[t])
    # By node index: the products over the path at each point, later their sums over the leaves below; whether the event
    # met all conditions on the split's feature, and then z and 1 / (t + (1 - t) z).
    products, inverse = np.empty(most * LANES), np.empty(most * LANES)
    met, z = np.empty(most, np.bool_), np.empty(most)
    for first in range(0, len(points), LANES):
        at = points[first : first + LANES]
        for t in range(len(splits) - 1):
            a, b, c, d = splits[t], splits[t + 1], leaves[t], leaves[t + 1]
            products[:LANES] = weights[first : first + LANES]
            _down(
                x, column[a:b], threshold[a:b], missing_right[a:b], child[a:b].ravel(), share[a:b].ravel(),
                before[a:b], at, products, inverse, met, z,
            )  # fmt: skip
            inner = b - a
            for leaf in range(d - c):
                for q in range((inner + leaf) * LANES, (inner + leaf + 1) * LANES):
                    products[q] *= value[c + leaf]
            _up(column[a:b], child[a:b].ravel(), before[a:b], at, products, inverse, met, z, given)


# The lanes are unrolled, because the compiler does not vectorize them as loops (measured: 880 µs to 360 µs).
@njit(cache=True)
def _down(
    x: Any,
    column: Any,
    threshold: Any,
    missing_right: Any,
    child: Any,
    share: Any,
    before: Any,
    at: Any,
    products: Any,
    inverse: Any,
    met: Any,
    z: Any,
) -> None:
    """Pass products from each split to its two children, the one on the event's path and the other."""
    t0, t1, t2, t3 = at[0], at[1], at[2], at[3]
    for k in range(len(column)):
        v = x[np.uint32(column[k])]
        right = np.uint32((v > threshold[k]) | (missing_right[k] & (v != v)))  # noqa: PLR0124 - not a number
        two = np.uint32(2) * np.uint32(k)
        on, off = np.uint32(child[two + right]), np.uint32(child[two + np.uint32(1) - right])
        z_on, z_off = share[two + right], share[two + np.uint32(1) - right]
        p, o, a = np.uint32(LANES) * np.uint32(k), np.uint32(LANES) * on, np.uint32(LANES) * off
        p0, p1, p2, p3 = products[p], products[p + 1], products[p + 2], products[p + 3]
        met[off] = False
        if before[k] >= 0:
            last = np.uint32(before[k])
            if not met[last]:
                met[on] = False
                products[o], products[a] = p0 * z_on, p0 * z_off
                products[o + 1], products[a + 1] = p1 * z_on, p1 * z_off
                products[o + 2], products[a + 2] = p2 * z_on, p2 * z_off
                products[o + 3], products[a + 3] = p3 * z_on, p3 * z_off
                continue
            z_on *= z[last]
            z_off *= z[last]
            i = np.uint32(LANES) * last
            p0, p1, p2, p3 = p0 * inverse[i], p1 * inverse[i + 1], p2 * inverse[i + 2], p3 * inverse[i + 3]
        met[on] = True
        z[on] = z_on
        m0, m1, m2, m3 = t0 + (1 - t0) * z_on, t1 + (1 - t1) * z_on, t2 + (1 - t2) * z_on, t3 + (1 - t3) * z_on
        # Four inverses with one division, which is the slowest operation here.
        m01, m23 = m0 * m1, m2 * m3
        one = 1.0 / (m01 * m23)
        i01, i23 = one * m23, one * m01
        inverse[o], inverse[o + 1], inverse[o + 2], inverse[o + 3] = i01 * m1, i01 * m0, i23 * m3, i23 * m2
        products[o], products[a] = p0 * m0, p0 * (1 - t0) * z_off
        products[o + 1], products[a + 1] = p1 * m1, p1 * (1 - t1) * z_off
        products[o + 2], products[a + 2] = p2 * m2, p2 * (1 - t2) * z_off
        products[o + 3], products[a + 3] = p3 * m3, p3 * (1 - t3) * z_off


@njit(cache=True)
def _up(
    column: Any, child: Any, before: Any, at: Any, products: Any, inverse: Any, met: Any, z: Any, given: Any
) -> None:
    """Pass sums over leaves from the children to each split; each split's overwrite those of the one before."""
    r0, r1, r2, r3 = 1 / (1 - at[0]), 1 / (1 - at[1]), 1 / (1 - at[2]), 1 / (1 - at[3])
    for k in range(len(column) - 1, -1, -1):
        two = np.uint32(2) * np.uint32(k)
        right = np.uint32(met[np.uint32(child[two + np.uint32(1)])])
        on, off = np.uint32(child[two + right]), np.uint32(child[two + np.uint32(1) - right])
        p, o, a = np.uint32(LANES) * np.uint32(k), np.uint32(LANES) * on, np.uint32(LANES) * off
        o0, o1, o2, o3 = products[o], products[o + 1], products[o + 2], products[o + 3]
        a0, a1, a2, a3 = products[a], products[a + 1], products[a + 2], products[a + 3]
        s0, s1, s2, s3 = o0 + a0, o1 + a1, o2 + a2, o3 + a3
        products[p], products[p + 1], products[p + 2], products[p + 3] = s0, s1, s2, s3
        said = 0.0
        if before[k] >= 0:
            last = np.uint32(before[k])
            if not met[last]:
                continue
            i = np.uint32(LANES) * last
            said = (s0 * inverse[i] + s1 * inverse[i + 1] + s2 * inverse[i + 2] + s3 * inverse[i + 3]) * (1 - z[last])
        here = (o0 * inverse[o] + o1 * inverse[o + 1] + o2 * inverse[o + 2] + o3 * inverse[o + 3]) * (1 - z[on])
        given[np.uint32(column[k])] += here - (a0 * r0 + a1 * r1 + a2 * r2 + a3 * r3) - said
