"""Features left out, because a history cannot tell them: NaN for every event, in training, scoring and back-test alike.

A forest never splits on what is NaN everywhere, a joint tail has no step there: a model trained so does not look at
them, and a worker with it gives the same scores without knowing.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import numpy as np

from detector.core.model import Model
from detector.core.stage import Chain, Stage

MANIFEST_KEY = "left_out"  # in the manifest's `training`


def without(chain: Chain, names: Collection[str]) -> Chain:
    """The chain with NaN for these features; names of other stages are of no account."""
    return Chain(tuple(_blanked(stage, names) for stage in chain.stages))


def left_out_of(model: Model) -> tuple[str, ...]:
    """The features that a model was trained without."""
    return tuple(model.manifest["training"].get(MANIFEST_KEY, ()))


def unknown_to_data(model: Model, names: Collection[str]) -> tuple[str, ...]:
    """Of features that a file cannot tell, those that the model was trained with."""
    return tuple(name for name in model.feature_names if name in names and name not in left_out_of(model))


def _blanked(stage: Stage, names: Collection[str]) -> Stage:
    indices = np.array([index for index, name in enumerate(stage.feature_names) if name in names], np.intp)
    if not len(indices):
        return stage
    kernel: Callable[..., None] = stage.kernel

    def blank(rows: Any, row_ids: Any, status: Any, batch: Any, start: int, stop: int, X: Any, facts: Any) -> None:
        kernel(rows, row_ids, status, batch, start, stop, X, facts)
        X[start:stop, indices] = np.nan

    return replace(stage, kernel=blank)
