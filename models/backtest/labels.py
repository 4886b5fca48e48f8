"""Labels of fraud as columns: which case an event belongs to, which typology a case is."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from detector.contract.hashing import hash64_many

#: Marks a campaign in a case id of the simulator: a thief's events for many victims at once. It is no case (it takes
#: nobody's money), but an alert on it is not false.
CAMPAIGN = "-campaign-"
#: Instead of a case's number: an honest event, and a labelled one of no case.
HONEST, NO_CASE = -1, -2


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Labelled events and the cases they are of.

    `event_id` uint64 (m,): hashes, ascending; `case` int32 (m,): index in `case_ids`, or `NO_CASE`; `typologies` has
    that of each case.
    """

    event_id: npt.NDArray[np.uint64]
    case: npt.NDArray[np.int32]
    case_ids: tuple[str, ...]
    typologies: tuple[str, ...]

    def case_of(self, event_id: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
        """The case of each event, int32 (n,): its number, `NO_CASE`, or `HONEST` without a label."""
        if not len(self.event_id):
            return np.full(len(event_id), HONEST, np.int32)
        index = np.minimum(np.searchsorted(self.event_id, event_id), len(self.event_id) - 1)
        return np.where(self.event_id[index] == event_id, self.case[index], np.int32(HONEST))


def labels_of(frame: pd.DataFrame) -> Labels:
    """The labels in a frame of `event_id`, `case_id` and `typology`.

    An event labelled twice belongs to the first case; a case has the typology of its first label.
    """
    cases = frame.drop_duplicates("case_id")
    cases = cases[~cases["case_id"].str.contains(CAMPAIGN, regex=False)]
    number = {case_id: index for index, case_id in enumerate(cases["case_id"])}
    event_id, first = np.unique(hash64_many(frame["event_id"].tolist()), return_index=True)
    case = np.array([number.get(case_id, NO_CASE) for case_id in frame["case_id"].iloc[first]], np.int32)
    return Labels(event_id, case, tuple(cases["case_id"]), tuple(cases["typology"]))
