"""Which rows a changelog holds: the pairs of key and writer met in it, and not deleted since."""

from typing import Any

import numpy as np
import numpy.typing as npt

#: Of key and writer: what a changelog's record keys are made of.
KEY = np.dtype([("key", "<u8"), ("writer", "<u8")])
#: Pairs that wait to be folded in: a sort of so many takes some milliseconds.
LEAST_WAITING = 100_000


class Pairs:
    """Pairs in the order of the log; memory grows with those that are there, not with the log."""

    def __init__(self) -> None:
        self._known = np.empty(0, KEY)
        self._waiting: list[tuple[bytes, bool]] = []
        self._count = 0

    def add(self, keys: bytes, *, deleted: bool) -> None:
        """The next records' keys, one behind the other, of rows or of tombstones."""
        if keys:
            self._waiting.append((keys, deleted))
            self._count += len(keys) // KEY.itemsize

    @property
    def many(self) -> bool:
        """Whether as many wait as are known, so that `fold` is due."""
        return self._count > max(LEAST_WAITING, len(self._known))

    def met(self) -> npt.NDArray[Any]:
        """All pairs met, in any order, any number of times, those deleted since the last fold included."""
        return np.concatenate([self._known, *(np.frombuffer(keys, KEY) for keys, _ in self._waiting)])

    def fold(self) -> npt.NDArray[Any]:
        """Drop what was deleted; the keys that have a row, ascending, some of them twice."""
        met = self.met()
        lengths = [len(self._known), *(len(keys) // KEY.itemsize for keys, _ in self._waiting)]
        deleted = np.repeat([False, *(deleted for _, deleted in self._waiting)], lengths)
        keys, writers = np.ascontiguousarray(met["key"]), np.ascontiguousarray(met["writer"])
        # Stable: of equal pairs the last is what was said last.
        order = np.lexsort((writers, keys))
        keys, writers, deleted = keys[order], writers[order], deleted[order]
        last = np.ones(len(keys), bool)
        last[:-1] = (keys[1:] != keys[:-1]) | (writers[1:] != writers[:-1])
        there = last & ~deleted
        self._known = np.empty(np.count_nonzero(there), KEY)
        self._known["key"], self._known["writer"] = keys[there], writers[there]
        self._waiting, self._count = [], 0
        left: npt.NDArray[Any] = keys[there]
        return left
