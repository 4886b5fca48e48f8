"""What is not normal life in a history: fraud that labels name, and what alerts raised doubts about.

Labelled fraud is no normal life at all. Alerts are mostly false: their events, and what else those accounts did within
the same case, are not learnt from, but count where false alarms are measured; without them the days would seem quieter
than they are, and the limit would let as many alerts again through. All of them stay in the state.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.contract.alerts import Alert
from detector.contract.batch import Batch
from detector.contract.hashing import hash64, hash64_many
from detector.contract.keys import subject_key
from detector.core.stages.cases import CASE_MS
from models.datasets import DOUBTFUL, FRAUD, NORMAL

NONE = np.empty(0, np.uint64)


@dataclass(frozen=True, slots=True, eq=False)
class GuardRail:
    """Hashes of the ids of fraudulent and of alerted events, uint64, and of each subject the times of its cases."""

    fraud: npt.NDArray[np.uint64]
    alerted: npt.NDArray[np.uint64]
    cases: dict[int, tuple[tuple[int, int], ...]]  # by subject: from, until, epoch ms

    def life(self, batch: Batch) -> npt.NDArray[np.int8]:
        """What each event is, int8 (n,): `NORMAL`, `DOUBTFUL` or `FRAUD`."""
        life = np.full(batch.size, NORMAL, np.int8)
        life[np.isin(batch.event_id, self.alerted) | self._in_case(batch)] = DOUBTFUL
        life[np.isin(batch.event_id, self.fraud)] = FRAUD
        return life

    def _in_case(self, batch: Batch) -> npt.NDArray[np.bool_]:
        found = np.zeros(batch.size, np.bool_)
        subject = batch.subject
        for i in np.flatnonzero(np.isin(subject, np.array(list(self.cases), np.uint64))).tolist():
            at_ms = int(batch.occurred_at_ms[i])
            found[i] = any(begin <= at_ms < end for begin, end in self.cases[int(subject[i])])
        return found


def guard_rail(alerts: Iterable[Alert] = (), fraud: npt.NDArray[np.uint64] = NONE) -> GuardRail:
    """That of these alerts, updates of cases included, and of fraudulent events by the hashes of their ids.

    A case is the day from its first alert; one of which the first is missing, from the earliest that is there.
    """
    events, began_ms = list[str](), dict[tuple[int, str], int]()
    for alert in alerts:
        events.append(alert.event_id)
        case = hash64(subject_key(alert.account, alert.service, alert.wallet)), alert.case_id
        began_ms[case] = min(began_ms.get(case, alert.occurred_at_ms), alert.occurred_at_ms)
    cases: dict[int, tuple[tuple[int, int], ...]] = {}
    for (subject, _), begin in began_ms.items():
        cases[subject] = (*cases.get(subject, ()), (begin, begin + CASE_MS))
    return GuardRail(fraud, hash64_many(events), cases)
