"""Disturbances of a history: some events twice, a day late, a day lost."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch, concatenate
from detector.jst import day_of
from models.span import held_out_of

TWICE_SHARE = 0.01
#: Events that go through the stages at once. An event comes again within as many.
CHUNK = 8192


def disturbed(batches: list[Batch], name: str, seed: int) -> list[Batch]:
    """The history with the disturbance of that name, offsets counted anew; as it is for no name."""
    if not name:
        return batches
    whole = concatenate(batches)
    whole = whole.select(DISTURBANCES[name](whole, seed))
    whole = whole._replace(offset=np.arange(whole.size), record=np.arange(whole.size, dtype=np.int32))
    return [whole.select(slice(start, start + CHUNK)) for start in range(0, whole.size, CHUNK)]


def _twice(whole: Batch, seed: int) -> npt.NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    again = np.flatnonzero(rng.random(whole.size) < TWICE_SHARE)
    position = np.concatenate([np.arange(whole.size), again + rng.random(len(again)) * CHUNK])
    return np.concatenate([np.arange(whole.size), again])[np.argsort(position, kind="stable")]


def _held(whole: Batch, seed: int) -> npt.NDArray[np.int64]:
    del seed
    day = _days(whole)
    late = _middle(day)
    after = np.where(day == late, late + 1.5, np.maximum.accumulate(day))
    return np.argsort(after, kind="stable")


def _lost(whole: Batch, seed: int) -> npt.NDArray[np.int64]:
    del seed
    day = _days(whole)
    return np.flatnonzero(day != _middle(day))


#: Indices of a history's events in their new order, by name of the disturbance.
DISTURBANCES: Mapping[str, Callable[[Batch, int], npt.NDArray[np.int64]]] = {
    "twice": _twice,
    "held": _held,
    "lost": _lost,
}


def _days(whole: Batch) -> npt.NDArray[np.int64]:
    return day_of(whole.occurred_at_ms)


def _middle(day: npt.NDArray[np.int64]) -> int:
    """A day in the middle of the training days."""
    days = np.unique(day)
    learnt = np.setdiff1d(days, held_out_of(days))
    return int(learnt[len(learnt) // 2])
