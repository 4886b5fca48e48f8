"""Outcomes by case: alerted or not, early or late, yen lost."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.backtest.labels import Labels
from models.backtest.played import Played

#: An alert is early while at most so much of the case is gone: a third of the monthly cap.
EARLY_YEN = 100_000
_NEVER = np.iinfo(np.int64).max


class Outcomes(NamedTuple):
    """Of `c` cases: bool `alerted`, `early`, `before_debit`; int64 `yen` debited in all and `yen_lost`; `seconds`
    float64 from the first event to the first alert, in event time, NaN without one.
    """

    alerted: npt.NDArray[np.bool_]
    early: npt.NDArray[np.bool_]
    before_debit: npt.NDArray[np.bool_]
    yen: npt.NDArray[np.int64]
    yen_lost: npt.NDArray[np.int64]
    seconds: npt.NDArray[np.float64]


class Cases:
    """The cases that have events in a log, in the order of the labels.

    A case's alerts are those on its labelled events. Gone at an alert is what had arrived, the alerting debit included,
    and what had happened before and arrives later. *Early*: at most `EARLY_YEN` of the whole case are gone at its first
    alert; *before debit*: nothing is. *Lost* is counted by victim account: what is gone at the case's first alert on
    that account or on a wallet that the case tied to it; all of it without such an alert.
    """

    def __init__(self, played: Played, labels: Labels) -> None:
        self._rows = np.flatnonzero(played.case >= 0)
        numbers, self._case = np.unique(played.case[self._rows], return_inverse=True)
        self._count = len(numbers)
        self._time_ms = played.occurred_at_ms
        self.case_ids = tuple(labels.case_ids[number] for number in numbers.tolist())
        self.typologies = np.array([labels.typologies[number] for number in numbers.tolist()], dtype=object)
        wallets = self._pairs(played.wallet)
        taking = np.flatnonzero(played.taken[self._rows] > 0)
        self._debit = self._rows[taking]
        self._yen = played.taken[self._debit]
        self._debited_case = self._case[taking]
        # Wallets of a victim: pairs of (victim, wallet of the case), each once.
        victims = self._pairs(played.account)
        of_account = played.account[self._rows] != 0
        tied = np.unique(np.stack([victims[of_account], wallets[of_account]]), axis=1)
        self._wallet, self._victim, self._victims_wallet = wallets, tied[0], tied[1]
        self._debited_victim = victims[taking]
        self._began_ms = np.full(self._count, _NEVER)
        np.minimum.at(self._began_ms, self._case, self._time_ms[self._rows])

    @property
    def count(self) -> int:
        """Number of cases."""
        return self._count

    def outcomes(self, alert: npt.NDArray[np.bool_]) -> Outcomes:
        """Outcomes of alerts on the rows of the log where `alert` (n,)."""
        hit = np.flatnonzero(alert[self._rows])
        rows = self._rows[hit]
        first = _earliest(self._case[hit], rows, self._count)
        on_wallet = _earliest(self._wallet[hit], rows, len(self._rows))
        for_victim = _earliest(self._victim, on_wallet[self._victims_wallet], len(self._rows))
        alerted = first < _NEVER
        gone = self._sum(self._gone(first[self._debited_case]))
        lost = self._sum(self._gone(for_victim[self._debited_victim]) | (for_victim == _NEVER)[self._debited_victim])
        at_ms = self._time_ms[np.where(alerted, first, 0)] if self._count else np.empty(0, np.int64)
        seconds = np.where(alerted, (at_ms - self._began_ms) / 1000, np.nan)
        return Outcomes(
            alerted=alerted,
            early=alerted & (gone <= EARLY_YEN),
            before_debit=alerted & (gone == 0),
            yen=self._sum(np.ones(len(self._debit), np.bool_)),
            yen_lost=lost,
            seconds=seconds,
        )

    def _gone(self, first: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which debits are gone at an alert on row `first` of each; none where it never comes."""
        known = np.where(first < _NEVER, first, 0)
        gone = (self._debit <= known) | (self._time_ms[self._debit] <= self._time_ms[known])
        found: npt.NDArray[np.bool_] = gone & (first < _NEVER)
        return found

    def _sum(self, which: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Yen of the debits at `which`, by case; exact, as float64 holds whole numbers up to 2⁵³."""
        return np.bincount(self._debited_case[which], self._yen[which], self._count).astype(np.int64)

    def _pairs(self, ids: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        """A number for each pair of a case and an id, by row of a case."""
        together = np.stack([self._case.astype(np.uint64), ids[self._rows]])
        return np.unique(together, axis=1, return_inverse=True)[1].reshape(-1)


def _earliest(of: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """The least row of each of `count`, `_NEVER` where there is none."""
    found = np.full(count, _NEVER)
    np.minimum.at(found, of, rows)
    return found
