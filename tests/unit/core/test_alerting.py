"""An alert says what the event, the log and the model say, and nothing of the moment it is built in."""

from typing import Any

import numpy as np
from support.models import STAGE, make_batch, make_model

from detector.contract.alerts import Alert, decode_alert, encode_alert
from detector.contract.events import AccountEvent, Debit, Link
from detector.contract.vocabulary import DEBIT, LINK
from detector.core.alerting import build_alert

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
DEBITED = Debit(**COMMON, result="ok", amount_yen=90_000, purpose="charge")
LINKED = Link(**COMMON, auth="pin4", result="ok")
EVENTS: list[AccountEvent] = [DEBITED, LINKED]
RISKY = np.array([[np.nan, 60, 300_000, 5], [9, 60, np.nan, np.nan]], np.float32)


def build(i: int) -> Alert:
    model, kind = make_model(), np.array([DEBIT, LINK], np.int8)
    return build_alert(
        model=model,
        stage=STAGE,
        event=EVENTS[i],
        batch=make_batch(2, kind=kind, offset=[41, 42]),
        i=i,
        x=RISKY[i],
        judgement=model.judge(RISKY, kind),
        yen_debited=190_000,
        yen_at_risk=110_000,
        case_offset=37,
        update=2,
        topic="account-events",
        partition=3,
    )


def test_identity_comes_from_the_source_record() -> None:
    alert = build(0)
    assert "account-account-events-3-41" == alert.alert_id
    assert ("account-account-events-3-37", 2) == (alert.case_id, alert.update)
    assert ("account-events", 3, 41) == (alert.position.topic, alert.position.partition, alert.position.offset)


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
