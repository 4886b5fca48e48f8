"""The watch-list, from the link to the first charge: what is handed over to the cases, and what comes of it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
from support.oracle_account import START_MS, Event, batch_of

from detector.contract.vocabulary import DEBIT, INSUFFICIENT, LINK, LOCKED, OK, UNLINK
from detector.core.chain import ChainRun
from detector.core.chains import ACCOUNT_CHAIN
from detector.core.handover import ALERTS, LATE_FIRST_CHARGE, LINK_TO_WATCH, NOT_TOLD
from detector.core.pipeline import Pipeline
from detector.core.policy import Judgement
from detector.core.stage import ALARM_MILLIONTHS, CASE_UPDATE, TOLD
from detector.core.stages.cases import CASES, HELD
from detector.core.watch_list import WatchList

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NEVER_MS = 10**15
BUDGET = 20.0
#: Half the budget watches links up to the fourth of these alarms: (4 + 1) / 1 day / .5 is 10, of the ninth it is 20.
WATCH = WatchList(0.5, np.arange(21.0, 41.0), 1)


class ByFailures(NamedTuple):
    """A model whose alarm of a link is 20 and the failures before it, and of a debit is its yen."""

    watch: WatchList | None = WATCH
    budget: float = BUDGET
    detectors: tuple[str, ...] = ("any",)

    def judge(self, X: np.ndarray, kind: np.ndarray, bank: np.ndarray) -> Judgement:
        names = ACCOUNT_CHAIN.feature_names
        of_link = np.where(X[:, names.index("link_failed")] == 1, np.inf, 20.0 + X[:, names.index("failures_before")])
        alarm = np.where(kind == LINK, of_link, X[:, names.index("amount_yen")]).astype(np.float64)
        n = len(X)
        return Judgement(alarm, np.zeros(n, np.int8), np.full(n, 0.5), np.zeros((n, 1)), alarm <= self.budget)


WATCHING = ByFailures()


def sleeper(failures: int, after_ms: int, **charge: object) -> list[Event]:
    """A link after so many failed attempts, and a harmless first charge later."""
    tries = [Event(i, i + 1, LINK, START_MS + i, result=LOCKED) for i in range(failures)]
    linked = Event(50, 51, LINK, START_MS + 1_000, result=OK)
    return [*tries, linked, later(100, START_MS + 1_000 + after_ms, **charge)]


def later(offset: int, at_ms: int, **charge: object) -> Event:
    """A debit of 3,000 yen."""
    fields = {"kind": DEBIT, "result": OK, "yen": 3_000, **charge}
    return Event(offset, offset + 1, at_ms=at_ms, **fields)  # type: ignore[arg-type]


def told(events: Sequence[Event], model: ByFailures = WATCHING) -> list[int]:
    """What the cases stage is told of each event."""
    run = ChainRun(ACCOUNT_CHAIN, model, ttl_ms=NEVER_MS)  # type: ignore[arg-type]
    codes: list[int] = run.process(batch_of(events)).outcome.carried.facts[:, TOLD].tolist()
    return codes


def alarms(events: Sequence[Event], model: ByFailures = WATCHING) -> list[tuple[int, float]]:
    """Offset and alarm of what is raised."""
    run = ChainRun(ACCOUNT_CHAIN, model, ttl_ms=NEVER_MS)  # type: ignore[arg-type]
    batch, outcome = run.process(batch_of(events))
    on = batch.select(outcome.told)
    facts = Pipeline(CASES, None, ttl_ms=NEVER_MS).process(on, outcome.carried.select(outcome.told)).carried.facts
    raised = facts[:, CASE_UPDATE] != HELD
    return list(zip(on.offset[raised].tolist(), (facts[raised, ALARM_MILLIONTHS] / 1e6).tolist(), strict=True))


def test_a_sleeper_whose_link_was_just_above_the_budget_is_caught_at_its_first_charge() -> None:
    events = sleeper(4, 9 * DAY_MS)
    assert [*[NOT_TOLD] * 4, LINK_TO_WATCH, LATE_FIRST_CHARGE] == told(events)
    assert [(100, 10.0)] == alarms(events)


def test_one_whose_link_was_harmless_is_not() -> None:
    events = sleeper(10, 9 * DAY_MS)
    assert [NOT_TOLD, LATE_FIRST_CHARGE] == told(events)[-2:]
    assert [] == alarms(events)


def test_a_link_is_watched_as_far_as_the_budget_reaches() -> None:
    assert [(100, 20.0)] == alarms(sleeper(9, 9 * DAY_MS))


def test_a_link_that_alerts_was_seen_and_is_not_watched() -> None:
    events = sleeper(0, 9 * DAY_MS)
    assert [ALERTS, LATE_FIRST_CHARGE] == told(events)
    assert [(50, 20.0)] == alarms(events)


def test_without_a_watch_list_nothing_is_handed_over_but_alerts() -> None:
    assert [NOT_TOLD] * 6 == told(sleeper(4, 9 * DAY_MS), ByFailures(watch=None))


#: Time from link to charge, and whether that is late.
LATE = [
    (5 * 60_000, False),
    (12 * HOUR_MS - 1_000, False),
    (12 * HOUR_MS, True),
    (30 * DAY_MS, True),
    (30 * DAY_MS + 1_000, False),
]


@pytest.mark.parametrize(("after_ms", "late"), LATE)
def test_a_charge_is_late_from_half_a_day_to_thirty_days_after_its_link(after_ms: int, late: bool) -> None:
    assert late == (told(sleeper(4, after_ms))[-1] == LATE_FIRST_CHARGE)
    assert late == bool(alarms(sleeper(4, after_ms)))


def test_the_second_charge_is_not_the_first() -> None:
    first = later(80, START_MS + 60_000)
    linked, charge = sleeper(4, 9 * DAY_MS)[-2:]
    assert [LATE_FIRST_CHARGE] == told([linked, charge])[1:]
    assert [NOT_TOLD, NOT_TOLD] == told([linked, first, charge])[1:]


def test_a_charge_refused_is_an_attempt_and_alerts() -> None:
    refused = sleeper(4, 9 * DAY_MS, result=INSUFFICIENT)
    again = later(110, START_MS + 9 * DAY_MS + 60_000)
    assert [LATE_FIRST_CHARGE] * 2 == told([*refused, again])[-2:]
    assert [100] == [offset for offset, _ in alarms([*refused, again])], "once"


def test_a_link_cut_is_watched_no_longer() -> None:
    *before, charge = sleeper(4, 9 * DAY_MS)
    assert [] == alarms([*before, Event(90, 91, UNLINK, START_MS + DAY_MS), charge])


def test_an_infinite_alarm_is_never_watched() -> None:
    assert np.isinf(WATCH.alarm_of(np.array([np.inf])))[0]
    assert [2.0, 4.0, 42.0] == WATCH.alarm_of(np.array([20.5, 21.0, 1e9])).tolist()
