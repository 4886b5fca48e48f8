"""Whose alerts count against which budget: all banks share one, but for those with a budget of their own."""

import datetime as dt

import numpy as np

from detector.core.model import Model
from detector.core.stage import Stage
from detector.core.stages.budget import NEVER, budget_stage

#: Key and name of the budget of all banks without one of their own; a bank's own has its code + 1 as key.
SHARED, SHARED_NAME = 0, "shared"


def controller_of(model: Model) -> Stage | None:
    """The stage of a controlled model's budgets, None for another model."""
    if not model.controlled:
        return None
    banks = model.banks
    set_points = np.full(len(model.limits), banks.of_others(model.budget))
    keys = np.full(len(model.limits), SHARED, np.uint64)
    for bank, own in banks.own.items():
        set_points[int(bank)], keys[int(bank)] = own, int(bank) + 1
    return budget_stage(lambda batch: keys[batch.bank], set_points, _learnt_until(model))


def name_of(key: int) -> str:
    """The name of the budget with that key: its bank's code."""
    return SHARED_NAME if key == SHARED else f"{key - 1:04}"


def _learnt_until(model: Model) -> int:
    """The last day of the model's history, counted from 1970-01-01."""
    told = model.manifest.get("training", {}).get("last_day")
    return NEVER if told is None else (dt.date.fromisoformat(told) - dt.date(1970, 1, 1)).days
