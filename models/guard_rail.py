"""Which events of a history are not normal: labelled fraud, and events of cases that raised alerts.

Labelled fraud is excluded altogether. Alerts are mostly false: the events of their cases are not trained on, but count
when false alarms are measured. Without them the days would look too quiet, and the limit would let through as many
alerts again. All events still update the state.
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
        """Class of each event, int8 (n,): `NORMAL`, `DOUBTFUL` or `FRAUD`."""
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
    """The guard rail of these alerts (updates included) and of fraudulent events, by the hashes of their ids.

    A case is the 24 hours from its first alert, or from the earliest one given.
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
