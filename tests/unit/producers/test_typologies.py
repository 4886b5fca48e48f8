"""What holds for every typology: labels, victims, order of acts, caps and money; and the table of them."""

from collections import Counter

import numpy as np
import pytest
from support.frauds import by_case, played

from detector.contract.vocabulary import (
    DEBIT,
    LINK,
    MONTHLY_CAP_YEN,
    OK,
    OPEN,
    PAYMENT,
    PAYOUT,
    PIN4,
    TRANSFER,
    UNLINK,
)
from producers import banks, campaigns, jst
from producers.cases import STAGES, victims_of
from producers.events import NO_CASE, Events
from producers.typologies.table import BY_ID, TYPOLOGIES, markdown

SEEDS = (1, 2, 3)
EVERY = tuple(row.id for row in TYPOLOGIES)

seeds = pytest.mark.parametrize("seed", SEEDS)


def taken(case: Events) -> Events:
    """The charges that came."""
    return case.select((case.kind == DEBIT) & (case.result == OK))


@seeds
@pytest.mark.parametrize("typology", EVERY)
def test_every_event_belongs_to_a_case_or_campaign_and_every_case_has_one_account(typology: str, seed: int) -> None:
    events = played(typology, seed, 24)
    assert len(victims_of(events)) == 24
    assert (events.case != NO_CASE).all()
    assert (events.stage >= 0).all()
    assert len(np.unique(events.event)) == events.size
    robbed = [set(case.account[case.account > 0].tolist()) for case in by_case(events)]
    assert {len(accounts) for accounts in robbed} == {1}
    assert len(set.union(*robbed)) == 24


@seeds
@pytest.mark.parametrize("typology", EVERY)
def test_victims_bank_where_a_pin_is_enough_and_links_are_by_pin(typology: str, seed: int) -> None:
    events = played(typology, seed, 24)
    codes = (events.account[events.account > 0] >> np.uint64(40)).tolist()
    assert set(codes) <= set(banks.CODES[banks.PIN_BANKS].tolist())
    assert (events.auth[events.kind == LINK] == PIN4).all()


@seeds
@pytest.mark.parametrize("typology", EVERY)
def test_no_wallet_does_anything_before_it_is_opened_or_charges_before_it_is_linked(typology: str, seed: int) -> None:
    events = played(typology, seed, 24)
    assert (events.occurred_at_ms >= events.opened_at_ms).all()
    opens = events.select(events.kind == OPEN)
    assert (opens.occurred_at_ms == opens.opened_at_ms).all()
    assert set(events.wallet.tolist()) == set(opens.wallet.tolist())
    assert len(set(opens.wallet.tolist())) == opens.size
    linked: dict[tuple[int, int], int] = {}
    ordered = events.select(np.argsort(events.occurred_at_ms, kind="stable"))
    for kind, result, wallet, account, at in zip(
        *(getattr(ordered, name).tolist() for name in ("kind", "result", "wallet", "account", "occurred_at_ms")),
        strict=True,
    ):
        if kind == LINK and result == OK:
            linked[wallet, account] = at
        elif kind == UNLINK:
            del linked[wallet, account]
        elif kind == DEBIT:
            assert linked[wallet, account] < at


@seeds
@pytest.mark.parametrize("typology", EVERY)
def test_no_wallet_takes_more_than_the_monthly_cap_or_spends_more_than_it_has(typology: str, seed: int) -> None:
    events = played(typology, seed, 24)
    charged: Counter[tuple[int, int, int]] = Counter()
    money: Counter[int] = Counter()
    kinds = (events.kind, events.result, events.wallet, events.account, events.counterparty, events.amount_yen)
    months = [jst.month_of(jst.date_of(at)) for at in events.occurred_at_ms.tolist()]
    for kind, result, wallet, account, to, yen, month in zip(*(c.tolist() for c in kinds), months, strict=True):
        if kind == DEBIT and result == OK:
            charged[wallet, account, month] += yen
            money[wallet] += yen
        elif kind == TRANSFER:
            money[wallet] -= yen
            money[to] += yen
        elif kind in (PAYMENT, PAYOUT):
            money[wallet] -= yen
    assert max(charged.values()) <= MONTHLY_CAP_YEN
    assert min(money.values()) >= 0
    assert events.amount_yen[events.kind == PAYMENT].max() <= 49_999
    payouts = Counter(events.wallet[events.kind == PAYOUT].tolist())
    assert max(payouts.values(), default=0) <= 5
    assert set(events.amount_yen[events.kind == PAYOUT].tolist()) <= {20_000}


@seeds
@pytest.mark.parametrize("typology", [name for name in EVERY if name not in {"T2", "T4", "T7", "T10"}])
def test_the_whole_cap_is_taken_where_nothing_stops_the_thief(typology: str, seed: int) -> None:
    for case in by_case(played(typology, seed, 24)):
        assert taken(case).amount_yen.sum() == MONTHLY_CAP_YEN


@pytest.mark.parametrize("typology", [name for name in EVERY if name != "T12"])
def test_all_other_wallets_are_unverified(typology: str) -> None:
    assert not played(typology, SEEDS[0], 24).verified.any()


@pytest.mark.parametrize("typology", EVERY)
def test_another_seed_plays_other_cases_and_the_same_seed_the_same(typology: str) -> None:
    one, two = (played(typology, seed, 24) for seed in (1, 2))
    again = played.__wrapped__(typology, 1, 24)
    assert [column.tolist() for column in one] == [column.tolist() for column in again]
    assert one.occurred_at_ms[: two.size].tolist() != two.occurred_at_ms[: one.size].tolist()


def test_every_parameter_of_the_table_has_a_range_and_a_basis() -> None:
    for typology in TYPOLOGIES:
        assert typology.parameters
        for parameter in typology.parameters:
            assert parameter.low <= parameter.high
            assert any(
                word in parameter.basis for word in ("assumed", "INCIDENT", "NHK", "77 Bank", "arrests", "limit")
            )


def test_the_table_is_printed_with_all_its_parameters() -> None:
    lines = markdown().splitlines()
    assert len(lines) == 2 + sum(len(typology.parameters) for typology in TYPOLOGIES)
    assert "| T3 | PIN spray, low and slow | accounts | 200 … 10,000 accounts |" in markdown()
    assert {line.count("|") for line in lines} == {6}


def test_stages_tell_what_a_thief_is_about() -> None:
    seen = {STAGES[stage] for typology in EVERY for stage in np.unique(played(typology, 1, 24).stage)}
    assert set(STAGES) == seen


def test_a_narrowed_range_lies_in_that_of_the_table() -> None:
    rows = (*campaigns.SEPTEMBER_2020.waves, *campaigns.MAY_2019.waves, *campaigns.QUIET_YEAR.waves)
    narrowed = [(wave.typology, *row) for wave in rows for row in wave.narrowed]
    assert narrowed
    for typology, name, low, high in narrowed:
        (parameter,) = [row for row in BY_ID[typology].parameters if row.name == name]
        assert parameter.low <= low <= high <= parameter.high
