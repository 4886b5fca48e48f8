"""Alert groups: the cases stage's own numbering, and which of the groups are false."""

import numpy as np
from support.alone import Alone
from support.logs import Event, make_played, opened
from support.models import make_batch

from detector.core.stage import CASE_OFFSET
from detector.core.stages.cases import CASES
from detector.jst import DAY_MS
from models.backtest.groups import Grouping, Groups

HOUR_S = 3600


def groups(*events: Event, alerts: str) -> Groups:
    """The groups of alerts on the events of these one-letter ids."""
    rows = [i for i, event in enumerate(events) if event.id in alerts]
    return Grouping(make_played(*events)).groups(np.array(rows, np.int64))


def test_a_group_is_one_account_within_24_hours_of_the_first_alert() -> None:
    found = groups(
        Event("a", 0),
        Event("b", 23 * HOUR_S),
        Event("c", 24 * HOUR_S),
        Event("d", 24 * HOUR_S, account="other"),
        Event("e", 25 * HOUR_S),
        alerts="abcde",
    )
    assert [0, 2, 3] == found.first.tolist()
    assert 3 == found.false_groups


def test_a_group_is_false_when_none_of_its_alerts_is_labelled() -> None:
    found = groups(Event("a", 0), Event("b", 60, "T1-1"), Event("c", 90), Event("d", 95, account="other"), alerts="abd")
    assert [True, False] == found.true.tolist()
    assert 1 == groups(Event("a", 0), Event("b", 60, "T1-1"), alerts="a").false_groups


def test_an_alert_on_a_campaign_is_not_false() -> None:
    assert 0 == groups(Event("a", 0, "T3-campaign-0001"), alerts="a").false_groups


def test_wallet_events_are_grouped_by_wallet() -> None:
    assert 2 == groups(opened("a", 0), opened("b", 5), opened("c", 5, wallet="v"), alerts="abc").false_groups


def test_no_alerts_are_no_groups() -> None:
    found = groups(Event("a", 0), alerts="")
    assert ([], 0) == (found.first.tolist(), found.false_groups)


def test_groups_are_those_of_the_cases_stage() -> None:
    rng = np.random.default_rng(1)
    n = 3000
    events = [
        Event(f"e{i}", float(i * 900 + rng.integers(0, 7200)), account=f"a{rng.integers(0, 40)}") for i in range(n)
    ]
    rows = np.flatnonzero(rng.random(n) < 0.4)
    played = make_played(*events)
    batch = make_batch(
        len(rows),
        offset=rows,
        origin_offset=rows,
        account=played.account[rows],
        occurred_at_ms=played.occurred_at_ms[rows],
    )
    stage = Alone(CASES, ttl_ms=400 * DAY_MS).process(batch)
    expected = np.unique(stage.events.facts[:, CASE_OFFSET])
    assert expected.tolist() == Grouping(played).groups(rows).first.tolist()
