"""The queue of open cases, ranked by the expected cost of waiting, updated by each alert.

It reads no clock: now is the latest event time of an alert.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from detector.contract.alerts import Alert
from detector.core.stages.cases import CASE_MS
from detector.core.triage import HOUR_S, QUIET_URGENCY, THOUSAND, rank_yen

#: Closed cases are dropped once an hour of event time, so memory holds about a day's cases.
_SWEEP_MS = HOUR_S * 1000


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case as of its last update. `began_at_ms`: time of the first alert received; `events`: alerting ones so far."""

    last: Alert
    began_at_ms: int
    events: int

    @property
    def case_id(self) -> str:
        """The id of the case."""
        return self.last.case_id

    def is_quiet_at(self, now_ms: int) -> bool:
        """Whether the last update is an hour old."""
        return now_ms - self.last.occurred_at_ms >= HOUR_S * 1000

    def seconds_to_cap_at(self, now_ms: int) -> int | None:
        """Seconds at the last update's pace; None if nothing moves."""
        return None if self.is_quiet_at(now_ms) else self.last.seconds_to_cap

    def urgency_at(self, now_ms: int) -> float:
        """The last update's urgency; low if the case is quiet."""
        return min(self.last.urgency, QUIET_URGENCY / THOUSAND) if self.is_quiet_at(now_ms) else self.last.urgency

    def rank_yen_at(self, now_ms: int) -> int:
        """Yen at risk × urgency: the expected cost of an hour's wait."""
        return rank_yen(self.last.yen_at_risk, self.urgency_at(now_ms))


class CaseQueue:
    """Cases whose first alert is less than 24 hours of event time old.

    `now_ms`: the latest event time of an alert taken, epoch ms.
    """

    def __init__(self) -> None:
        self.now_ms = 0
        self._cases: dict[str, OpenCase] = {}
        self._swept_ms = 0

    def take(self, alert: Alert) -> OpenCase | None:
        """Take the next alert; the updated case, or None if it is closed or the alert is a repeat.

        Updates of one case arrive in order: one not after the last known was raised twice.
        """
        self.now_ms = max(self.now_ms, alert.occurred_at_ms)
        known = self._cases.get(alert.case_id)
        if known is not None and alert.update <= known.last.update:
            return None
        began_at_ms = alert.occurred_at_ms if known is None else min(known.began_at_ms, alert.occurred_at_ms)
        case = OpenCase(alert, began_at_ms, alert.events + (0 if known is None else known.events))
        self._cases[alert.case_id] = case
        self._sweep()
        return case if self._is_open(case) else None

    def ranked(self) -> list[OpenCase]:
        """The open cases by cost of waiting; ties: the nearest to its cap, then the most unusual first."""
        return sorted(self._open(), key=self._order)

    def _order(self, case: OpenCase) -> tuple[int, float, float, str]:
        seconds = case.seconds_to_cap_at(self.now_ms)
        soon = float("inf") if seconds is None else float(seconds)
        return -case.rank_yen_at(self.now_ms), soon, case.last.false_alarms_per_day, case.case_id

    def _open(self) -> Iterable[OpenCase]:
        return (case for case in self._cases.values() if self._is_open(case))

    def _is_open(self, case: OpenCase) -> bool:
        return self.now_ms - case.began_at_ms < CASE_MS

    def _sweep(self) -> None:
        if self.now_ms - self._swept_ms >= _SWEEP_MS:
            self._cases = {case.case_id: case for case in self._open()}
            self._swept_ms = self.now_ms
