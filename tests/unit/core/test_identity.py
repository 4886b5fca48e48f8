"""A wallet is one at its service, an event is identified by more than its id, and a new service needs no release."""

from typing import Any

import numpy as np
import pytest
from support import events as make
from support.alone import Alone, no_facts

from detector.contract.batch import Batch
from detector.contract.codec import decode_account_events, decode_wallet_events
from detector.contract.services import FIRST_UNKNOWN
from detector.contract.vocabulary import SERVICES
from detector.core.admission import APPLY, APPLY_FRESH, DUPLICATE
from detector.core.chains import CHAINS
from detector.core.memory import MemoryRun
from detector.core.pipeline import Outcome
from detector.core.stage import ALARM_MILLIONTHS, CASE_NEWS, CASE_UPDATE, ESCALATED, YEN_LEFT, Stage
from detector.core.stages.account import ACCOUNT
from detector.core.stages.cases import CASES
from detector.core.stages.source import SOURCE
from detector.core.stages.wallet import WALLET
from detector.core.topology import topology_of
from detector.core.triage import OPENED, SERVICE

NEVER_MS = 10**15
CAP = 300_000


def decoded(*events: dict[str, Any], first: int = 0) -> Batch:
    """A chunk of one topic, a second between two events."""
    timed = [event | {"occurred_at_ms": make.START_MS + 1000 * (first + i)} for i, event in enumerate(events)]
    decode = decode_account_events if "account" in events[0] else decode_wallet_events
    found = decode([make.message(e) for e in timed], [make.key(e) for e in timed], first + np.arange(len(timed)))
    assert not found.rejected
    return found.batch


def ran(stage: Stage, *events: dict[str, Any]) -> tuple[Alone, Outcome]:
    pipeline = Alone(stage)
    return pipeline, pipeline.process(decoded(*events))


def column(outcome: Outcome, name: str) -> list[float]:
    values: list[float] = outcome.events.X[:, ACCOUNT.feature_names.index(name)].tolist()
    return values


def test_one_wallet_id_at_two_services_is_two_rows() -> None:
    pipeline, outcome = ran(WALLET, make.debit(), make.debit(event_id="e-2", service="paypay"))
    assert [APPLY_FRESH, APPLY_FRESH] == outcome.status.tolist()
    assert 2 == pipeline.rows.count


def test_one_wallet_id_at_two_services_is_two_cases() -> None:
    batch = decoded(make.payment(), make.payment(service="paypay"), make.payment(event_id="e-2"))
    facts = no_facts(3)
    facts[:, [ESCALATED, ALARM_MILLIONTHS]] = 1, 5_000_000
    pipeline = Alone(CASES)
    facts = pipeline.process(batch, facts).events.facts
    assert [OPENED, OPENED, 0] == facts[:, CASE_NEWS].tolist()
    assert 2 == pipeline.rows.count


@pytest.mark.parametrize("stage", [ACCOUNT, SOURCE], ids=lambda stage: stage.name)
def test_one_event_id_at_two_services_is_two_events(stage: Stage) -> None:
    _, outcome = ran(stage, make.debit(), make.debit(service="paypay"), make.debit())
    assert [APPLY_FRESH, APPLY, DUPLICATE] == outcome.status.tolist()


def test_one_event_id_of_two_kinds_is_two_events() -> None:
    _, outcome = ran(ACCOUNT, make.link(), make.debit(), make.link(), make.unlink())
    assert [APPLY_FRESH, APPLY, DUPLICATE, APPLY] == outcome.status.tolist()


def test_a_thief_whose_events_are_numbered_by_account_keeps_them_all() -> None:
    """Five accounts, each with an event 1 and an event 2, from one address."""
    events = [
        make.debit(account=f"{account:016x}", event_id=str(number)) for number in (1, 2) for account in range(1, 6)
    ]
    pipeline, outcome = ran(SOURCE, *events)
    assert [APPLY_FRESH] + [APPLY] * 9 == outcome.status.tolist()
    assert [DUPLICATE] == pipeline.process(decoded(events[-1], first=20)).status.tolist()


def test_a_wallet_is_paid_by_two_that_number_their_transfers_alike() -> None:
    run = MemoryRun(topology_of(CHAINS[1]), None, ttl_ms=NEVER_MS)
    sent = [make.transfer(wallet=wallet) for wallet in ("w-7", "w-8", "w-7")]
    status = run.process(decoded(*sent)).last.status
    assert [1, 1, 1, 0, 3, 3] == status.tolist(), "sender and receiver of each"


def test_the_wallets_of_next_year_go_the_whole_way() -> None:
    events = [make.link(service="new-pay"), make.debit(service="new-pay", event_id="e-2", amount_yen=120_000)]
    batch = decoded(*events, make.debit(event_id="e-3", amount_yen=50_000))
    assert FIRST_UNKNOWN <= batch.service[0] == batch.service[1]
    outcome = Alone(ACCOUNT).process(batch)
    assert [1, 1, 2] == column(outcome, "services")
    np.testing.assert_array_equal([np.nan, 120_000, 170_000], column(outcome, "month_yen"))
    assert [CAP, CAP - 120_000, CAP - 50_000] == outcome.events.facts[:, YEN_LEFT].tolist()
    outcome.events.facts[:, [ESCALATED, ALARM_MILLIONTHS]] = 1, 5_000_000
    facts = Alone(CASES).process(batch, outcome.events.facts).events.facts
    assert [CAP, CAP - 120_000, 2 * CAP - 170_000] == facts[:, YEN_LEFT].tolist()
    assert [OPENED, 0, SERVICE] == [news & (OPENED | SERVICE) for news in facts[:, CASE_NEWS].tolist()]
    assert 0 == facts[0, CASE_UPDATE]


def test_a_ninth_service_of_a_month_evicts_the_one_with_the_least_yen() -> None:
    yen = [9_000, 8_000, 7_000, 1_000, 6_000, 5_000, 4_000, 3_000]
    events = [
        make.debit(service=service, event_id=service, amount_yen=amount)
        for service, amount in zip((*SERVICES, "new-pay"), (*yen, 2_000), strict=True)
    ]
    _, outcome = ran(ACCOUNT, *events, make.debit(service="new-pay", event_id="a"), make.debit(service="kyash"))
    assert [1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 9] == column(outcome, "services")
    left = outcome.events.facts[:, YEN_LEFT].tolist()
    assert [CAP - amount for amount in (*yen, 2_000, 12_000, 10_000)] == left, "kyash was forgotten"
    assert sum(yen) - 1_000 + 2_000 + 10_000 == column(outcome, "month_yen")[9]


def test_a_new_month_forgets_which_services_there_were() -> None:
    debits = [make.debit(service=service, event_id=service) for service in SERVICES]
    pipeline, _ = ran(ACCOUNT, *debits)
    october = decoded(make.debit(service="new-pay"), first=31 * 86_400)
    assert [1] == column(pipeline.process(october), "services")
    assert [1, 0] == (pipeline.rows.snapshot()["month_service"][0] > 0).tolist()[:2]
