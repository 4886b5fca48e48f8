"""Joint tails: how rare it is among normal events that several features are at least this risky at once.

score = -ln R(x), R(x) = training events a day that are at least x in all coordinates (+ ½ in all days together), read
from a grid. Two events of one cell differ by a tie-breaker, smaller than any step between cells. A feature may be
capped where risk no longer rises with it: then only the conjunction counts.
"""

from dataclasses import dataclass
from functools import cache
from math import comb
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.core.array_checks import (
    Layout,
    check_ascending,
    check_columns,
    check_layout,
    check_starts,
    check_within,
)

MOST_COORDINATES = 6  # with more, hardly any normal event is at least x in all of them
ROUNDING = 1e-9  # of a score of one
_LAYOUT: Layout = {
    "columns": (np.int64, 1),
    "sign": (np.float32, 1),
    "cap": (np.float32, 1),
    "knots": (np.float32, 1),
    "cells": (np.int32, 1),
    "ranks": (np.float64, 1),
    "starts": (np.int64, 1),
    "table": (np.float64, 1),
}


class Rarity(NamedTuple):
    """Normal events a day that are at least as risky as one event, plus ½ over all training days.

    `alone` float64 (F,): in one feature, NaN for features that are no coordinate; `together`: in all coordinates.
    """

    alone: npt.NDArray[np.float64]
    together: float


@dataclass(frozen=True, slots=True, eq=False)
class JointTail:
    """A table of scores over a grid of C ≤ 6 coordinates, all in flat arrays.

    Coordinate j is `v = min(sign[j] * x[columns[j]], cap[j])`, higher = riskier. Its knots, ascending, are
    `knots[starts[j]:starts[j + 1]]`; the number s of those at or below v (missing: 0) picks
    `cells[starts[j] + j + s]`, the index along its axis of `table` times the axis' stride, and `ranks[...]`, its part
    of the tie-breaker. The score is `table` at the sum of cells plus the sum of ranks.

    `columns` int64 (C,), `sign` and `cap` float32 (C,), `knots` float32, `cells` int32, `ranks` float64, `starts`
    int64 (C + 1,), `table` float64 (cells,), all scores in [0, 1]: `scale * (-ln R - least)`.
    """

    columns: npt.NDArray[np.int64]
    sign: npt.NDArray[np.float32]
    cap: npt.NDArray[np.float32]
    knots: npt.NDArray[np.float32]
    cells: npt.NDArray[np.int32]
    ranks: npt.NDArray[np.float64]
    starts: npt.NDArray[np.int64]
    table: npt.NDArray[np.float64]
    scale: float
    least: float

    def __post_init__(self) -> None:
        check_layout(self, _LAYOUT)
        check_columns(self.columns)
        coordinates = len(self.columns)
        if coordinates > MOST_COORDINATES:
            raise ValueError(f"a joint tail of {coordinates} coordinates: 1 to {MOST_COORDINATES} are possible")
        if not coordinates == len(self.sign) == len(self.cap):
            raise ValueError("a joint tail's columns, signs and caps differ in number")
        check_starts(self.starts, coordinates, len(self.knots))
        if not len(self.knots) + coordinates == len(self.cells) == len(self.ranks):
            raise ValueError("a joint tail's knots, cells and ranks differ in number")
        check_within("sign", np.abs(self.sign), 1, 1)
        if np.isnan(self.cap).any():
            raise ValueError("cap: values that are missing")
        check_ascending("knots", self.knots, self.starts)
        riskiest = np.maximum.reduceat(self.cells.astype(np.int64), self.starts[:-1] + np.arange(coordinates))
        if self.cells.min() < 0 or riskiest.sum() >= len(self.table):
            raise ValueError("a joint tail's cells lie outside its table")
        check_within("ranks", self.ranks, 0, 1)
        check_within("table", self.table, 0, 1 + ROUNDING)
        if not 0 < self.scale < np.inf or not np.isfinite(self.least):
            raise ValueError(f"scale {self.scale} or least {self.least}: not finite, or not positive")

    def score_many(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Scores float64 (n,) in [0, 1], higher = rarer, of events `X` float32 (n, F)."""
        out = np.empty(len(X))
        self.score_rows(X, np.arange(len(X)), out)
        return out

    def score_rows(self, X: npt.NDArray[np.float32], rows: npt.NDArray[np.intp], out: npt.NDArray[np.float64]) -> None:
        """Write the scores of `X[rows]` to `out[rows]`; `X` float32 (n, F), `rows` integers, `out` float64 (n,)."""
        _score(
            X, rows, self.columns, self.sign, self.cap, self.knots, self.cells, self.ranks, self.starts, self.table, out
        )

    def contributions(self, x: npt.NDArray[np.float32], n_features: int) -> npt.NDArray[np.float64]:
        """Shapley value of each coordinate in one event's score, float64 (n_features,), exact.

        The value of a set of coordinates is how rare it is that these are at least as risky, whatever the others are;
        of the empty set it is 0. So the values sum to the score.
        """
        steps = self._steps(x)
        given = np.zeros(n_features)
        given[self.columns] = _shapley(len(steps)) @ self.table[self._cells(steps)] + self.ranks[steps]
        return given

    def rarity(self, x: npt.NDArray[np.float32], n_features: int) -> Rarity:
        """How often normal events are at least as risky as `x`, in each coordinate and in all."""
        of_set = np.exp(-self.table[self._cells(self._steps(x))] / self.scale - self.least)
        alone = np.full(n_features, np.nan)
        alone[self.columns] = of_set[1 << np.arange(len(self.columns))]
        return Rarity(alone, float(of_set[-1]))

    def _cells(self, steps: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Indices in `table` of every set of coordinates, int64 (2^C,): bit j for the j-th, the others at no risk."""
        cells: npt.NDArray[np.int64] = _members(len(steps)) @ self.cells[steps].astype(np.int64)
        return cells

    def _steps(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """Indices of the coordinates' steps in `cells` and `ranks`."""
        return np.array([self._step(x, j) for j in range(len(self.columns))], np.int64)

    def _step(self, x: npt.NDArray[np.float32], j: int) -> int:
        """Index of coordinate `j`'s step in `cells` and `ranks`."""
        start, stop = self.starts[j], self.starts[j + 1]
        value = np.minimum(self.sign[j] * x[self.columns[j]], self.cap[j])
        return int(start + j + (self.knots[start:stop] <= value).sum())


@cache
def _members(coordinates: int) -> npt.NDArray[np.int64]:
    """Whether set S has coordinate j, (2^C, C)."""
    return np.arange(1 << coordinates)[:, None] >> np.arange(coordinates) & 1


@cache
def _shapley(coordinates: int) -> npt.NDArray[np.float64]:
    """The weight of set S's value in that of coordinate j, (C, 2^C): Shapley, A value for n-person games, 1953."""
    members = _members(coordinates).T
    before = members.sum(axis=0) - members  # size of the set without j
    weights = np.array([1 / coordinates / comb(coordinates - 1, size) for size in range(coordinates)] + [0.0])
    signed: npt.NDArray[np.float64] = np.where(members == 1, weights[before], -weights[before])
    return signed


@njit(cache=True)
def _score(
    X: Any,
    rows: Any,
    columns: Any,
    sign: Any,
    cap: Any,
    knots: Any,
    cells: Any,
    ranks: Any,
    starts: Any,
    table: Any,
    out: Any,
) -> None:
    for i in range(len(rows)):
        cell, tie = 0, 0.0
        for j in range(len(columns)):
            value = sign[j] * X[rows[i], columns[j]]
            if value > cap[j]:  # noqa: PLR1730 - min() of a missing value is not missing in numba
                value = cap[j]
            low, high = starts[j], starts[j + 1]
            while low < high:  # a missing value (NaN) is above no knot
                middle = (low + high) >> 1
                if knots[middle] <= value:
                    low = middle + 1
                else:
                    high = middle
            cell += cells[low + j]
            tie += ranks[low + j]
        out[rows[i]] = table[cell] + tie
