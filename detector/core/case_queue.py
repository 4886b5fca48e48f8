"""The desk's queue: the open cases, the one that waiting costs most first; kept current by alerts as they come.

It knows no clock: now is the latest event time of an alert.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from detector.contract.alerts import Alert
from detector.core.stages.cases import CASE_MS
from detector.core.triage import HOUR_S, QUIET_URGENCY, THOUSAND, rank_yen

#: Closed cases are dropped once an hour of event time: memory is that of a day's cases.
_SWEEP_MS = HOUR_S * 1000


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case by its last update. `began_at_ms`: of its first alert that was met; `events` that alerted in it so far."""

    last: Alert
    began_at_ms: int
    events: int

    @property
    def case_id(self) -> str:
        """Which case it is."""
        return self.last.case_id

    def is_quiet_at(self, now_ms: int) -> bool:
        """Whether an hour brought no update."""
        return now_ms - self.last.occurred_at_ms >= HOUR_S * 1000

    def seconds_to_cap_at(self, now_ms: int) -> int | None:
        """By the last update's pace; None where nothing moves."""
        return None if self.is_quiet_at(now_ms) else self.last.seconds_to_cap

    def urgency_at(self, now_ms: int) -> float:
        """The last update's urgency, and little where the case is quiet."""
        return min(self.last.urgency, QUIET_URGENCY / THOUSAND) if self.is_quiet_at(now_ms) else self.last.urgency

    def rank_yen_at(self, now_ms: int) -> int:
        """Yen at risk × urgency: what it is expected to cost to let the case wait for an hour."""
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
        """Take the next alert; the case as it is now; None where it is closed, or the alert was known.

        Updates of one case come in their order: what is not after the last one known was raised twice.
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
        """The open cases; of those that cost the same, the one nearest to its cap, then the more unusual one first."""
        return sorted(self._open(), key=self._place)

    def _place(self, case: OpenCase) -> tuple[int, float, float, str]:
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
