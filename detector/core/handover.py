"""What the cases stage is told of an alert: its alarm and the detector."""

import numpy as np
import numpy.typing as npt

from detector.core.policy import Judgement
from detector.core.stage import ALARM_MILLIONTHS, DETECTOR
from detector.core.triage import MILLION


def hand_over(facts: npt.NDArray[np.int64], judgement: Judgement) -> None:
    """Write the facts of the events that alert, `facts` int64 (n, len(FACTS))."""
    alerting = np.flatnonzero(judgement.alert)
    facts[alerting, ALARM_MILLIONTHS] = np.ceil(np.minimum(judgement.alarm[alerting], MILLION**2) * MILLION)
    facts[alerting, DETECTOR] = judgement.detector[alerting]
