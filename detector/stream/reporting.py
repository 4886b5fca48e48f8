"""What the shell does, told to the metrics; the one place of the stream that reads the wall clock."""

import time

from detector.observe.metrics import Metrics, StageMetrics
from detector.stream.processor import Processed
from detector.stream.tenure import Tenure


class Reporting:
    """The metrics of one stage's stream."""

    def __init__(self, metrics: Metrics, stage: str) -> None:
        self.worker = metrics
        self.stage: StageMetrics = metrics.stage(stage)

    def taken(self, tenure: Tenure, seconds: float) -> None:
        """A partition was restored."""
        self.stage.restored(tenure.pipeline.rows.count, seconds)
        self.state(tenure)

    def processed(self, tenure: Tenure, processed: Processed, seconds: float) -> None:
        """A chunk was processed and its outputs handed to the producer."""
        judgement = processed.outcome.judgement
        self.stage.chunk(
            tenure.tp.partition,
            processed.batch,
            processed.outcome.status,
            seconds=seconds,
            watermark_ms=tenure.pipeline.watermark_ms,
            alarm=None if judgement is None else judgement.alarm,
        )
        for rejected in processed.rejected:
            self.worker.dead_letters(rejected.reason)
        for alert in processed.alerts:
            self.worker.alert(
                bank=alert.bank,
                service=alert.service,
                severity=alert.severity,
                detector=alert.detector,
                update=alert.update,
                yen_debited=alert.yen_debited,
                yen_at_risk=alert.yen_at_risk,
            )

    def alert_durable(self, source_timestamp_ms: int) -> None:
        """Kafka confirmed an alert on a record of that timestamp."""
        self.worker.alert_durable(time.time() - source_timestamp_ms / 1000)

    def state(self, tenure: Tenure) -> None:
        """How much a tenure holds, and how much of it is in no checkpoint yet."""
        partition, rows = tenure.tp.partition, tenure.pipeline.rows
        self.stage.unacknowledged(partition, tenure.position - tenure.committed)
        self.stage.rows(partition, rows.count, rows.nbytes)
