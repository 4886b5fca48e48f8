"""What the shell does, told to the metrics; the one place of the stream that reads the wall clock."""

import time
from collections.abc import Iterable

from detector.core.budget_controller import name_of
from detector.core.stages.budget import BUDGET
from detector.observe.metrics import Metrics, StageMetrics
from detector.stream.processor import Processed
from detector.stream.tenure import Cut, Tenure


class Reporting:
    """The metrics of the stream's nodes."""

    def __init__(self, metrics: Metrics, nodes: Iterable[str]) -> None:
        self.worker = metrics
        self._stages: dict[str, StageMetrics] = {node: metrics.stage(node) for node in nodes}

    def taken(self, tenure: Tenure, seconds: float) -> None:
        """A partition was restored."""
        self._stages[tenure.node].restored(tenure.pipeline.rows.count, seconds)
        self.state(tenure)

    def processed(self, tenure: Tenure, processed: Processed, seconds: float) -> None:
        """A chunk was processed and its outputs handed to the producer."""
        outcome = processed.outcome
        judgement = outcome.judgement
        stage = self._stages[tenure.node]
        stage.chunk(
            tenure.tp.partition,
            outcome.events.batch,
            outcome.status,
            seconds=seconds,
            watermark_ms=tenure.pipeline.watermark_ms,
            alarm=None if judgement is None else judgement.alarm,
        )
        hops = [len(output.value) for output in processed.outputs if output.partition is not None]
        stage.hop_sent(len(hops), sum(hops))
        stage.hop_repeats(processed.repeats)
        self.worker.held(outcome.held)
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

    def checkpoint(self, committed: Iterable[tuple[Tenure, Cut]], seconds: float) -> None:
        """A checkpoint was committed."""
        rows: dict[str, int] = {}
        expired: dict[str, int] = {}
        for tenure, cut in committed:
            rows[tenure.node] = rows.get(tenure.node, 0) + len(cut.rows)
            expired[tenure.node] = expired.get(tenure.node, 0) + tenure.take_expired()
        for node, written in rows.items():
            self._stages[node].checkpoint(seconds, written)
            self._stages[node].expired(expired[node])

    def lag(self, tenure: Tenure, records: int) -> None:
        """So many records of the partition wait."""
        self._stages[tenure.node].lag(tenure.tp.partition, records)
        self.state(tenure)

    def dropped(self, tenure: Tenure) -> None:
        """The partition is another worker's from now on."""
        self._stages[tenure.node].partition_dropped(tenure.tp.partition)
        for bank in _multipliers(tenure):
            self.worker.desk_dropped(bank)

    def state(self, tenure: Tenure) -> None:
        """How much a tenure holds, and how much of it is in no checkpoint yet."""
        stage, partition, rows = self._stages[tenure.node], tenure.tp.partition, tenure.pipeline.rows
        stage.unacknowledged(partition, tenure.position - tenure.committed)
        stage.rows(partition, rows.count, rows.nbytes)
        for bank, multiplier in _multipliers(tenure).items():
            self.worker.multiplier(bank, multiplier)


def _multipliers(tenure: Tenure) -> dict[str, float]:
    """Of a partition of desks, what each multiplies its limit by."""
    if tenure.node != BUDGET.name:
        return {}
    rows = tenure.pipeline.rows
    desks = rows.rows[: rows.count]
    return dict(zip(map(name_of, desks["key"].tolist()), desks["multiplier"].tolist(), strict=True))
