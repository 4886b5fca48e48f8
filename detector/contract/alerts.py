"""Alerts as on the bus. Their content is a function of the log and the model, so a replay repeats it."""

from typing import Literal

import msgspec
from msgspec import Struct

SCHEMA = 1

Severity = Literal["low", "medium", "high", "critical"]


class Position(Struct, frozen=True, gc=False):
    """Topic, partition and offset of a source record."""

    topic: str
    partition: int
    offset: int


class ModelRef(Struct, frozen=True, gc=False):
    """The model that judged."""

    version: str
    sha256: str


class Reason(Struct, frozen=True, gc=False):
    """One feature's part in an alert.

    `value` is the event's, `usual` the median of normal events, None if undefined; `share` of the score, in [0, 1].
    `own_usual`: the usual value of this account (or address), None if unknown; `per_day`: normal events a day that are
    at least as risky in this feature alone, None if the detector does not count them.
    """

    feature: str
    value: float | None
    usual: float | None
    share: float
    text_en: str
    text_ja: str
    own_usual: float | None = None
    per_day: float | None = None


class Counterfactual(Struct, frozen=True, gc=False):
    """With this `value` of one feature, or a less risky one, the event would not have alerted, all else the same."""

    feature: str
    value: float
    text_en: str
    text_ja: str


class Alert(Struct, frozen=True):
    """One event that looks like fraud; `amount_yen` is 0 for events without an amount.

    `alert_id` is a hash of the source record's position, so an alert raised twice has one id. `case_id` is the
    `alert_id` of the case's first alert; `update` counts from 0 within the case. An update is raised only if something
    is new, named in `news`; `events` counts the alerting events since the update before, this one included. `score` and
    `detector_scores` are in [0, 1], higher is worse; `false_alarms_per_day`: lower is worse. `severity` is the highest
    of the case so far, `yen_debited` of the case and the 24 hours before it, `yen_at_risk` what the monthly caps of its
    services leave. `seconds_to_cap`: until that is gone at the present pace, None if nothing moves. `urgency` in [0,
    1], the highest of the case: the share of the yen at risk expected to be gone in an hour; cases rank by `rank_yen`,
    yen at risk × urgency. `reasons` has the largest share first; one alone if a wallet or address has dozens of
    accounts, none from update 20 of a case on. `together_per_day`: normal events a day that are at least as risky in
    all features of the detector, None if it does not count them. `counterfactual`: None if no single change would have
    kept the event from alerting. With one reason alone, or none, the two are None.
    """

    schema: int
    alert_id: str
    case_id: str
    update: int
    events: int
    news: list[str]
    event_id: str
    kind: str
    occurred_at_ms: int
    bank: str
    account: str
    wallet: str
    service: str
    passbook_text: str
    amount_yen: int
    detector: str
    false_alarms_per_day: float
    score: float
    detector_scores: dict[str, float]
    severity: Severity
    typologies: list[str]
    yen_debited: int
    yen_at_risk: int
    seconds_to_cap: int | None
    urgency: float
    rank_yen: int
    reasons: list[Reason]
    model: ModelRef
    position: Position
    together_per_day: float | None = None
    counterfactual: Counterfactual | None = None


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Alert)


def alert_id(stages: str, source: Position) -> str:
    """The id of the alert that a chain of stages raises on a source record; the same in every replay."""
    return f"{stages}-{source.topic}-{source.partition}-{source.offset}"


def encode_alert(alert: Alert) -> bytes:
    """The JSON message of an alert."""
    return _ENCODER.encode(alert)


def decode_alert(value: bytes) -> Alert:
    """The alert of a JSON message; raises `msgspec.DecodeError` for anything else."""
    return _DECODER.decode(value)
