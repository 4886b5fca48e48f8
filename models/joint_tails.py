"""Fits a joint tail: a histogram of normal events over a grid of upper quantiles, cumulated from above."""

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import KINDS
from detector.core.detectors import DetectorSpec
from detector.core.joint_tail import JointTail
from detector.core.stage import Columns
from detector.core.tails import upper_tail
from models.datasets import Dataset

#: Grid lines: the values that these shares of the training events reach, two or three a decade. Above half a
#: line separates nothing; below 5 in 100,000 a month of a mid-sized bank has too few events to count.
QUANTILES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001, 0.00005)
MOST_CELLS = 2**18  # 2 MiB of scores a detector: stays in a second-level cache
TIE_KNOTS = 64  # distinct values of a coordinate for the tie-breaker
TIE = 0.01  # times the sum of marginal ranks; at most .06, the step between cells is about .7
HALF = 0.5  # added to each count, so that an empty cell has a finite score


def fit_joint_tail(spec: DetectorSpec, data: Dataset, columns: Columns) -> JointTail:
    """The joint tail of the features of `spec` among normal events of its kinds, of which there must be one."""
    X = data.X[np.isin(data.kind, [KINDS.index(kind) for kind in spec.kinds])]
    indices = np.array([columns.feature_names.index(name) for name, _ in spec.features], np.int64)
    sign = np.array([columns.features[index].risk for index in indices], np.float32)
    limits = [np.inf if most is None else risk * most for risk, (_, most) in zip(sign, spec.features, strict=True)]
    return fit(X, indices, sign, np.array(limits, np.float32), len(np.unique(data.day)))


def fit(
    X: npt.NDArray[np.float32],
    columns: npt.NDArray[np.int64],
    sign: npt.NDArray[np.float32],
    cap: npt.NDArray[np.float32],
    days: int,
) -> JointTail:
    """The joint tail of coordinates `columns` of `X` float32 (n, F), normal events of `days` days, n ≥ 1.

    `sign` (C,) is ±1, the direction of risk; `cap` (C,) the oriented value above which risk no longer grows, or
    infinity.
    """
    values = [np.minimum(sign[j] * X[:, column], cap[j]) for j, column in enumerate(columns)]
    grids = _within_bounds([_grid(value) for value in values])
    shape = tuple(len(grid) + 1 for grid in grids)
    levels = [_level(grid, value) for grid, value in zip(grids, values, strict=True)]
    counts = np.bincount(np.ravel_multi_index(tuple(levels), shape), minlength=int(np.prod(shape))).reshape(shape)
    for axis in range(len(shape)):
        counts = np.flip(np.cumsum(np.flip(counts, axis), axis), axis)
    rarity = -np.log((counts + HALF) / days)
    # Scaled to [0, 1]: 0 is the cell of all events, 1 an empty cell with the largest tie-breaker.
    least = -np.log((len(X) + HALF) / days)
    scale = 1 / (-np.log(HALF / days) - least + TIE * len(columns))
    marginals = [_marginal(grid, value) for grid, value in zip(grids, values, strict=True)]
    strides = [int(np.prod(shape[j + 1 :])) for j in range(len(shape))]
    starts = np.concatenate(([0], np.cumsum([len(knots) for knots, _ in marginals])))
    return JointTail(
        columns=np.asarray(columns, np.int64),
        sign=np.asarray(sign, np.float32),
        cap=np.asarray(cap, np.float32),
        knots=np.concatenate([knots for knots, _ in marginals]),
        cells=np.concatenate(
            [
                stride * np.append(0, _level(grid, knots))
                for grid, (knots, _), stride in zip(grids, marginals, strides, strict=True)
            ]
        ).astype(np.int32),
        ranks=np.concatenate([scale * TIE * ranks for _, ranks in marginals]),
        starts=starts.astype(np.int64),
        table=(scale * (rarity - least)).ravel(),
        scale=float(scale),
        least=float(least),
    )


def _grid(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Grid lines of a coordinate, ascending: upper quantiles over all events, missing values included."""
    present = np.sort(values[~np.isnan(values)])[::-1]
    wanted = np.ceil(np.array(QUANTILES) * len(values)).astype(np.intp) - 1
    lines = np.unique(present[wanted[wanted < len(present)]])
    # The minimum is no line: every event reaches it.
    return lines if len(present) < len(values) or not len(present) else lines[lines > present[-1]]


def _within_bounds(grids: list[npt.NDArray[np.float32]]) -> list[npt.NDArray[np.float32]]:
    """The grids, the finest thinned to every second line until the table is small enough; the top line stays."""
    grids = list(grids)
    while np.prod([len(grid) + 1.0 for grid in grids]) > MOST_CELLS:
        finest = int(np.argmax([len(grid) for grid in grids]))
        grids[finest] = grids[finest][::-1][::2][::-1]
    return grids


def _level(grid: npt.NDArray[np.float32], values: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    """Number of grid lines each value reaches; 0 where it is missing."""
    return np.where(np.isnan(values), 0, np.searchsorted(grid, values, side="right"))


def _marginal(
    grid: npt.NDArray[np.float32], values: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Knots of a coordinate, grid lines among them, and the rank in [0, 1] of each of their steps."""
    distinct, _ = upper_tail(values[~np.isnan(values)], TIE_KNOTS)
    knots = np.unique(np.concatenate((grid, distinct))).astype(np.float32)
    ordered = np.sort(values[~np.isnan(values)])
    below = len(values) - len(ordered) + np.searchsorted(ordered, knots)
    return knots, np.append(0.0, below / len(values))
