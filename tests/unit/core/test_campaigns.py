"""What many accounts have in common becomes a campaign: counted by a stage like any other, told once too large."""

from typing import Any

import numpy as np
import pytest
from support.campaigns import (
    CAP,
    HOUR_MS,
    MINUTE_MS,
    Machine,
    T,
    drained,
    failures,
    log,
    payments,
    told,
)

from detector.contract.vocabulary import DEBIT, LINK, OK, OPEN, WRONG_CREDENTIALS
from detector.core.events import Events
from detector.core.stage import ALARM_MILLIONTHS, YEN_LEFT
from detector.core.stages.campaign_patterns import (
    QUIET_S,
    SOURCE,
)
from detector.core.stages.campaigns import telling
from detector.core.stages.campaigns_kernel import STRONG_A_DAY, YOUNG_MS
from detector.core.triage import MILLION
from detector.jst import DAY_MS


def test_eight_accounts_that_one_source_fails_on_are_a_spray_told_with_the_eighth() -> None:
    (bulletin,) = told(log(*failures(8)))
    assert ("begun", 0, ["spray"], ["T3"]) == (
        bulletin.state,
        bulletin.number,
        bulletin.patterns,
        bulletin.typologies,
    )
    assert (T, T + 7 * MINUTE_MS) == (bulletin.began_at_ms, bulletin.occurred_at_ms)
    assert "source-account-events-0-100" == bulletin.campaign_id
    assert (8, 0, 8, 0, None) == (
        bulletin.accounts_about,
        bulletin.alerts,
        bulletin.failures,
        bulletin.yen_taken,
        bulletin.first_yen_at_ms,
    )
    assert f"{1:016x}" == bulletin.indicator.value
    assert bulletin.occurred_at_ms + 1000 * QUIET_S[SOURCE] == bulletin.quiet_at_ms


QUIET = {
    "seven accounts": failures(7),
    "one account, again and again": [row | {"account": 1} for row in failures(40)],
    "eight sources": [row | {"source": number} for number, row in enumerate(failures(8), 1)],
    "an unknown source": failures(8, source=0),
    "eight accounts in eight weeks": [row | {"at": T + number * 7 * DAY_MS} for number, row in enumerate(failures(8))],
    "links that succeed with old wallets": failures(30, result=OK, age=2 * YOUNG_MS),
    "three accounts that alert": failures(3, result=OK, alert=True),
}


@pytest.mark.parametrize("events", QUIET.values(), ids=QUIET)
def test_ordinary_life_tells_nothing(events: list[dict[str, Any]]) -> None:
    assert [] == told(log(*events))


def test_a_slow_spray_of_five_accounts_a_day_is_told_within_a_week() -> None:
    rows = [row | {"at": T + number * 288 * MINUTE_MS} for number, row in enumerate(failures(30))]
    (first, *_) = told(log(*rows))
    assert ["spray"] == first.patterns
    assert first.occurred_at_ms - T < 7 * DAY_MS


def test_a_large_source_is_held_to_its_own_usual() -> None:
    # A carrier's address: five accounts a day fail, for two months; eight at once are nothing there, thirty are.
    days = [failures(5, at=T + day * DAY_MS) for day in range(60)]
    life = [row | {"account": 100 * day + row["account"]} for day, rows in enumerate(days) for row in rows]
    machine = Machine()
    machine.tell(log(*life))
    again = [row | {"account": 9_000 + row["account"]} for row in failures(8, at=T + 60 * DAY_MS)]
    assert [] == machine.tell(log(*again, first=900))
    many = [row | {"account": 20_000 + row["account"]} for row in failures(160, at=T + 61 * DAY_MS)]
    found = [one for _, one in machine.tell(log(*many, first=2_000)) if one.indicator.kind == "source"]
    assert ["spray"] == found[0].patterns


def test_twenty_wallets_opened_at_one_source_are_an_enrolment_before_any_is_linked() -> None:
    opened = [{"kind": OPEN, "wallet": 50 + i, "at": T + i * MINUTE_MS, "bank": -1, "age": 0} for i in range(20)]
    (bulletin, *_) = told(log(*opened))
    assert (["enrolment"], ["T5", "T1"], 10) == (bulletin.patterns, bulletin.typologies, bulletin.opened)


def test_yen_taken_and_at_risk_banks_and_the_first_yen_are_those_of_the_whole_campaign() -> None:
    (first, *grown) = told(log(*drained(4)))
    assert (0, 4, 300_000, 4 * CAP - 300_000) == (
        first.number,
        first.accounts_about,
        first.yen_taken,
        first.yen_at_risk,
    )
    assert (["0116", "0117"], T + MINUTE_MS) == (first.banks, first.first_yen_at_ms)
    assert (["alerts_at_source"], "T4") == (first.patterns, first.typologies[0])
    assert [] == grown


def left_to_the_caps(events: Events) -> int:
    """Yen at risk, plainly: of each account in successful links and debits what was left at the last of them."""
    left = dict[int, int]()
    for i in np.flatnonzero(events.batch.result == OK).tolist():
        left[int(events.batch.account[i])] = int(events.facts[i, YEN_LEFT])
    return sum(left.values())


FAILS, LINKS, DEBITS = ({"result": WRONG_CREDENTIALS}, {"kind": LINK}, {"kind": DEBIT, "yen": 100_000})
#: What each account does, and how far off: bits alone tell 400 accounts to 12 %, of a third gone 18 % of what is left.
STEPS = {
    "is linked": ([LINKS, DEBITS], 0.15),
    "fails, then is linked": ([FAILS, LINKS, DEBITS], 0.15),
    "is linked twice": ([LINKS, LINKS, DEBITS], 0.3),
    "was linked before": ([DEBITS], 0.3),
}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("accounts", [3, 20, 100, 200, 400])
@pytest.mark.parametrize(("steps", "off"), STEPS.values(), ids=STEPS)
def test_yen_at_risk_are_about_what_each_account_has_left(
    steps: list[dict[str, Any]], off: float, accounts: int, seed: int
) -> None:
    hashes = np.random.default_rng(seed).integers(1, 2**63, accounts).tolist()
    rows = [step | {"account": account, "alert": True} for account in hashes for step in steps]
    events = log(*[row | {"at": T + number * MINUTE_MS} for number, row in enumerate(rows)])
    machine = Machine()
    machine.tell(events)
    found = machine.alone.rows.snapshot()
    (at_risk,) = found["yen_at_risk"][found["role"] == SOURCE].tolist()
    assert pytest.approx(left_to_the_caps(events), rel=off) == at_risk


def test_a_campaign_grows_in_few_updates_with_numbers_in_order_and_one_id() -> None:
    rows = drained(40)
    found = told(log(*rows))
    assert list(range(len(found))) == [one.number for one in found]
    assert 1 == len({one.campaign_id for one in found})
    assert 3 <= len(found) <= 9
    assert {"begun", "pattern", "yen"} == {news for one in found for news in one.news}
    assert found[-1].yen_taken > 1_500_000


def test_quiet_ends_a_campaign_and_what_comes_then_is_another() -> None:
    later = T + 10 * DAY_MS
    found = told(log(*failures(8), *failures(9, at=later)))
    assert ["begun", "closed", "begun"] == [one.state for one in found]
    first, closed, second = found
    assert (first.campaign_id, later, 8) == (closed.campaign_id, closed.occurred_at_ms, closed.failures)
    assert (later + MINUTE_MS, 1) == (second.began_at_ms, closed.number), "the first day is a part of what is usual"
    assert first.campaign_id != second.campaign_id


def test_an_event_that_ends_a_campaign_and_begins_the_next_loses_the_bulletin_of_neither() -> None:
    # A spray's count has only halved when quiet has ended it: the next failure is too large again.
    machine = Machine()
    machine.tell(log(*failures(40)))
    back = T + 39 * MINUTE_MS + 73 * HOUR_MS
    again = [row | {"account": 100 + row["account"]} for row in failures(3, at=back)]
    found = [one for bank, one in machine.tell(log(*again, first=100)) if not bank and one.indicator.kind == "source"]
    assert [("closed", back), ("begun", back + MINUTE_MS)] == [(one.state, one.occurred_at_ms) for one in found]
    _, begun = found
    assert (back, 0, ["begun"], 2) == (begun.began_at_ms, begun.number, begun.news, begun.failures)


def test_accounts_of_a_bank_that_alert_from_many_sources_are_a_campaign_at_the_bank() -> None:
    rows = [row | {"source": 10 + number} for number, row in enumerate(failures(5, alert=True, result=OK))]
    (bulletin,) = told(log(*rows), "bank_service")
    assert ("0116/docomo_account", ["alerts_at_bank"], "T4") == (
        bulletin.indicator.value,
        bulletin.patterns,
        bulletin.typologies[0],
    )
    assert "stop new links from docomo_account at bank 0116" in bulletin.advice_en


def test_three_accounts_emptied_in_ten_days_at_one_bank_are_told_whatever_their_sources() -> None:
    rows = [
        {"kind": DEBIT, "alert": True, "yen": CAP, "source": 9 + day, "account": 9 + day, "at": T + day * DAY_MS}
        for day in (1, 5, 10)
    ]
    (bulletin,) = told(log(*rows), "bank_emptied")
    assert (["emptied_at_bank"], T + DAY_MS, 3 * CAP) == (bulletin.patterns, bulletin.began_at_ms, bulletin.yen_taken)
    assert [] == told(log(*[row | {"yen": CAP - 1} for row in rows]), "bank_emptied")
    assert [] == told(log(*[row | {"at": row["at"] - DAY_MS} for row in rows]), "bank_emptied"), "1 September"
    faint = log(*rows)
    faint.facts[:, ALARM_MILLIONTHS] = int(STRONG_A_DAY * MILLION) + 1
    assert [] == told(faint, "bank_emptied")


def test_an_account_that_alerts_at_each_of_three_debits_is_emptied_once() -> None:
    def drain(account: int, day: int, of_a_day: tuple[int, ...]) -> list[dict[str, Any]]:
        own = {"kind": DEBIT, "alert": True, "source": 9 + account, "account": account}
        return [own | {"yen": yen, "at": T + day * DAY_MS + yen // 10} for yen in of_a_day]

    thrice = [row for number in (1, 2, 3) for row in drain(number, 3 * number, (100_000, 200_000, CAP))]
    (bulletin,) = told(log(*thrice), "bank_emptied")
    assert (3 * CAP, 3, 3) == (bulletin.yen_taken, bulletin.accounts_about, bulletin.alerts)
    assert T + 3 * DAY_MS + CAP // 10 == bulletin.began_at_ms, "the first debit that left nothing"
    # The first is emptied once more by a debit of 1,000 yen, after more accounts than a count remembers.
    others = [row for number in range(2, 7) for row in drain(number, number, (CAP,))]
    events = log(*drain(1, 1, (CAP,)), *others, *drain(1, 8, (CAP,)))
    events.batch.amount_yen[-1] = 1_000
    yen = {
        one.accounts_about: one.yen_taken for _, one in Machine().tell(events) if one.indicator.kind == "bank_emptied"
    }
    assert 6 * CAP + 1_000 == yen[6]


def test_one_pattern_at_seven_banks_is_a_campaign_of_the_service() -> None:
    rows = failures(7, alert=True, result=OK)
    rows = [row | {"source": 10 + number, "bank": 100 + number} for number, row in enumerate(rows)]
    (bulletin,) = told(log(*rows), "service")
    assert ["several_banks"] == bulletin.patterns
    assert [f"{100 + number:04}" for number in range(7)] == bulletin.banks


def test_six_new_wallets_that_pay_at_one_shop_within_an_hour_are_a_burst() -> None:
    (bulletin, *_) = told(log(*payments(7)), "shop")
    assert (["store_burst"], "T13", f"{3:016x}") == (
        bulletin.patterns,
        bulletin.typologies[0],
        bulletin.indicator.value,
    )
    assert (6, 240_000, T) == (bulletin.accounts_about, bulletin.yen_taken, bulletin.first_yen_at_ms)
    for nothing in (payments(7, shop=0), payments(7, age=2 * YOUNG_MS), payments(5), payments(1) * 9):
        events = log(*nothing)
        assert [] == told(events.select(telling(events, np.zeros(events.size, np.int8))), "shop")
