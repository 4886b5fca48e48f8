"""What the last stage of a chain tells the cases stage: alerts, and what the watch-list wants to know."""

import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch
from detector.core.policy import Judgement, Model
from detector.core.stage import ALARM_MILLIONTHS, DETECTOR, TOLD
from detector.core.triage import MILLION
from detector.core.watch_list import late_first_charges, links

#: Why the cases stage is told of an event: not at all; it alerts; a suspicious link; a late first charge, which alerts
#: where its link is watched.
NOT_TOLD, ALERTS, LINK_TO_WATCH, LATE_FIRST_CHARGE = range(4)


def hand_over(facts: npt.NDArray[np.int64], batch: Batch, judgement: Judgement, model: Model) -> None:
    """Write the facts of the events that go on to the cases stage, `facts` int64 (n, len(FACTS)).

    The alarm of a link to watch is that of the watch-list: of the first charge that may come.
    """
    told, alarm = np.where(judgement.alert, ALERTS, NOT_TOLD), judgement.alarm
    if model.watch is not None:
        scored = np.isfinite(alarm) & ~judgement.alert
        watched = model.watch.alarm_of(alarm)
        link = scored & links(batch, facts) & (watched <= model.budget)
        told[link], alarm = LINK_TO_WATCH, np.where(link, watched, alarm)
        told[scored & late_first_charges(batch, facts)] = LATE_FIRST_CHARGE
    going = np.flatnonzero(told)
    facts[:, TOLD] = told
    facts[going, ALARM_MILLIONTHS] = np.ceil(np.minimum(alarm[going], MILLION**2) * MILLION)
    facts[going, DETECTOR] = judgement.detector[going]
