"""Features left out, because a history has no basis for them: NaN for every event, in training, scoring and back-test.

A forest never splits on a feature that is always NaN, a joint tail has no step there. So the model ignores these
features, and a worker needs no list of them to give the same scores.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import numpy as np

from detector.core.model import Model
from detector.core.stage import Chain, Stage

MANIFEST_KEY = "left_out"  # in the manifest's `training`


def without(chain: Chain, names: Collection[str]) -> Chain:
    """The chain with NaN for these features; names that are not in the chain are ignored."""
    return Chain(tuple(_blanked(stage, names) for stage in chain.stages))


def left_out_of(model: Model) -> tuple[str, ...]:
    """The features that a model was trained without."""
    return tuple(model.manifest["training"].get(MANIFEST_KEY, ()))


def unknown_to_data(model: Model, names: Collection[str]) -> tuple[str, ...]:
    """Those of `names`, features without a basis in a file, that the model was trained with."""
    return tuple(name for name in model.feature_names if name in names and name not in left_out_of(model))


def _blanked(stage: Stage, names: Collection[str]) -> Stage:
    blanks = [name for name in stage.feature_names if name in names]
    if not blanks:
        return stage
    kernel: Callable[..., None] = stage.kernel

    def blank(rows: Any, row_ids: Any, status: Any, batch: Any, start: int, stop: int, X: Any, facts: Any) -> None:
        kernel(rows, row_ids, status, batch, start, stop, X, facts)
        for name in blanks:
            X[name][start:stop] = np.nan

    return replace(stage, kernel=blank)
