"""An alert says what the event, the log and the model say, and nothing of the moment it is built in."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from msgspec import structs
from support.models import STAGE, make_batch, make_model

from detector.contract.alerts import Alert, Position, decode_alert, encode_alert
from detector.contract.batch import WALLET_EVENTS, origin_of
from detector.contract.events import AccountEvent, Debit, Link, Payment
from detector.contract.vocabulary import DEBIT, LINK
from detector.core import triage
from detector.core.alerting import build_alert, into_case, position_of
from detector.core.budgets import BankBudgets
from detector.core.hop import Carried, nothing_carried
from detector.core.stage import (
    CASE_EVENTS,
    CASE_NEWS,
    CASE_OFFSET,
    CASE_ORIGIN,
    CASE_SEVERITY,
    CASE_UPDATE,
    CASE_URGENCY,
    FACTS,
    YEN_DEBITED,
    YEN_LEFT,
    YEN_PACE,
)
from detector.core.triage import LEVELS

COMMON: dict[str, Any] = {
    "event_id": "e-1",
    "occurred_at_ms": 1_598_936_706_000,
    "service": "docomo_account",
    "wallet": "w-1",
    "wallet_opened_at_ms": 1_598_936_100_000,
    "wallet_verified": False,
    "source": "",
    "bank": "0116",
    "account": "00112233445566778899aabbccddeeff",
}
OF_WALLET = {name: value for name, value in COMMON.items() if name not in {"bank", "account"}}
DEBITED = Debit(**COMMON, result="ok", amount_yen=90_000, purpose="charge")
LINKED = Link(**COMMON, auth="pin4", result="ok")
EVENTS: list[AccountEvent] = [DEBITED, LINKED]
RISKY = np.array([[np.nan, 60, 300_000, 5], [9, 60, np.nan, np.nan]], np.float32)


TOPICS = ("account-events", "wallet-events")


def build(i: int) -> Alert:
    """The alert on event i, read from some hop: its place there is of no account."""
    model, kind = make_model(), np.array([DEBIT, LINK], np.int8)
    carried = Carried(RISKY, nothing_carried(2, 0).facts)
    carried.facts[:, [YEN_DEBITED, YEN_LEFT]] = 190_000, 110_000
    return build_alert(
        model=model,
        columns=STAGE,
        event=EVENTS[i],
        batch=make_batch(2, kind=kind, offset=[8, 8], place=[5, 6], origin=[3, 3], origin_offset=[41, 42]),
        i=i,
        carried=carried,
        judgement=model.judge(RISKY, kind),
        topics=TOPICS,
    )


def test_identity_comes_from_the_source_record() -> None:
    alert = build(0)
    assert "account-account-events-3-41" == alert.alert_id
    assert Position("account-events", 3, 41) == alert.position


def test_a_case_is_named_after_its_first_alert_which_may_be_of_the_other_topic() -> None:
    facts = np.zeros(len(FACTS), np.int64)
    facts[[CASE_ORIGIN, CASE_OFFSET, CASE_UPDATE, CASE_EVENTS]] = origin_of(WALLET_EVENTS, 1), 37, 2, 5
    facts[[CASE_SEVERITY, CASE_URGENCY, CASE_NEWS]] = LEVELS.index("critical"), 1000, triage.YEN | triage.LINKED
    facts[[YEN_DEBITED, YEN_LEFT, YEN_PACE]] = 250_000, 50_000, 60_000
    alert = build(0)
    assert ("", 0) == (alert.case_id, alert.update), "not yet part of a case"
    numbered = into_case(alert, "account", facts, TOPICS)
    assert ("account-wallet-events-1-37", 2) == (numbered.case_id, numbered.update)
    assert (5, ["yen", "linked"], "critical") == (numbered.events, numbered.news, numbered.severity)
    assert (250_000, 50_000, 50, 1.0, 50_000) == money(numbered)
    told = {name: getattr(alert, name) for name in (*OF_CASE, "case_id", "update")}
    assert alert == structs.replace(numbered, **told), "all else is of the event"


#: What the cases stage says of an update.
OF_CASE = ("events", "news", "severity", "yen_debited", "yen_at_risk", "seconds_to_cap", "urgency", "rank_yen")


def money(alert: Alert) -> tuple[int, int, int | None, float, int]:
    return alert.yen_debited, alert.yen_at_risk, alert.seconds_to_cap, alert.urgency, alert.rank_yen


def test_where_nothing_moves_nobody_knows_when_the_cap_is_reached() -> None:
    facts = np.zeros(len(FACTS), np.int64)
    facts[[YEN_LEFT, CASE_URGENCY]] = 300_000, 750
    assert (0, 300_000, None, 0.75, 225_000) == money(into_case(build(1), "account", facts, TOPICS))


@pytest.mark.parametrize(("topic", "partition"), [(0, 0), (0, 65_535), (1, 0), (1, 4_095)])
def test_an_origin_is_a_topic_and_a_partition(topic: int, partition: int) -> None:
    assert Position(TOPICS[topic], partition, 5) == position_of(origin_of(topic, partition), 5, TOPICS)


def test_a_wallets_event_has_no_account() -> None:
    model, kind = make_model(), np.array([DEBIT], np.int8)
    alert = build_alert(
        model=model,
        columns=STAGE,
        event=Payment(**OF_WALLET, amount_yen=2_000, shop="s-1", shop_category="convenience"),
        batch=make_batch(1, kind=kind, origin=[origin_of(WALLET_EVENTS, 1)], origin_offset=[7]),
        i=0,
        carried=Carried(RISKY[:1], nothing_carried(1, 0).facts),
        judgement=model.judge(RISKY[:1], kind),
        topics=TOPICS,
    )
    assert ("account-wallet-events-1-7", "", "", "w-1") == (alert.alert_id, alert.bank, alert.account, alert.wallet)


def test_the_event_is_told_as_it_came() -> None:
    alert = build(0)
    assert ("e-1", "debit", 1_598_936_706_000, 90_000) == (
        alert.event_id,
        alert.kind,
        alert.occurred_at_ms,
        alert.amount_yen,
    )
    assert ("0116", COMMON["account"], "w-1") == (alert.bank, alert.account, alert.wallet)
    assert ("docomo_account", "ドコモコウザ") == (alert.service, alert.passbook_text)
    assert (190_000, 110_000) == (alert.yen_debited, alert.yen_at_risk)


def test_a_link_has_no_amount() -> None:
    assert ("link", 0) == (build(1).kind, build(1).amount_yen)


def test_the_judgement_is_told_in_the_common_currency() -> None:
    model = make_model()
    judgement = model.judge(RISKY, np.array([DEBIT, LINK], np.int8))
    alert = build(0)
    assert "forest" == alert.detector
    assert judgement.alarm[0] == alert.false_alarms_per_day
    assert 1 - judgement.p_value[0] == alert.score
    assert {"forest": judgement.scores[0, 0]} == alert.detector_scores
    assert (model.version, model.sha256) == (alert.model.version, alert.model.sha256)
    assert "critical" == alert.severity


def test_reasons_are_of_the_detector_that_spoke() -> None:
    alert = build(0)
    assert {"wallet_age_s", "amount_yen", "gap_s"} >= {reason.feature for reason in alert.reasons}
    assert "amount_yen" in {reason.feature for reason in alert.reasons}
    shares = [reason.share for reason in alert.reasons]
    assert sorted(shares, reverse=True) == shares
    assert 0 < sum(shares) <= 1 + 1e-12


def test_built_again_it_is_the_same_message() -> None:
    assert encode_alert(build(1)) == encode_alert(build(1))
    assert build(1) == decode_alert(encode_alert(build(1)))


@pytest.mark.parametrize(("expected", "bank"), [(False, 1), (True, 116)])
def test_what_would_not_have_alerted_is_told_at_the_limit_of_the_event_s_own_bank(expected: bool, bank: int) -> None:
    # So bad an event alerts with any one thing otherwise, but at bank 116 nothing would alert.
    model = replace(make_model(), banks=BankBudgets({"0116": 1.0}, {"0116": 1e-9}))
    kind, banks = np.array([DEBIT], np.int8), np.array([bank], np.int16)
    alert = build_alert(
        model=model,
        columns=STAGE,
        event=DEBITED,
        batch=make_batch(1, kind=kind, bank=banks),
        i=0,
        carried=Carried(RISKY[:1], nothing_carried(1, 0).facts),
        judgement=model.judge(RISKY[:1], kind, banks),
        topics=TOPICS,
    )
    assert expected == (alert.counterfactual is not None)
