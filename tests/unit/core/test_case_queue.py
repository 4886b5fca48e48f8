"""The queue of open cases by expected cost of waiting, from alerts alone."""

from msgspec import structs
from support.alerts import make_alert

from detector.contract.alerts import Alert
from detector.core.case_queue import CaseQueue

START_MS = 1_598_936_706_000
HOUR_MS = 3_600_000


def alert(case: str, update: int = 0, at_ms: int = START_MS, **changes: object) -> Alert:
    """An update of a case, for whose yen at risk an hour's wait is the end."""
    fields = {"case_id": case, "update": update, "occurred_at_ms": at_ms, "urgency": 1.0, "yen_at_risk": 100_000}
    return structs.replace(make_alert(), **(fields | changes))


def queue_of(*alerts: Alert) -> CaseQueue:
    queue = CaseQueue()
    for each in alerts:
        queue.take(each)
    return queue


def order(*alerts: Alert) -> list[str]:
    return [case.case_id for case in queue_of(*alerts).ranked()]


def test_the_case_that_waiting_costs_most_stands_first() -> None:
    assert ["b", "c", "a"] == order(
        alert("a", yen_at_risk=20_000),
        alert("b", yen_at_risk=300_000, urgency=0.75),
        alert("c", yen_at_risk=200_000),
    )


def test_of_equals_the_one_nearer_to_its_cap_then_the_more_unusual_one() -> None:
    assert ["d", "a", "c", "b"] == order(
        alert("a", seconds_to_cap=90),
        alert("b", seconds_to_cap=None),
        alert("c", seconds_to_cap=None, false_alarms_per_day=0.1),
        alert("d", seconds_to_cap=20, false_alarms_per_day=9.0),
    )


def test_an_update_makes_its_case_current_and_counts_its_events() -> None:
    queue = queue_of(alert("a"), alert("b", yen_at_risk=50_000))
    case = queue.take(alert("a", 1, START_MS + 60_000, yen_at_risk=10_000, events=7))
    assert case is not None
    assert (START_MS, 8, 10_000) == (case.began_at_ms, case.events, case.last.yen_at_risk)
    assert ["b", "a"] == [each.case_id for each in queue.ranked()]


def test_an_update_raised_twice_changes_nothing() -> None:
    queue = queue_of(alert("a"), alert("a", 1, events=3))
    assert queue.take(alert("a")) is None
    assert queue.take(alert("a", 1, events=3)) is None
    assert [4] == [case.events for case in queue.ranked()]


def test_a_case_closes_a_day_after_its_first_alert() -> None:
    last = alert("a", 1, START_MS + 24 * HOUR_MS - 1)
    assert ["a"] == order(alert("a"), last)
    assert ["b"] == order(alert("a"), last, alert("b", 0, START_MS + 24 * HOUR_MS))


def test_an_alert_of_a_day_ago_opens_no_line() -> None:
    queue = queue_of(alert("b", at_ms=START_MS + 25 * HOUR_MS))
    assert queue.take(alert("a")) is None
    assert (["b"], START_MS + 25 * HOUR_MS) == ([case.case_id for case in queue.ranked()], queue.now_ms)


def test_a_case_quiet_for_an_hour_waits_behind_the_others() -> None:
    quiet = alert("quiet", yen_at_risk=300_000)
    assert ["quiet", "new"] == order(quiet, alert("new", at_ms=START_MS + HOUR_MS - 1))
    assert ["new", "quiet"] == order(quiet, alert("new", at_ms=START_MS + HOUR_MS))
    (_, case) = queue_of(quiet, alert("new", at_ms=START_MS + HOUR_MS)).ranked()
    assert (40, None) == (case.seconds_to_cap_at(START_MS), case.seconds_to_cap_at(START_MS + HOUR_MS))
    assert (0.1, 30_000) == (case.urgency_at(START_MS + HOUR_MS), case.rank_yen_at(START_MS + HOUR_MS))


def test_nothing_left_is_no_hurry_at_any_time() -> None:
    case = queue_of(alert("a", urgency=0.0)).ranked()[0]
    assert [0.0, 0.0] == [case.urgency_at(START_MS), case.urgency_at(START_MS + HOUR_MS)]


def test_a_year_of_cases_is_held_in_the_memory_of_a_day() -> None:
    queue = queue_of(*(alert(f"c{hour}", at_ms=START_MS + hour * HOUR_MS) for hour in range(24 * 365)))
    assert 24 == len(queue.ranked())
    assert len(queue._cases) < 30
