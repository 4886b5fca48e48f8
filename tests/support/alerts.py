"""Alerts with everything filled in, and a way onto the topic."""

from collections.abc import Iterable

from kafka import KafkaProducer

from detector.contract.alerts import SCHEMA, Alert, ModelRef, Position, Reason, alert_id, encode_alert


def make_alert(offset: int = 0, *, bank: str = "0116", partition: int = 0, **changes: object) -> Alert:
    """The alert on one source record."""
    position = Position("account-events", partition, offset)
    identity = alert_id("account", position)
    fields = {
        "schema": SCHEMA,
        "alert_id": identity,
        "case_id": identity,
        "update": 0,
        "events": 1,
        "news": ["opened"],
        "event_id": f"e-{offset}",
        "kind": "debit",
        "occurred_at_ms": 1_598_936_706_000,
        "bank": bank,
        "account": "00112233445566778899aabbccddeeff",
        "wallet": "w-1",
        "service": "docomo_account",
        "passbook_text": "ドコモコウザ",
        "amount_yen": 90_000,
        "detector": "forest_debit",
        "false_alarms_per_day": 0.25,
        "score": 0.9999,
        "detector_scores": {"forest_debit": 0.9999},
        "severity": "critical",
        "typologies": ["T1"],
        "yen_debited": 190_000,
        "yen_at_risk": 110_000,
        "seconds_to_cap": 40,
        "urgency": 1.0,
        "rank_yen": 110_000,
        "reasons": [
            Reason("debits_10_min", 3.0, 0.0, 0.6, "3 debits within 10 minutes, usually 0", "10 分間に 3 回の引落"),
            Reason("wallet_age_s", 600.0, None, 0.4, "wallet opened 10 minutes ago", "開設から 10 分のウォレット"),
        ],
        "model": ModelRef("1", "00"),
        "position": position,
        **changes,
    }
    return Alert(**fields)  # type: ignore[arg-type]


def publish(bootstrap: str, topic: str, values: Iterable[Alert | bytes], partition: int = 0) -> None:
    """Put alerts, or bytes as they are, onto one partition and return when they are there."""
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    try:
        for value in values:
            producer.send(topic, value if isinstance(value, bytes) else encode_alert(value), partition=partition)
        producer.flush()
    finally:
        producer.close()
