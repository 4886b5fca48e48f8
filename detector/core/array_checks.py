"""Checks of a model's arrays when it is built: kernels check no index, so what they read must be right.

Each raises ValueError, which names the array, what it is and what was expected.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

#: dtype and number of dimensions, by array.
Layout = Mapping[str, tuple[type, int]]
Arrays = Mapping[str, npt.NDArray[Any]]


def check_layout(arrays: object, layout: Layout) -> None:
    """The dtype and the number of dimensions of an object's arrays."""
    for name, (dtype, dims) in layout.items():
        check_array(name, getattr(arrays, name), dtype, dims)


def check_array(name: str, array: npt.NDArray[Any], dtype: type, dims: int) -> None:
    """The dtype, native byte order included, and the number of dimensions."""
    if array.dtype != np.dtype(dtype) or array.ndim != dims:
        raise ValueError(f"{name}: {array.ndim} dimensions of {array.dtype}, expected {dims} of {np.dtype(dtype).name}")


def scalar(name: str, arrays: Arrays) -> float:
    """The one float64 of an array without dimensions."""
    check_array(name, arrays[name], np.float64, 0)
    return float(arrays[name])


def check_columns(columns: npt.NDArray[np.int64]) -> None:
    """Indices of columns: at least one, none negative, none twice."""
    if not len(columns) or columns.min() < 0 or len(np.unique(columns)) < len(columns):
        raise ValueError(f"columns: {columns.tolist()}, expected different ones, none below 0")


def check_within(name: str, values: npt.NDArray[Any], low: float = -np.inf, high: float = np.inf) -> None:
    """Values that are finite and in [low, high]."""
    if not (np.isfinite(values) & (values >= low) & (values <= high)).all():
        raise ValueError(f"{name}: values that are not finite or not in [{low}, {high}]")


def check_starts(starts: npt.NDArray[np.int64], runs: int, end: int) -> None:
    """Starts of `runs` runs that divide `end` entries."""
    if len(starts) != runs + 1 or starts[0] != 0 or starts[-1] != end or (starts[1:] < starts[:-1]).any():
        raise ValueError(f"starts: {len(starts)} that do not divide {end} knots into {runs} runs")


def check_ascending(name: str, values: npt.NDArray[Any], starts: npt.NDArray[np.int64]) -> None:
    """Values that are finite and rise strictly within each run."""
    check_within(name, values)
    rises = values[1:] > values[:-1]
    begins = starts[(starts > 0) & (starts < len(values))]
    rises[begins - 1] = True
    if not rises.all():
        raise ValueError(f"{name}: values that do not rise within a run")


def check_order(columns: npt.NDArray[np.int64]) -> None:
    """Columns that rise, as they are written: in another order they would be those of other features."""
    if (columns[1:] <= columns[:-1]).any():
        raise ValueError(f"columns: {columns.tolist()} that do not rise")
