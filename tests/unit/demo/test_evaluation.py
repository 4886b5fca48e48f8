from collections.abc import Sequence

import pandas as pd
import pytest
from support.alerts import make_alert

from detector.contract.alerts import Alert
from detector.demo.evaluation import Evaluation, Group, Taken, day_of, evaluate

MINUTE_MS = 60_000
BEGIN_MS = 1_598_886_000_000  # 2020-09-01 00:00 in Japan


def make_events(*rows: tuple[str, int, str, str, int]) -> pd.DataFrame:
    """Events of bank 0116 in order of arrival: id, seconds after the beginning, kind, result, yen."""
    return pd.DataFrame(
        [
            {
                "event_id": event_id,
                "occurred_at_ms": BEGIN_MS + 1000 * second,
                "kind": kind,
                "result": result,
                "amount_yen": yen or None,
                "bank": "0116",
            }
            for event_id, second, kind, result, yen in rows
        ]
    )


def make_labels(**case_of: str) -> pd.DataFrame:
    return pd.DataFrame({"event_id": list(case_of), "case_id": list(case_of.values()), "typology": "T1"})


def alert_on(event_id: str, *, account: str = "a", group: str = "", update: int = 0, at_s: int = 0) -> Alert:
    return make_alert(
        event_id=event_id,
        alert_id=f"alert on {event_id}",
        case_id=group or f"group of {account}",
        account=account,
        update=update,
        occurred_at_ms=BEGIN_MS + 1000 * at_s,
    )


#: The passbook of 1 September 2020: link, then 100,000 + 90,000 + 90,000 + 20,000 yen.
DRAIN = make_events(
    ("link", 0, "link", "ok", 0),
    ("d1", 60, "debit", "ok", 100_000),
    ("d2", 75, "debit", "ok", 90_000),
    ("d3", 90, "debit", "ok", 90_000),
    ("d4", 105, "debit", "ok", 20_000),
)
DRAINED = make_labels(link="T1-0001", d1="T1-0001", d2="T1-0001", d3="T1-0001", d4="T1-0001")


@pytest.mark.parametrize(
    ("yen_lost", "early", "alerts"),
    [
        (0, True, ["link"]),
        (100_000, True, ["d1"]),
        (190_000, False, ["d2"]),
        (280_000, False, ["d3"]),
        (300_000, False, ["d4"]),
        (300_000, False, []),
        (190_000, False, ["d2", "d3", "d4"]),
        (100_000, True, ["d4", "d1"]),
    ],
    ids=lambda value: " ".join(value) or "none" if isinstance(value, list) else None,
)
def test_yen_are_lost_up_to_the_first_alert_the_alerting_debit_included(
    yen_lost: int, early: bool, alerts: Sequence[str]
) -> None:
    found = evaluate(DRAINED, DRAIN, [alert_on(event_id) for event_id in alerts], days=10)
    assert [yen_lost] == [case.yen_lost for case in found.cases]
    assert [early] == [case.early for case in found.cases]
    assert [bool(alerts)] == [case.alerted for case in found.cases]
    assert [300_000] == [case.yen for case in found.cases]


def test_a_debit_that_happened_before_the_alert_but_arrived_later_is_lost_too() -> None:
    events = DRAIN.iloc[[0, 2, 1, 3, 4]]  # the first debit arrives after the second
    (case,) = evaluate(DRAINED, events, [alert_on("d2")], days=10).cases
    assert 190_000 == case.yen_lost
    assert [True, True, False, False] == [debit.gone for debit in case.taken]


def test_a_debit_that_arrived_before_the_alert_is_lost_whenever_it_happened() -> None:
    events = DRAIN.iloc[[0, 2, 1, 3, 4]]
    (case,) = evaluate(DRAINED, events, [alert_on("d1")], days=10).cases
    assert 190_000 == case.yen_lost


def test_refused_debits_take_nothing() -> None:
    events = make_events(("d1", 0, "debit", "ok", 60_000), ("d2", 10, "debit", "over_cap", 90_000))
    (case,) = evaluate(make_labels(d1="T1-0001", d2="T1-0001"), events, [alert_on("d2")], days=1).cases
    assert (Taken(BEGIN_MS, 60_000, gone=True),) == case.taken
    assert case.early


def test_an_event_delivered_twice_counts_once() -> None:
    events = pd.concat([DRAIN, DRAIN.iloc[1:2]])
    labels = pd.concat([DRAINED, DRAINED.iloc[1:2]])
    found = evaluate(labels, events, [alert_on("d4"), alert_on("d4")], days=10)
    assert 300_000 == found.cases[0].yen
    assert 5 == found.events
    assert 1 == found.alerts


def test_a_case_is_not_alerted_by_an_alert_on_another_case() -> None:
    events = make_events(("x", 0, "debit", "ok", 50_000), ("y", 60, "debit", "ok", 70_000))
    found = evaluate(make_labels(x="T1-0001", y="T1-0002"), events, [alert_on("y")], days=1)
    assert [("T1-0001", False), ("T1-0002", True)] == [(case.case_id, case.alerted) for case in found.cases]
    assert [50_000, 70_000] == [case.yen_lost for case in found.cases]


def test_a_group_is_false_when_none_of_its_alerts_is_on_an_event_of_a_case() -> None:
    events = make_events(
        ("honest 1", 0, "debit", "ok", 1), ("honest 2", 60, "debit", "ok", 1), ("honest 3", 90, "debit", "ok", 1)
    )
    alerts = [
        alert_on("honest 1", account="mixed"),
        alert_on("d1", account="mixed", update=1),
        alert_on("honest 2", account="honest", at_s=60),
        alert_on("honest 3", account="honest", update=1, at_s=90),
    ]
    found = evaluate(DRAINED, pd.concat([DRAIN, events]), alerts, days=2)
    assert (Group("0116", BEGIN_MS + MINUTE_MS),) == found.false_groups
    assert 0.5 == found.false_groups_a_day
    assert (4, 2) == (found.alerts, found.updates)


def test_alerts_on_events_outside_the_days_are_not_counted() -> None:
    found = evaluate(DRAINED, DRAIN, [alert_on("of the warm-up", account="other")], days=10)
    assert (0, ()) == (found.alerts, found.false_groups)


def test_false_groups_are_shared_out_to_banks_most_first() -> None:
    groups = tuple(Group(bank, BEGIN_MS) for bank in ("9900", "0116", "9900", "0001"))
    found = Evaluation(days=2, events=0, cases=(), false_groups=groups, alerts=4, updates=0)
    assert [("9900", 1.0), ("0001", 0.5), ("0116", 0.5)] == list(found.false_groups_by_bank().items())
    assert 2.0 == found.figures()["false_groups_per_day"]


def test_figures_add_up_over_cases() -> None:
    events = pd.concat([DRAIN, make_events(("solo", 900, "debit", "ok", 80_000))])
    labels = pd.concat([DRAINED, make_labels(solo="T1-0002")])
    figures = evaluate(labels, events, [alert_on("d2"), alert_on("solo")], days=10).figures()
    expected = {
        "cases": 2,
        "cases_alerted": 2,
        "cases_alerted_early": 1,
        "yen_debited": 380_000,
        "yen_lost_until_first_alert": 270_000,
    }
    assert expected == {name: figures[name] for name in expected}


def test_a_day_begins_at_midnight_in_japan() -> None:
    assert [0, 0, 1] == [day_of(BEGIN_MS + ms, BEGIN_MS) for ms in (0, 86_399_999, 86_400_000)]
