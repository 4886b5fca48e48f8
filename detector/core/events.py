"""Events as they pass through the topology: columns, features, facts and strings."""

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch, concatenate
from detector.contract.texts import Strings
from detector.core.stage import FACTS


class Events(NamedTuple):
    """`n` events in the order of a node's input.

    `X` float32 (n, F): the features of all stages side by side, NaN where there is none (yet); `facts` int64
    (n, len(FACTS)); `strings`: None if no alerts will be built.
    """

    batch: Batch
    X: npt.NDArray[np.float32]
    facts: npt.NDArray[np.int64]
    strings: Strings | None = None

    @classmethod
    def fresh(cls, batch: Batch, width: int, strings: Strings | None = None) -> Self:
        """Events before the first node, with `width` empty features."""
        X = np.full((batch.size, width), np.nan, np.float32)
        return cls(batch, X, np.zeros((batch.size, len(FACTS)), np.int64), strings)

    @property
    def size(self) -> int:
        """Number of events."""
        return self.batch.size

    def select(self, which: Any) -> Self:
        """Copies of the events at `which` (slice, index array or mask), in that order."""
        strings = None if self.strings is None else self.strings.select(which)
        return self._replace(
            batch=self.batch.select(which), X=self.X[which].copy(), facts=self.facts[which].copy(), strings=strings
        )


def in_log_order(parts: list[Events]) -> Events:
    """The events of several parts of one log, ordered by position."""
    if len(parts) == 1:
        return parts[0]
    batch = concatenate([part.batch for part in parts])
    strings = [part.strings for part in parts if part.strings is not None]
    joined = Events(
        batch,
        np.concatenate([part.X for part in parts]),
        np.concatenate([part.facts for part in parts]),
        Strings.joined(strings) if len(strings) == len(parts) else None,
    )
    return joined.select(np.lexsort((batch.hop_index, batch.offset)))
