"""T1: each case as INCIDENT.md tells it, with its parameters inside the ranges of the table."""

from collections import Counter

import numpy as np
import pytest
from support.populations import events_of, scenario

from detector.contract.vocabulary import DEBIT, LINK, MONTHLY_CAP_YEN, OK, OPEN, PAYMENT, PIN4, WRONG_CREDENTIALS
from producers import banks, jst
from producers.events import NO_CASE, Events
from producers.typologies import acts, drain

CASES = 400


@pytest.fixture(scope="module")
def played() -> Events:
    events = events_of(scenario("ghost-wallets", accounts=1_000, cases=CASES, days=11))
    return events.select(events.case != NO_CASE)


@pytest.fixture(scope="module")
def cases(played: Events) -> list[Events]:
    """The cases, each in order of event time."""
    ordered = played.select(np.lexsort((played.occurred_at_ms, played.case)))
    return [ordered.select(ordered.case == case) for case in range(CASES)]


def test_each_case_takes_exactly_the_monthly_cap_in_three_to_five_charges(cases: list[Events]) -> None:
    for case in cases:
        charges = case.amount_yen[case.kind == DEBIT]
        assert charges.sum() == MONTHLY_CAP_YEN
        assert 3 <= len(charges) <= 5


def test_charges_follow_each_other_in_ten_to_twenty_seconds(cases: list[Events]) -> None:
    gaps = np.concatenate([np.diff(case.occurred_at_ms[case.kind == DEBIT]) for case in cases])
    assert gaps.min() >= 10 * jst.SECOND_MS
    assert gaps.max() <= 20 * jst.SECOND_MS


def test_a_case_opens_links_charges_and_buys_in_this_order(cases: list[Events]) -> None:
    for case in cases:
        kinds = case.kind.tolist()
        assert kinds == sorted(kinds, key=[OPEN, LINK, DEBIT, PAYMENT].index)
        assert len(set(case.wallet.tolist())) == 1


def test_the_account_is_linked_two_to_thirty_minutes_after_the_opening(cases: list[Events]) -> None:
    delays = np.array([case.occurred_at_ms[1] - case.occurred_at_ms[0] for case in cases])
    assert 2 * jst.MINUTE_MS <= delays.min() < 4 * jst.MINUTE_MS
    assert 28 * jst.MINUTE_MS < delays.max() <= 30 * jst.MINUTE_MS


def test_goods_are_bought_within_a_day_of_the_opening(cases: list[Events]) -> None:
    for case in cases:
        assert (case.occurred_at_ms - case.opened_at_ms).max() <= jst.DAY_MS


def test_wallets_are_unverified_and_linked_by_pin_at_banks_that_ask_no_more(played: Events) -> None:
    links = played.select(played.kind == LINK)
    assert not played.verified.any()
    assert (links.auth == PIN4).all()
    assert set((links.account >> np.uint64(40)).tolist()) <= set(banks.CODES[banks.PIN_BANKS].tolist())


def test_some_cases_mistype_the_pin_once(cases: list[Events]) -> None:
    tries = Counter(case.result[case.kind == LINK].tolist().__repr__() for case in cases)
    assert set(tries) <= {str([OK]), str([WRONG_CREDENTIALS, OK])}
    assert tries[str([WRONG_CREDENTIALS, OK])] < CASES * acts.FAILED_PIN.high * 1.3


def test_most_cases_are_at_few_banks_but_no_more_than_eleven(cases: list[Events]) -> None:
    count = Counter(int(case.account[case.kind == DEBIT][0]) >> 40 for case in cases)
    assert len(count) <= 11
    assert sum(cases for _, cases in count.most_common(4)) > CASES / 2


def test_most_victims_never_had_a_wallet(cases: list[Events]) -> None:
    quiet = events_of(scenario("ghost-wallets", accounts=1_000, cases=0, days=11))
    known = np.isin([case.account[case.kind == DEBIT][0] for case in cases], quiet.account)
    assert 0 < known.mean() < 0.2


def test_several_wallets_come_from_one_source(cases: list[Events]) -> None:
    wallets = Counter(int(case.source[0]) for case in cases)
    assert max(wallets.values()) == 4


def test_the_published_split_is_the_most_common(cases: list[Events]) -> None:
    splits = Counter(tuple((case.amount_yen[case.kind == DEBIT] // 1_000).tolist()) for case in cases)
    assert splits.most_common(1)[0][0] == (100, 90, 90, 20)
    assert set(splits) == {split for split, _ in drain.SPLITS}
