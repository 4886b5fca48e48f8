"""About how many different hashes were met, from bits set by them: linear counting.

K.-Y. Whang, B. T. Vander-Zanden, H. M. Taylor, A linear-time probabilistic counting algorithm for database
applications, 1990.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit


def counts(bits: int) -> npt.NDArray[np.int64]:
    """Estimated different hashes by number of bits set, of `bits`, int64 (bits + 1,).

    All bits set counts as half a bit left.
    """
    left = [bits - k if k < bits else 0.5 for k in range(bits + 1)]
    return np.array([round(bits * math.log(bits / free)) for free in left])


@njit(cache=True)
def ones(word: Any) -> int:
    """Number of bits set in a word (Wegner 1960)."""
    count = 0
    while word:
        word &= word - np.uint64(1)
        count += 1
    return count


@njit(cache=True)
def bits_set(bits: Any) -> int:
    """Number of bits set in two words."""
    return ones(bits[0]) + ones(bits[1])


@njit(cache=True)
def is_in(bits: Any, number: Any) -> Any:
    """Whether the bit of a hash is set in two words."""
    return bits[(number >> np.uint64(6)) & np.uint64(1)] >> (number & np.uint64(63)) & np.uint64(1) != 0


@njit(cache=True)
def put_in(bits: Any, number: Any) -> None:
    """Set the bit of a hash in two words."""
    bits[(number >> np.uint64(6)) & np.uint64(1)] |= np.uint64(1) << (number & np.uint64(63))
