"""Writes a judgement into the facts for later nodes: whether an event alerts, its alarm, and the model's number."""

import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch
from detector.core.model import Judgement, Model
from detector.core.stage import ALARM_MILLIONTHS, DETECTOR, ESCALATED, JUDGED_BY, OF_LIMIT, WHOLE
from detector.core.triage import MILLION


def escalate(facts: npt.NDArray[np.int64], batch: Batch, judgement: Judgement, model: Model) -> None:
    """Write the facts of judged events, `facts` int64 (n, len(FACTS)).

    Alerting events are escalated, with their alarm, the detector's index and, for a budget controller, the alarm as a
    fraction of the bank's limit.
    """
    facts[np.isfinite(judgement.alarm), JUDGED_BY] = model.number
    which = np.flatnonzero(judgement.alert)
    alarm = judgement.alarm[which]
    facts[which, ESCALATED] = 1
    facts[which, ALARM_MILLIONTHS] = np.ceil(np.minimum(alarm, MILLION**2) * MILLION)
    facts[which, DETECTOR] = judgement.detector[which]
    if model.controlled:
        limit = model.limits[batch.bank[which]]
        parts = np.ceil(alarm / limit * WHOLE).astype(np.int64)
        # At a multiplier of one the controller must decide as the model does, whatever the division rounded.
        facts[which, OF_LIMIT] = np.where(alarm <= limit, np.minimum(parts, WHOLE), np.maximum(parts, WHOLE + 1))
