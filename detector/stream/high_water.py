"""High-water marks of a node's upstreams: drops what a restarted upstream sends again (PROTOCOL rules 6 and 7)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

#: Events that a hop message holds at most: a position is an offset and an index below this.
MAX_EVENTS = 1 << 16


def slot_of(upstream: int, partition: int, partitions: int) -> int:
    """An upstream's number and partition as one: its index in `HighWaterMarks`."""
    return upstream * partitions + partition


class HighWaterMarks:
    """The greatest position met of every upstream partition: `marks` int64 (slots,), −1 where none.

    A position is `offset * MAX_EVENTS + index` in the upstream's input.
    """

    def __init__(self, slots: int, marks: Sequence[int] = ()) -> None:
        self.marks = np.full(slots, -1, np.int64)
        self.marks[: len(marks)] = marks

    def take(self, slot: npt.NDArray[np.int32], position: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which of the next events, (n,), are new; raises their marks."""
        fresh = np.empty(len(slot), np.bool_)
        _take(self.marks, slot, position, fresh)
        return fresh


@njit(cache=True)
def _take(marks: Any, slot: Any, position: Any, fresh: Any) -> None:
    for i in range(len(slot)):
        fresh[i] = position[i] > marks[slot[i]]
        if fresh[i]:
            marks[slot[i]] = position[i]
