"""What alerts are worth: cases early or late, yen lost, by hand and against the definitions spelled out in loops."""

import numpy as np
import pytest
from support.logs import Event, link, make_labels, make_played, opened

from models.backtest.cases import EARLY_YEN, Cases, Outcomes

#: The passbook of 1 September 2020: link, then 100,000 + 90,000 + 90,000 + 20,000 yen.
DRAIN = (
    link("link", 0, "T1-1"),
    Event("d1", 60, "T1-1", 100_000),
    Event("d2", 75, "T1-1", 90_000),
    Event("d3", 90, "T1-1", 90_000),
    Event("d4", 105, "T1-1", 20_000),
)


def outcomes(events: tuple[Event, ...], *alerts: str) -> Outcomes:
    """What alerts on the events of these ids come to."""
    cases = Cases(make_played(*events), make_labels(*events))
    return cases.outcomes(np.array([event.id in alerts for event in events]))


@pytest.mark.parametrize(
    ("yen_lost", "early", "before_debit", "alerts"),
    [
        (0, True, True, ["link"]),
        (100_000, True, False, ["d1"]),
        (190_000, False, False, ["d2"]),
        (280_000, False, False, ["d3"]),
        (300_000, False, False, ["d4"]),
        (300_000, False, False, []),
        (190_000, False, False, ["d2", "d3", "d4"]),
        (0, True, True, ["d4", "link"]),
    ],
    ids=lambda value: " ".join(value) or "none" if isinstance(value, list) else None,
)
def test_yen_are_lost_up_to_the_first_alert_the_alerting_debit_included(
    yen_lost: int, early: bool, before_debit: bool, alerts: list[str]
) -> None:
    found = outcomes(DRAIN, *alerts)
    assert [300_000] == found.yen.tolist()
    assert [yen_lost] == found.yen_lost.tolist()
    assert [bool(alerts)] == found.alerted.tolist()
    assert [early and bool(alerts)] == found.early.tolist()
    assert [before_debit] == found.before_debit.tolist()


def test_a_debit_that_happened_before_the_alert_but_arrives_later_is_gone() -> None:
    d0, d1, d2, d3, d4 = DRAIN
    late = (d0, d2, d1, d3, d4)
    assert [190_000] == outcomes(late, "d2").yen_lost.tolist()
    assert [False] == outcomes(late, "d2").early.tolist()


def test_a_debit_that_arrived_before_the_alert_is_gone_whenever_it_happened() -> None:
    d0, d1, d2, d3, d4 = DRAIN
    assert [190_000] == outcomes((d0, d2, d1, d3, d4), "d1").yen_lost.tolist()


def test_an_alert_of_one_victim_comes_late_for_the_case_but_not_for_another_victim() -> None:
    events = (
        Event("a1", 0, "T5-1", 90_000, account="a", wallet="w1"),
        Event("a2", 60, "T5-1", 90_000, account="a", wallet="w1"),
        Event("b1", 90, "T5-1", 50_000, account="b", wallet="w2"),
        Event("b2", 99, "T5-1", 40_000, account="b", wallet="w2"),
    )
    found = outcomes(events, "b1")
    assert [True] == found.alerted.tolist()
    assert [False] == found.early.tolist(), "230,000 yen of the case are gone"
    assert [90_000 + 90_000 + 50_000] == found.yen_lost.tolist(), "no alert was on the account or wallet of the first"


def test_an_alert_on_the_wallet_helps_every_account_that_the_case_tied_to_it() -> None:
    events = (
        link("link a", 0, "T5-1", account="a", wallet="w"),
        link("link b", 10, "T5-1", account="b", wallet="w"),
        Event("a1", 60, "T5-1", 90_000, account="a", wallet="w"),
        Event("b1", 90, "T5-1", 50_000, account="b", wallet="w"),
    )
    assert [90_000] == outcomes(events, "a1").yen_lost.tolist()
    assert [0] == outcomes(events, "link b").yen_lost.tolist()


def test_an_alert_on_a_wallets_own_event_counts_for_its_accounts() -> None:
    events = (
        opened("open", 0, "T1-1", wallet="w"),
        Event("d1", 60, "T1-1", 90_000, wallet="w"),
        Event("elsewhere", 61, "T1-1", 60_000, account="b", wallet="v"),
    )
    found = outcomes(events, "open")
    assert [True] == found.before_debit.tolist()
    assert [60_000] == found.yen_lost.tolist()


def test_time_is_from_the_first_event_of_the_case_to_the_event_of_the_first_alert() -> None:
    assert [75.0] == outcomes(DRAIN, "d2", "d3").seconds.tolist()
    assert np.isnan(outcomes(DRAIN).seconds).tolist() == [True]


def test_an_alert_on_another_case_or_on_an_honest_event_of_the_account_is_none_of_the_case() -> None:
    events = (Event("x", 0, "T1-1", 50_000), Event("y", 60, "T1-2", 70_000), Event("honest", 70, "", 5_000))
    found = outcomes(events, "y", "honest")
    assert [False, True] == found.alerted.tolist()
    assert [50_000, 70_000] == found.yen_lost.tolist()


def test_a_campaign_is_no_case() -> None:
    events = (*DRAIN, link("try", 1, "T3-campaign-0001", account="b"))
    cases = Cases(make_played(*events), make_labels(*events))
    assert ("T1-1",) == cases.case_ids


def test_cases_without_an_event_in_the_log_are_none() -> None:
    labels = make_labels(*DRAIN, Event("gone", 0, "T9-1", 5_000))
    cases = Cases(make_played(*DRAIN), labels)
    assert (1, ["T1"]) == (cases.count, cases.typologies.tolist())


def test_the_columns_say_what_the_definitions_say_on_random_logs() -> None:
    for seed in range(60):
        rng = np.random.default_rng(seed)
        events = tuple(
            Event(
                id=f"e{i}",
                at_s=float(rng.integers(0, 60)),
                case=str(rng.choice(["", "T1-1", "T1-2", "T2-1", "T3-campaign-1"])),
                yen=int(rng.choice([0, 20_000, 60_000])),
                account=str(rng.choice(["a", "b", "c"])),
                wallet=str(rng.choice(["v", "w"])),
            )
            for i in range(30)
        )
        alert = rng.random(30) < rng.choice([0.05, 0.2])
        cases = Cases(make_played(*events), make_labels(*events))
        found = cases.outcomes(alert)
        for place, case_id in enumerate(cases.case_ids):
            assert spelled_out(events, alert.tolist(), case_id) == tuple(
                None if np.isnan(value) else value for value in (column[place].item() for column in found)
            )


def spelled_out(events: tuple[Event, ...], alert: list[bool], case_id: str) -> tuple[object, ...]:
    """Alerted, early, before debit, yen, yen lost and seconds of a case, by its definitions."""
    own = [i for i, event in enumerate(events) if event.case == case_id]

    def gone(i: int, first: int) -> bool:
        return i <= first or events[i].at_s <= events[first].at_s

    alerts = [i for i in own if alert[i]]
    taken = sum(events[i].yen for i in own if alerts and gone(i, alerts[0]))
    lost = 0
    for account in {events[i].account for i in own}:
        debits = [i for i in own if events[i].account == account]
        wallets = {events[i].wallet for i in debits}
        heard = [i for i in alerts if events[i].account == account or events[i].wallet in wallets]
        lost += sum(events[i].yen for i in debits if not heard or gone(i, heard[0]))
    seconds = events[alerts[0]].at_s - min(events[i].at_s for i in own) if alerts else None
    yen = sum(events[i].yen for i in own)
    return bool(alerts), bool(alerts) and taken <= EARLY_YEN, bool(alerts) and taken == 0, yen, lost, seconds
