"""Alert groups: what an analyst opens once, alerts of one account (of one wallet without one) within 24 hours."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.core.stages.cases import CASE_MS
from models.backtest.labels import HONEST
from models.backtest.played import Played

Rows = npt.NDArray[np.int64]


class Groups(NamedTuple):
    """`first` int64 (g,): row of each group's first alert; `true` bool (g,): whether one of its alerts is labelled."""

    first: Rows
    true: npt.NDArray[np.bool_]

    @property
    def false_groups(self) -> int:
        """How many hold no labelled event."""
        return int(len(self.true) - self.true.sum())


class Grouping:
    """Groups alerts of one log as the cases stage numbers them."""

    def __init__(self, played: Played) -> None:
        self._labelled = played.case != HONEST
        self._time_ms = played.occurred_at_ms
        subjects, self._subject = np.unique(played.subject, return_inverse=True)
        self._subjects = len(subjects)

    def groups(self, rows: Rows) -> Groups:
        """The groups of alerts on `rows`, ascending."""
        group = np.empty(len(rows), np.int64)
        _number(rows, self._subject, self._time_ms, np.full(self._subjects, -1, np.int64), rows.copy(), group)
        first = np.flatnonzero(np.diff(np.maximum.accumulate(group), prepend=-1))
        return Groups(rows[first], np.bincount(group, self._labelled[rows], len(first)) > 0)

    def false_groups(self, rows: Rows) -> int:
        """How many of the groups of alerts on `rows`, ascending, hold no labelled event."""
        return self.groups(rows).false_groups


@njit(cache=True)
def _number(rows: Any, subject: Any, time_ms: Any, current: Any, began_ms: Any, group: Any) -> None:
    """Number the groups of alerts in the order of their first; see `detector.core.stages.cases`.

    `current` (subjects,): −1; `began_ms`: room for as many groups as alerts.
    """
    groups = 0
    for i in range(len(rows)):
        now_ms = time_ms[rows[i]]
        known = current[subject[rows[i]]]
        if known < 0 or now_ms - began_ms[known] >= CASE_MS:
            known = groups
            groups += 1
            current[subject[rows[i]]] = known
            began_ms[known] = now_ms
        group[i] = known
