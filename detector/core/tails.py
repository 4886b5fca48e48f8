"""The upper tail of a sample in bounded space: the number of training values at least as large as a given one."""

import numpy as np
import numpy.typing as npt

#: Steps of the count's logarithm. A million values span ln(10⁶) ≈ 14, so the error of the count between two knots
#: is at most 1.4 %, and about 70 topmost values, which decide about alerts, are all kept.
KNOTS = 1000


def upper_tail(
    values: npt.NDArray[np.floating], knots: int = KNOTS
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.int64]]:
    """Distinct values of a sample, ascending, and for each the number of sample values at least as large.

    `values` (n,) without NaN. Up to `knots` distinct values are all kept; of more, those at equal steps of the count's
    logarithm, including the lowest and highest. Counts are exact at every value returned.
    """
    ordered = np.sort(values)
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(ordered) else np.arange(0)
    counts = len(ordered) - first
    if len(counts) > knots:
        wanted = np.exp(np.linspace(np.log(counts[0]), np.log(counts[-1]), knots))
        # Counts fall along the values: the knot of a wanted count is the last value that has at least that many.
        indices = np.searchsorted(-counts, -np.floor(wanted), side="right") - 1
        indices = np.unique(np.concatenate(([0], indices, [len(counts) - 1])))
        first, counts = first[indices], counts[indices]
    return ordered[first], counts.astype(np.int64)
