import json
import math

import jsonschema
import msgspec
import pytest

from detector.contract.alerts import (
    Alert,
    Counterfactual,
    ModelRef,
    Position,
    Reason,
    alert_id,
    decode_alert,
    encode_alert,
)
from detector.contract.schema import schema_text

ALERT = Alert(
    schema=1,
    alert_id="account-account-events-3-42",
    case_id="account-account-events-3-40",
    update=2,
    events=3,
    news=["yen", "service"],
    event_id="e-1",
    kind="debit",
    occurred_at_ms=1_598_886_300_000,
    bank="0116",
    account="9f86d081884c7d65",
    wallet="w-1",
    service="docomo_account",
    passbook_text="ドコモコウザ",
    amount_yen=90_000,
    detector="forest",
    false_alarms_per_day=0.4,
    score=0.9999,
    detector_scores={"forest": 0.9999},
    severity="high",
    typologies=["T1"],
    yen_debited=190_000,
    yen_at_risk=110_000,
    seconds_to_cap=37,
    urgency=1.0,
    rank_yen=110_000,
    reasons=[Reason("debits_1m", 2.0, None, 0.6, "2 debits within a minute", "1分間に2回の引き落とし")],
    model=ModelRef("2020-09-01", "0" * 64),
    position=Position("account-events", 3, 42),
    together_per_day=0.2,
    counterfactual=Counterfactual("amount_yen", 38_000, "would not have alerted at 38,000 yen or less", "38,000円以下"),
)

#: What subscribers were promised, field by field.
FIELDS = [
    "schema",
    "alert_id",
    "case_id",
    "update",
    "events",
    "news",
    "event_id",
    "kind",
    "occurred_at_ms",
    "bank",
    "account",
    "wallet",
    "service",
    "passbook_text",
    "amount_yen",
    "detector",
    "false_alarms_per_day",
    "score",
    "detector_scores",
    "severity",
    "typologies",
    "yen_debited",
    "yen_at_risk",
    "seconds_to_cap",
    "urgency",
    "rank_yen",
    "reasons",
    "model",
    "position",
    "together_per_day",
    "counterfactual",
]


def test_an_alert_has_the_fields_of_the_design_in_order() -> None:
    assert list(json.loads(encode_alert(ALERT))) == FIELDS
    of_a_reason = ["feature", "value", "usual", "share", "text_en", "text_ja", "own_usual", "per_day"]
    assert list(Reason.__struct_fields__) == of_a_reason
    assert list(Counterfactual.__struct_fields__) == ["feature", "value", "text_en", "text_ja"]
    assert list(ModelRef.__struct_fields__) == ["version", "sha256"]
    assert list(Position.__struct_fields__) == ["topic", "partition", "offset"]


def test_what_is_encoded_is_decoded_and_meets_the_schema() -> None:
    value = encode_alert(ALERT)
    assert decode_alert(value) == ALERT
    jsonschema.Draft202012Validator(json.loads(schema_text("alerts"))).validate(json.loads(value))


def test_a_feature_without_a_value_is_null() -> None:
    unknown = msgspec.structs.replace(ALERT.reasons[0], value=math.nan)
    got = decode_alert(encode_alert(msgspec.structs.replace(ALERT, reasons=[unknown])))
    assert got.reasons[0].value is None


def test_an_alert_of_an_earlier_release_has_no_counterfactual() -> None:
    earlier = json.loads(encode_alert(ALERT))
    del earlier["counterfactual"], earlier["together_per_day"], earlier["reasons"][0]["own_usual"]
    got = decode_alert(json.dumps(earlier).encode())
    assert (None, None, None) == (got.counterfactual, got.together_per_day, got.reasons[0].own_usual)


def test_fields_of_later_releases_are_ignored() -> None:
    later = json.loads(encode_alert(ALERT)) | {"schema": 2, "campaign": "c-1"}
    assert decode_alert(json.dumps(later).encode()).schema == 2


@pytest.mark.parametrize("value", [b"", b"{}", encode_alert(ALERT).replace(b'"high"', b'"huge"')])
def test_what_is_no_alert_is_refused(value: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_alert(value)


def test_the_id_is_of_the_stages_and_the_source_position() -> None:
    here = Position("a", 1, 23)
    places = (("account", here), ("account", Position("a", 12, 3)), ("account+wallet", here))
    ids = [alert_id(*place) for place in (*places, ("account", Position("b", 1, 23)))]
    assert ids[:3] == ["account-a-1-23", "account-a-12-3", "account+wallet-a-1-23"]
    assert len(set(ids)) == 4
