"""An update of a case is raised when something is new, with all current values; other alerts are counted."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from support.alone import Alone
from support.oracle_cases import CASE_MS, START_MS, Alerting, Oracle, Update, batch_of, lives, severity_of

from detector.contract.vocabulary import DEBIT, LINK, OK, WRONG_CREDENTIALS
from detector.core.stage import (
    CASE_EVENTS,
    CASE_NEWS,
    CASE_OFFSET,
    CASE_SEVERITY,
    CASE_UPDATE,
    CASE_URGENCY,
    YEN_DEBITED,
    YEN_LEFT,
)
from detector.core.stages.cases import CASES, HELD
from detector.core.triage import (
    LEVELS,
    MILLION,
    NEWS,
    SEVERITIES,
    level_of,
    news_of,
    rank_yen,
    seconds_to_cap,
    urgency_of,
)

NEVER_MS = 10**15
OPENED = frozenset({"opened"})


def updates(events: Sequence[Alerting], ttl_ms: int = NEVER_MS, pieces: int = 1) -> list[Update]:
    """The updates of the events, in batches of `pieces`; 0: all at once."""
    machine = Alone(CASES, ttl_ms=ttl_ms)
    found = []
    for first in range(0, len(events), pieces or len(events)):
        batch, facts = batch_of(events[first : first + pieces] if pieces else events, first)
        found += [_update(row) for row in machine.process(batch, facts).events.facts]
    return found


def _update(facts: np.ndarray) -> Update:
    raised = int(facts[CASE_UPDATE])
    if not facts[CASE_EVENTS]:
        return Update(None)
    return Update(
        None if raised == HELD else raised,
        int(facts[CASE_OFFSET]),
        int(facts[CASE_EVENTS]),
        int(facts[YEN_DEBITED]),
        int(facts[YEN_LEFT]),
        LEVELS[facts[CASE_SEVERITY]],
        int(facts[CASE_URGENCY]),
        frozenset(news_of(int(facts[CASE_NEWS]))),
    )


@pytest.mark.parametrize("seed", range(8))
def test_updates_equal_the_oracle(seed: int) -> None:
    events, oracle = lives(seed, 400), Oracle()
    expected = [oracle.take(event) for event in events]
    assert expected == updates(events, pieces=0)
    assert {news.name for news in NEWS} == {name for update in expected for name in update.news}
    assert sum(update.number is None for update in expected) > 50


@pytest.mark.parametrize("pieces", [1, 7])
def test_pieces_do_not_matter(pieces: int) -> None:
    events = lives(3, 300)
    assert updates(events, pieces=0) == updates(events, pieces=pieces)


def at(seconds: float, **fields: object) -> Alerting:
    """An event some seconds after the start."""
    return replace(Alerting(), at_ms=START_MS + int(1000 * seconds), **fields)  # type: ignore[arg-type]


def news(events: Sequence[Alerting]) -> list[set[str] | None]:
    """News of each update; None where none is raised."""
    return [None if update.number is None else set(update.news) for update in updates(events)]


def test_a_guessing_source_makes_one_update_and_a_count() -> None:
    guesses = [at(i, kind=LINK, result=WRONG_CREDENTIALS) for i in range(300)]
    found = updates([*guesses, at(301, kind=LINK, result=OK)])
    assert [0, 300] == [index for index, update in enumerate(found) if update.number is not None]
    assert (1, OPENED) == (found[0].events, found[0].news)
    assert (1, 300, frozenset({"linked"})) == (found[300].number, found[300].events, found[300].news)


def test_a_pin_found_again_is_no_news() -> None:
    results = (WRONG_CREDENTIALS, OK, WRONG_CREDENTIALS, OK)
    expected = [{"opened"}, {"linked"}, None, None]
    assert expected == news([at(i, kind=LINK, result=result) for i, result in enumerate(results)])


def test_a_drain_in_small_debits_makes_ten_updates_at_most() -> None:
    events = [
        at(100 * i, kind=DEBIT, yen=1_000, left=300_000 - 1_000 * (i + 1), debited=1_000 * (i + 1)) for i in range(300)
    ]
    found = [update for update in updates(events) if update.number is not None]
    assert [1_000, *range(31_000, 300_000, 30_000), 300_000] == [update.debited for update in found]
    assert 300 == sum(update.events for update in found)


#: An alert after the first one, and its news.
NEWS_OF_SECOND = {
    "nothing": (None, at(1)),
    "a lower alarm": ({"severity"}, at(1, alarm=0.5)),
    "a higher one": (None, at(1, alarm=19.0)),
    "the first yen": ({"yen"}, at(1, yen=500, debited=500)),
    "yen of a debit that the account stage forgot": ({"yen"}, at(1, yen=500)),
    "a refused debit": (None, at(1, yen=90_000, result=WRONG_CREDENTIALS)),
    "another detector": ({"detector"}, at(1, detector=3)),
    "another service": ({"service"}, at(1, service=5, left=0)),
    "a pace that takes an hour": ({"urgent"}, at(1, pace=5_000)),
    "one that takes a little longer": (None, at(1, pace=4_998)),
    "the last yen": ({"yen", "emptied"}, at(1, yen=100_000, debited=300_000, left=0)),
}


@pytest.mark.parametrize("why", NEWS_OF_SECOND)
def test_what_is_news(why: str) -> None:
    expected, event = NEWS_OF_SECOND[why]
    assert [{"opened"}, expected] == news([at(0), event])


def test_severity_and_urgency_rise_and_never_fall_and_yen_at_risk_is_current() -> None:
    drain = [
        at(0, alarm=0.5),
        at(60, alarm=9.0, yen=100_000, debited=100_000, left=200_000, pace=100_000),
        at(90, alarm=9.0, yen=100_000, debited=200_000, left=100_000, pace=100_000),
        at(3_000, alarm=9.0, yen=80_000, debited=280_000, left=20_000),
    ]
    found = updates(drain)
    assert [0, 100_000, 200_000, 280_000] == [update.debited for update in found]
    assert [300_000, 200_000, 100_000, 20_000] == [update.left for update in found]
    assert ["critical"] * 4 == [update.severity for update in found]
    assert [750, 1000, 1000, 1000] == [update.urgency for update in found]


def test_an_account_that_is_only_tried_is_not_urgent_until_it_opens() -> None:
    tried = [at(i, kind=LINK, result=WRONG_CREDENTIALS) for i in range(3)]
    assert [5, 5, 5, 750] == [update.urgency for update in updates([*tried, at(4, kind=LINK)])]
    assert [5, 750] == [update.urgency for update in updates([tried[0], at(1, yen=10, debited=10)])]
    assert [750, 750] == [update.urgency for update in updates([at(0, kind=LINK), tried[1]])]


def test_yen_at_risk_are_those_of_all_services_of_the_case() -> None:
    events = [at(0, left=200_000), at(1, service=2, left=300_000), at(2, left=120_000, yen=80_000)]
    assert [200_000, 500_000, 420_000] == [update.left for update in updates(events)]


def test_a_ninth_service_evicts_the_one_with_the_least_left() -> None:
    left = [9_000, 8_000, 7_000, 1_000, 6_000, 5_000, 4_000, 3_000, 2_000]
    events = [at(i, service=300 + i, left=yen) for i, yen in enumerate(left)]
    again = [at(9, service=308, left=0), at(10, service=303, left=500), at(11, service=300, left=9_000)]
    expected = [sum(left[: i + 1]) for i in range(8)] + [44_000, 42_000, 42_500, 42_500]
    found = updates([*events, *again])
    assert expected == [update.left for update in found]
    assert [True] * 8 + [False, True, False] == ["service" in update.news for update in found[1:]]
    oracle = Oracle()
    assert found == [oracle.take(event) for event in [*events, *again]]


def test_yen_debited_do_not_fall_when_the_account_stage_forgets() -> None:
    events = [at(0, yen=90_000, debited=250_000), at(70_000, yen=10_000, debited=10_000)]
    assert [250_000, 260_000] == [update.debited for update in updates(events)]


def test_a_new_case_begins_without_known_news() -> None:
    again = at(0, alarm=9.0, yen=90_000, debited=90_000)
    found = updates([replace(again, alarm=0.5, pace=9_000), replace(again, at_ms=again.at_ms + CASE_MS)])
    assert [("critical", 1000, OPENED), ("high", 750, OPENED)] == [
        (update.severity, update.urgency, update.news) for update in found
    ]


@pytest.mark.parametrize("yen", [0, 1, 99_999, 100_000, 300_000])
@pytest.mark.parametrize("alarm", [0.0, 0.999999, 1.0, 1.000001, 20.0])
def test_levels_are_those_of_the_table_of_severities(yen: int, alarm: float) -> None:
    assert severity_of(yen, alarm) == LEVELS[level_of(yen, round(alarm * MILLION))]
    assert {row.severity for row in SEVERITIES} == set(LEVELS)


#: Yen at risk, yen a minute → seconds to the cap, urgency in thousandths, yen that an hour's wait costs.
URGENCIES = [
    (300_000, 0, -1, 750, 225_000),
    (200_000, 100_000, 120, 1000, 200_000),
    (300_000, 5_000, 3_600, 1000, 300_000),
    (300_000, 4_000, 4_500, 800, 240_000),
    (300_000, 10, 1_800_000, 750, 225_000),
    (20_000, 100_000, 12, 1000, 20_000),
    (7, 3, 140, 1000, 7),
    (0, 5_000, 0, 0, 0),
]


@pytest.mark.parametrize(("yen", "pace", "seconds", "urgency", "rank"), URGENCIES)
def test_a_case_ranks_by_what_an_hours_wait_costs(yen: int, pace: int, seconds: int, urgency: int, rank: int) -> None:
    assert (seconds, urgency) == (seconds_to_cap(yen, pace), urgency_of(yen, pace, False))
    assert rank == rank_yen(yen, urgency / 1000)
