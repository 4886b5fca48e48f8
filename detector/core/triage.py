"""Triage rules: severity, urgency, rank, and what makes an update of a case. Each rule is defined only here.

A case ranks by the expected cost of waiting: yen at risk × urgency. Urgency is the share of the yen at risk expected to
be gone in an hour, about the time that analysts need for the cases before it: 1 if the present pace reaches the cap
within the hour, else in proportion, but never less than measured of cases just alerted. A case of failed links only is
usually one of thousands of accounts tried, and has low urgency.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from detector.contract.alerts import Severity

MILLION, THOUSAND = 1_000_000, 1_000
HOUR_S, MINUTE_S = 3_600, 60
#: In thousandths. Measured on three simulated Septembers with all typologies: of the yen not debited at a victim's
#: first alert, which mostly comes before any debit, .76 to .83 were debited within the hour.
FRESH_URGENCY = 750
#: Measured on the same days: if the first alert was a failed link, .001 to .007 of the cap were gone by then.
GUESSED_URGENCY = 5
#: Of a case that has been quiet for an hour: the yen left by then take days to go.
QUIET_URGENCY = 100


@dataclass(frozen=True, slots=True)
class SeverityRow:
    """Applies if at least `yen_at_risk` are left and the alarm is at most `alarm` a day."""

    severity: Severity
    yen_at_risk: int
    alarm: float


#: The first row that applies counts. 100,000 yen: the largest single charge of the September 2020 trace, so one more
#: debit can take it. Once a day: rarer than an analyst's shift, so it may interrupt other work.
SEVERITIES = (
    SeverityRow("critical", 100_000, 1.0),
    SeverityRow("high", 100_000, np.inf),
    SeverityRow("high", 1, 1.0),
    SeverityRow("medium", 1, np.inf),
    SeverityRow("medium", 0, 1.0),
    SeverityRow("low", 0, np.inf),
)

#: Levels of severity by their code, ascending.
LEVELS: tuple[Severity, ...] = ("low", "medium", "high", "critical")
_LEVEL = np.array([LEVELS.index(row.severity) for row in SEVERITIES])
_LEVEL_YEN = np.array([row.yen_at_risk for row in SEVERITIES])
_LEVEL_ALARM = np.array([min(row.alarm * MILLION, np.iinfo(np.int64).max // 2) for row in SEVERITIES]).astype(np.int64)


@dataclass(frozen=True, slots=True)
class News:
    """A reason for an update of a case. An alerting event without any is held, and the next update counts it.

    `bit`: its bit in the fact `case_news`.
    """

    name: str
    bit: int
    meaning: str


#: A tenth of the monthly cap: a drain to the cap makes at most ten updates, however small its debits.
YEN_STEP = 30_000
OPENED, SEVERITY, YEN, EMPTIED, URGENT, DETECTOR, SERVICE, LINKED = (1 << bit for bit in range(8))
NEWS = (
    News("opened", OPENED, "the case's first alert"),
    News("severity", SEVERITY, "it is more severe than it was"),
    News("yen", YEN, "the first yen are gone, or 30,000 more than at the update before"),
    News("emptied", EMPTIED, "nothing is left to the cap"),
    News("urgent", URGENT, "at the present pace the cap is reached within the hour"),
    News("detector", DETECTOR, "another detector alerts, and so for other typologies"),
    News("service", SERVICE, "another service is in it"),
    News("linked", LINKED, "a link succeeded, where attempts had failed"),
)


def news_of(bits: int) -> list[str]:
    """The names of what is new."""
    return [news.name for news in NEWS if bits & news.bit]


@njit(cache=True)
def level_of(yen_at_risk: int, alarm_millionths: int) -> Any:
    """Code in `LEVELS` of the first row of `SEVERITIES` that applies."""
    for row in range(len(_LEVEL)):
        if yen_at_risk >= _LEVEL_YEN[row] and alarm_millionths <= _LEVEL_ALARM[row]:
            return _LEVEL[row]
    return 0


@njit(cache=True)
def seconds_to_cap(yen_at_risk: int, yen_per_min: int) -> Any:
    """Seconds until nothing is left at this pace, rounded up; −1 if nothing moves."""
    return -(-yen_at_risk * MINUTE_S // yen_per_min) if yen_per_min > 0 else -1


@njit(cache=True)
def urgency_of(yen_at_risk: int, yen_per_min: int, guessed: bool) -> Any:  # noqa: FBT001 - numba passes by position
    """Thousandths of the yen at risk expected to be gone in an hour; `guessed`: failed links only."""
    if yen_at_risk == 0:
        return 0
    if guessed:
        return GUESSED_URGENCY
    seconds = seconds_to_cap(yen_at_risk, yen_per_min)
    if seconds < 0:
        return FRESH_URGENCY
    return max(FRESH_URGENCY, THOUSAND * HOUR_S // max(seconds, HOUR_S))


def rank_yen(yen_at_risk: int, urgency: float) -> int:
    """Expected cost of waiting for an hour."""
    return round(yen_at_risk * urgency)
