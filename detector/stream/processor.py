"""A chunk's way through: raw records in, the messages to send out. Decoding and building around the pure pipeline."""

from typing import Any, NamedTuple

import numpy as np

from detector.contract.alerts import Alert, encode_alert
from detector.contract.batch import Batch
from detector.contract.codec import Rejected, decode_account_events, decode_one
from detector.contract.dead_letters import build_dead_letter, encode_dead_letter
from detector.core.alerting import build_alert
from detector.core.pipeline import Outcome, Pipeline, Raised


class Output(NamedTuple):
    """A message to send: `topic` is the setting that names it, `timestamp_ms` that of the source record."""

    topic: str
    key: bytes
    value: bytes
    timestamp_ms: int


class Processed(NamedTuple):
    """What a chunk came to: outputs in the order of their events, and what the metrics want to know."""

    outputs: list[Output]
    batch: Batch
    outcome: Outcome
    alerts: list[Alert]
    rejected: list[Rejected]


def process(pipeline: Pipeline, records: list[Any]) -> Processed:
    """Run the records of one partition, in offset order, through `pipeline`; never raises on what they contain."""
    values = [record.value for record in records]
    decoded = decode_account_events(
        values,
        [record.key for record in records],
        np.array([record.offset for record in records], np.int64),
        np.array([record.timestamp for record in records], np.int64),
    )
    outcome = pipeline.process(decoded.batch)
    alerts = [alert_of(pipeline, decoded.batch, values, outcome, raised) for raised in outcome.raised]
    outputs = [
        Output("alerts", alert.account.encode(), encode_alert(alert), records[decoded.batch.record[raised.i]].timestamp)
        for alert, raised in zip(alerts, outcome.raised, strict=True)
    ]
    outputs += [_dead_letter(pipeline, records[rejected.record], rejected) for rejected in decoded.rejected]
    return Processed(outputs, decoded.batch, outcome, alerts, decoded.rejected)


def alert_of(pipeline: Pipeline, batch: Batch, values: list[bytes], outcome: Outcome, raised: Raised) -> Alert:
    """The alert of one raised event of `batch`, decoded from the messages `values`."""
    assert pipeline.model is not None
    assert outcome.judgement is not None
    yen_debited, yen_at_risk = outcome.yen[raised.i].tolist()
    return build_alert(
        model=pipeline.model,
        stage=pipeline.stage,
        event=decode_one(values[batch.record[raised.i]]),
        batch=batch,
        i=raised.i,
        x=outcome.X[raised.i],
        judgement=outcome.judgement,
        yen_debited=yen_debited,
        yen_at_risk=yen_at_risk,
        case_offset=raised.case_offset,
        update=raised.update,
        topic=pipeline.topic,
        partition=pipeline.partition,
    )


def _dead_letter(pipeline: Pipeline, record: Any, rejected: Rejected) -> Output:
    letter = build_dead_letter(record.value, rejected, pipeline.topic, pipeline.partition, record.offset)
    return Output("dead_letters", letter.dead_letter_id.encode(), encode_dead_letter(letter), record.timestamp)
