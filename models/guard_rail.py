"""Which events of a history are not normal: labelled fraud, and events of cases that raised alerts.

Labelled fraud is excluded altogether. Alerts are mostly false: the events of their cases are not trained on, but count
when false alarms are measured. Without them the days would look too quiet, and the limit would let through as many
alerts again. What an analyst said of a case (`models.verdicts`) decides instead. All events still update the state.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.alerts import Alert
from detector.contract.batch import Batch
from detector.contract.hashing import hash64
from detector.contract.keys import subject_key
from detector.core.stages.cases import CASE_MS
from models.datasets import DOUBTFUL, FRAUD, NORMAL

NONE = np.empty(0, np.uint64)
#: Below every class. Of several cases' classes of an event the greatest counts: fraud, doubtful, cleared.
UNKNOWN = np.iinfo(np.int32).min


class Window(NamedTuple):
    """A case's time, epoch ms, and the class of its events."""

    begin_ms: int
    until_ms: int
    life: int


@dataclass(frozen=True, slots=True, eq=False)
class GuardRail:
    """Hashes of the ids of fraudulent events, uint64; alerted events' classes by hash; each subject's cases."""

    fraud: npt.NDArray[np.uint64]
    alerted: dict[int, int]
    cases: dict[int, tuple[Window, ...]]

    def life(self, batch: Batch) -> npt.NDArray[np.int32]:
        """Class of each event, int32 (n,), as in `Dataset`."""
        life = np.full(batch.size, UNKNOWN, np.int32)
        event_id, subject = batch.event_id, batch.subject
        for i in np.flatnonzero(_among(event_id, self.alerted)).tolist():
            life[i] = self.alerted[int(event_id[i])]
        for i in np.flatnonzero(_among(subject, self.cases)).tolist():
            at_ms = int(batch.occurred_at_ms[i])
            of = (case.life for case in self.cases[int(subject[i])] if case.begin_ms <= at_ms < case.until_ms)
            life[i] = max(int(life[i]), *of, UNKNOWN)
        life[life == UNKNOWN] = NORMAL
        life[np.isin(event_id, self.fraud)] = FRAUD
        return life


def guard_rail(
    alerts: Iterable[Alert] = (), fraud: npt.NDArray[np.uint64] = NONE, life: Mapping[str, int] | None = None
) -> GuardRail:
    """The guard rail of these alerts (updates included) and of fraudulent events, by the hashes of their ids.

    A case is the 24 hours from its first alert, or from the earliest one given. `life`: the class of cases, by case id,
    that somebody has judged; the others are doubtful.
    """
    judged = life or {}
    events, began_ms = dict[int, int](), dict[tuple[int, str], int]()
    for alert in alerts:
        event, own = hash64(alert.event_id), judged.get(alert.case_id, DOUBTFUL)
        events[event] = max(events.get(event, UNKNOWN), own)
        case = hash64(subject_key(alert.account, alert.service, alert.wallet)), alert.case_id
        began_ms[case] = min(began_ms.get(case, alert.occurred_at_ms), alert.occurred_at_ms)
    cases: dict[int, tuple[Window, ...]] = {}
    for (subject, case_id), begin in began_ms.items():
        window = Window(begin, begin + CASE_MS, judged.get(case_id, DOUBTFUL))
        cases[subject] = (*cases.get(subject, ()), window)
    return GuardRail(fraud, events, cases)


def _among(keys: npt.NDArray[np.uint64], known: Mapping[int, object]) -> npt.NDArray[np.bool_]:
    return np.isin(keys, np.array(list(known), np.uint64))
