"""Tail surprise: how rare a feature's value, or a riskier one, is among training events of the same kind.

s_j(x) = -ln P̂(X_j ≥ x), empirical, at most ln(n + 1), and never below the median's: values less risky than the
median carry no information. A missing value (NaN) has the median's surprise. Values are oriented by a sign
per feature first, so that higher is always riskier.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.core.tails import KNOTS, upper_tail


@dataclass(frozen=True, slots=True, eq=False)
class Surprise:
    """A step function per feature, all in three flat arrays.

    Feature j has `m = starts[j + 1] - starts[j]` knots, oriented training values from the median up, ascending, in
    `knots[starts[j]:starts[j + 1]]`; its `m + 1` levels begin at `levels[starts[j] + j]`. The index of x's level is
    the number of knots strictly below x: exact at every knot, ties included.
    `sign` float32 (F,), `knots` float32, `levels` float32, `starts` int64 (F + 1,).
    """

    sign: npt.NDArray[np.float32]
    knots: npt.NDArray[np.float32]
    levels: npt.NDArray[np.float32]
    starts: npt.NDArray[np.int64]

    def surprise_many(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Surprises float32 (n, F) of raw features `X` float32 (n, F), higher = riskier."""
        out = np.empty(X.shape, np.float32)
        _surprises(np.ascontiguousarray(X, np.float32), self.sign, self.knots, self.levels, self.starts, out)
        return out

    def steps(self, j: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Knots (m,) and levels (m + 1,) of feature `j`."""
        start, stop = self.starts[j], self.starts[j + 1]
        return self.knots[start:stop], self.levels[start + j : stop + j + 1]

    @property
    def usual(self) -> npt.NDArray[np.float32]:
        """Training median of every feature, not oriented; NaN if no training event has it."""
        medians = [self.steps(j)[0] for j in range(len(self.sign))]
        return np.array([knots[0] if len(knots) else np.nan for knots in medians], np.float32) * self.sign


def fit_surprise(X: npt.NDArray[np.float32], sign: npt.NDArray[np.float32], knots: int = KNOTS) -> Surprise:
    """The surprise of features `X` float32 (n, F) of training events, NaN where missing; `sign` (F,) is ±1."""
    columns = [_steps(sign[j] * X[:, j], knots) for j in range(X.shape[1])]
    starts = np.concatenate(([0], np.cumsum([len(values) for values, _ in columns])))
    return Surprise(
        np.ascontiguousarray(sign, np.float32),
        np.concatenate([values for values, _ in columns]),
        np.concatenate([levels for _, levels in columns]),
        starts.astype(np.int64),
    )


def _steps(values: npt.NDArray[np.float32], knots: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    present = values[~np.isnan(values)]
    n = len(present)
    if n == 0:
        return np.empty(0, np.float32), np.zeros(1, np.float32)
    # The median, or the upper of the two: a training value, so that its own count is exact.
    median = np.partition(present, n // 2)[n // 2]
    distinct, at_least = upper_tail(present[present >= median], knots)
    levels = np.concatenate((-np.log(at_least / n), [np.log(n + 1)]))
    return distinct.astype(np.float32), levels.astype(np.float32)


@njit(cache=True)
def _surprises(X, sign, knots, levels, starts, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for i in range(X.shape[0]):
        for j in range(X.shape[1]):
            x = sign[j] * X[i, j]
            low, high = starts[j], starts[j + 1]
            while low < high:  # NaN compares false: no knot is below it, as for the median
                middle = (low + high) >> 1
                if knots[middle] < x:
                    low = middle + 1
                else:
                    high = middle
            out[i, j] = levels[low + j]
