"""Bulletins of campaigns: a bank hears of its own accounts alone; however a log is cut, the same are told."""

import pytest
from support.campaigns import (
    HOUR_MS,
    Machine,
    T,
    drained,
    failures,
    log,
    payments,
    random_log,
    told,
)

from detector.contract.vocabulary import OTHER, WRONG_CREDENTIALS
from detector.core.rows import PackedRows
from detector.core.stages.campaigns import CAMPAIGNS


def test_a_bank_is_told_of_its_own_accounts_alone_and_all_of_none() -> None:
    found = Machine().tell(log(*drained(10)))
    assert {"", "0116", "0117"} == {bank for bank, _ in found}
    assert {"": set(), "0116": {0}, "0117": {1}} == {
        bank: {(int(account, 16) - 1) % 2 for at, one in found for account in one.accounts if at == bank}
        for bank in ("", "0116", "0117")
    }
    ids = [one.bulletin_id for _, one in found]
    assert len(ids) == len(set(ids))
    # Of the source's campaign, from the account on with which it was told.
    own = {account for bank, one in found for account in one.accounts if one.indicator.kind == "source"}
    assert {f"{number:016x}" for number in range(4, 11)} == own


def test_only_banks_with_a_topic_of_their_own_have_bulletins_of_their_own() -> None:
    events = log(*drained(10))
    everything = Machine().tell(events)
    for banks in (set[str](), {"0117"}, {"0200"}):
        assert [one for one in everything if one[0] in {"", *banks}] == Machine(banks=banks).tell(events)


def test_a_bank_is_told_of_an_account_that_is_new_in_a_campaign_or_alerts_and_not_of_what_it_goes_on_doing() -> None:
    goes_on = {"at": T + HOUR_MS, "account": 8, "result": WRONG_CREDENTIALS}
    rows = [*failures(8), goes_on, goes_on, goes_on | {"account": 9}, goes_on, goes_on | {"alert": True}]
    found = [one for bank, one in Machine().tell(log(*rows)) if bank and one.indicator.kind == "source"]
    assert [(107, 8), (110, 9), (112, 8)] == [(one.position.offset, int(one.accounts[0], 16)) for one in found]


def test_more_accounts_than_there_are_bits_are_all_told_to_their_bank() -> None:
    rows = failures(400)
    found = [one for bank, one in Machine().tell(log(*rows)) if bank and one.indicator.kind == "source"]
    assert list(range(8, 401)) == [int(one.accounts[0], 16) for one in found]


@pytest.mark.parametrize(("code", "name"), [(OTHER, ""), (2, "paypay")])
def test_a_service_whose_name_does_not_travel_is_not_named_in_words(code: int, name: str) -> None:
    (bulletin, *_) = told(log(*[row | {"service": code} for row in payments(7)]), "shop")
    of = name or "a payment service"
    assert f"many new wallets of {of} pay at one shop" == bulletin.text_en
    assert bulletin.text_ja.startswith(name or "決済サービス")
    assert (name or "other") == bulletin.service


@pytest.mark.parametrize("seed", [1, 2])
def test_however_a_log_is_cut_bulletins_and_rows_are_the_same(seed: int) -> None:
    events = random_log(seed)
    whole, single = Machine(), Machine()
    expected = whole.tell(events)
    assert len(expected) > 50
    assert {"begun", "grown", "closed"} == {one.state for _, one in expected}
    assert expected == [one for i in range(events.size) for one in single.tell(events.select([i]))]
    assert whole.alone.rows.snapshot().tobytes() == single.alone.rows.snapshot().tobytes()


def test_what_is_read_again_after_a_crash_tells_nothing_twice_and_nothing_less() -> None:
    events = random_log(3)
    expected = Machine().tell(events)
    before = Machine()
    first = before.tell(events.select(slice(0, 300)))
    rows = PackedRows(CAMPAIGNS.row)
    rows.load(before.alone.rows.snapshot())
    after = Machine(rows, before.alone.watermark_ms)
    assert [] == after.tell(events.select(slice(200, 300)))
    assert expected == first + after.tell(events.select(slice(300, None)))
