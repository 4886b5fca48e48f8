"""Desks: whose alerts count against which budget, and whether an event is one where a controller decides."""

import datetime as dt

import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch
from detector.core.hop import Carried
from detector.core.pipeline import Outcome, Pipeline
from detector.core.policy import Model
from detector.core.stage import OF_LIMIT, TURNED_DOWN, WHOLE, Stage
from detector.core.stages.desk import NEVER, desk_stage

#: Key and name of the desk of all banks without a budget of their own; a bank's own has its code + 1 as key.
SHARED, SHARED_NAME = 0, "shared"


def desk_of(model: Model) -> Stage | None:
    """The stage of a controlled model's desks, None for another."""
    if not model.controlled:
        return None
    banks = model.banks
    set_points = np.full(len(model.limits), banks.of_others(model.budget))
    desks = np.full(len(model.limits), SHARED, np.uint64)
    for bank, own in banks.own.items():
        set_points[int(bank)], desks[int(bank)] = own, int(bank) + 1
    return desk_stage(lambda batch: desks[batch.bank], set_points, _learnt_until(model))


def name_of(key: int) -> str:
    """The name of the desk with that key: its bank's code."""
    return SHARED_NAME if key == SHARED else f"{key - 1:04}"


def _learnt_until(model: Model) -> int:
    """The last day of the model's history, counted from 1970-01-01."""
    told = model.manifest.get("training", {}).get("last_day")
    return NEVER if told is None else (dt.date.fromisoformat(told) - dt.date(1970, 1, 1)).days


def to_desk(model: Model, batch: Batch, outcome: Outcome, which: npt.NDArray[np.int64]) -> Carried:
    """What the events at `which`, int64 (k,), carry to the desk: their alarms as parts of their limits among it."""
    assert outcome.judgement is not None
    carried = outcome.carried.select(which)
    alarm, limit = outcome.judgement.alarm[which], model.limits[batch.bank[which]]
    parts = np.ceil(alarm / limit * WHOLE).astype(np.int64)
    # At a multiplier of one the desk must say what the model says, whatever the division rounded.
    carried.facts[:, OF_LIMIT] = np.where(alarm <= limit, np.minimum(parts, WHOLE), np.maximum(parts, WHOLE + 1))
    return carried


def taken(outcome: Outcome) -> npt.NDArray[np.int64]:
    """Places of the events that the desk takes, of what came to it."""
    applied = outcome.applied
    kept: npt.NDArray[np.int64] = applied[outcome.carried.facts[applied, OF_LIMIT] != TURNED_DOWN]
    return kept


class Desk:
    """The desk stage in memory, behind the judging stage of one log."""

    def __init__(self, model: Model, stage: Stage, *, ttl_ms: int) -> None:
        self._model = model
        self._pipeline = Pipeline(stage, None, ttl_ms=ttl_ms)

    def decide(self, batch: Batch, outcome: Outcome) -> Outcome:
        """The outcome with alerts only where the desk takes them."""
        assert outcome.judgement is not None
        alerting = outcome.alerting
        alert = np.zeros(batch.size, np.bool_)
        if len(alerting):
            carried = to_desk(self._model, batch, outcome, alerting)
            decided = self._pipeline.process(batch.select(alerting), carried)
            alert[alerting[taken(decided)]] = True
        return outcome._replace(judgement=outcome.judgement._replace(alert=alert))
