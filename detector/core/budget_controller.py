"""Maps banks to budgets: all share one, except banks with a budget of their own, and the canary."""

import datetime as dt

import numpy as np

from detector.contract import canary
from detector.core.model import Model
from detector.core.stage import Stage
from detector.core.stages.budget import NEVER, budget_stage

#: Key and name of the shared budget; a bank's own budget has the bank's code + 1 as key.
SHARED, SHARED_NAME = 0, "shared"
CANARIES_A_DAY = 1_440.0


def controller_of(model: Model) -> Stage | None:
    """The budget stage of a controlled model, None for other models."""
    if not model.controlled:
        return None
    banks = model.banks
    set_points = np.full(len(model.limits), banks.of_others(model.budget))
    keys = np.full(len(model.limits), SHARED, np.uint64)
    for bank, own in banks.own.items():
        set_points[int(bank)], keys[int(bank)] = own, int(bank) + 1
    # The canary alerts every minute: it has a row of its own, or all others would get less.
    set_points[int(canary.BANK)], keys[int(canary.BANK)] = CANARIES_A_DAY, int(canary.BANK) + 1
    return budget_stage(lambda batch: keys[batch.bank], set_points, _learnt_until(model))


def name_of(key: int) -> str:
    """The name of the budget with that key: its bank's code."""
    return SHARED_NAME if key == SHARED else f"{key - 1:04}"


def _learnt_until(model: Model) -> int:
    """The last day of the model's training history, in days since 1970-01-01."""
    last_day = model.manifest.get("training", {}).get("last_day")
    return NEVER if last_day is None else (dt.date.fromisoformat(last_day) - dt.date(1970, 1, 1)).days
