"""Metrics of what the shell does; the only module of the stream that reads the wall clock."""

import time
from collections import Counter
from collections.abc import Iterable

import structlog

from detector.contract.bulletins import Bulletin
from detector.core.budget_controller import name_of
from detector.core.stages.budget import BUDGET
from detector.jst import DAY_MS
from detector.observe.metrics import Metrics, StageMetrics
from detector.stream.partition_task import Cut, PartitionTask
from detector.stream.processor import Processed

log = structlog.get_logger(__name__)


class Reporting:
    """The metrics of the stream's nodes; of `burn_in_days` the model's."""

    def __init__(self, metrics: Metrics, nodes: Iterable[str], burn_in_days: float) -> None:
        self.worker = metrics
        self._burn_in_days = burn_in_days
        self._stages: dict[str, StageMetrics] = {node: metrics.stage(node) for node in nodes}

    def taken(self, task: PartitionTask, seconds: float) -> None:
        """A partition was restored."""
        stage = self._stages[task.node]
        stage.restored(task.pipeline.rows.count, seconds)
        if task.pipeline.node.source is not None:
            stage.dead_letters(task.tp.partition, 0)  # a counter that starts at its flood hides it from rate()
        self.state(task)

    def begun(self, tasks: Iterable[PartitionTask]) -> None:
        """All partitions were restored: warns where the state is empty, or younger than the burn-in."""
        ages = [age for task in tasks if (age := _age_ms(task)) is not None]
        if ages and max(ages) <= self._burn_in_days * DAY_MS:
            log.warning(
                "state is young, alerts mean little",
                age_days=round(max(ages) / DAY_MS, 1),
                burn_in_days=self._burn_in_days,
                action="fill an empty deployment with `kozamori state warm`, or wait",
            )

    def processed(self, task: PartitionTask, processed: Processed, seconds: float) -> None:
        """A chunk was processed and its outputs passed to the producer."""
        outcome = processed.outcome
        judgement = outcome.judgement
        stage = self._stages[task.node]
        stage.chunk(
            task.tp.partition,
            outcome.events.batch,
            outcome.status,
            seconds=seconds,
            watermark_ms=task.pipeline.watermark_ms,
            alarm=None if judgement is None else judgement.alarm,
        )
        hops = [len(output.value) for output in processed.outputs if output.partition is not None]
        stage.hop_sent(len(hops), sum(hops))
        stage.hop_repeats(processed.repeats)
        self.worker.held(outcome.held)
        for reason, count in Counter(rejected.reason for rejected in processed.rejected).items():
            self.worker.dead_letters(reason, count)
        if processed.rejected:
            stage.dead_letters(task.tp.partition, len(processed.rejected))
        for bulletin in processed.bulletins:
            self.worker.bulletin(bulletin.state, bulletin.patterns)
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

    def bulletin_durable(self, bulletin: Bulletin, source_timestamp_ms: int) -> None:
        """Kafka confirmed the first bulletin of a campaign, told by a record of that timestamp."""
        since_s = time.time() - source_timestamp_ms / 1000
        first_s, yen_ms = (bulletin.occurred_at_ms - bulletin.began_at_ms) / 1000, bulletin.first_yen_at_ms
        yen_s = None if yen_ms is None else (bulletin.occurred_at_ms - yen_ms) / 1000 + since_s
        self.worker.campaign_told(first_s + since_s, yen_s)

    def checkpoint(self, committed: Iterable[tuple[PartitionTask, Cut]], seconds: float) -> None:
        """A checkpoint was committed."""
        rows: dict[str, int] = {}
        expired: dict[str, int] = {}
        for task, cut in committed:
            rows[task.node] = rows.get(task.node, 0) + len(cut.rows)
            expired[task.node] = expired.get(task.node, 0) + task.take_expired()
        for node, written in rows.items():
            self._stages[node].checkpoint(seconds, written)
            self._stages[node].expired(expired[node])

    def deleted(self, task: PartitionTask, events: int) -> None:
        """Events were deleted from the log before they were read; told once a task."""
        if not task.deleted_to:
            log.error(
                "events were deleted before they were read",
                stage=task.node,
                partition=task.tp.partition,
                offset=task.position,
                events=events,
                action="nobody judged them: make the topic's retention longer than any stop of the workers",
            )
        self._stages[task.node].deleted(events)

    def lag(self, task: PartitionTask, records: int, withheld: int) -> None:
        """The lag of the partition was measured, and what an open transaction holds back."""
        self._stages[task.node].lag(task.tp.partition, records)
        self._stages[task.node].withheld(task.tp.partition, withheld)
        self.state(task)

    def dropped(self, task: PartitionTask) -> None:
        """The partition is another worker's from now on."""
        self._stages[task.node].partition_dropped(task.tp.partition)
        for bank in _multipliers(task):
            self.worker.multiplier_dropped(bank)

    def state(self, task: PartitionTask) -> None:
        """Rows of a task, and records that no checkpoint has committed yet."""
        stage, partition, rows = self._stages[task.node], task.tp.partition, task.pipeline.rows
        stage.unacknowledged(partition, task.position - task.committed)
        stage.rows(partition, rows.count, rows.nbytes)
        if (age := _age_ms(task)) is not None:
            stage.age(partition, age / 1000)
        for bank, multiplier in _multipliers(task).items():
            self.worker.multiplier(bank, multiplier)


def _age_ms(task: PartitionTask) -> int | None:
    """Event time that the rows reflect; None where they are no basis of features."""
    pipeline = task.pipeline
    if pipeline.node.stage is None or not pipeline.node.stage.features:
        return None
    return pipeline.watermark_ms - pipeline.begun_ms


def _multipliers(task: PartitionTask) -> dict[str, float]:
    """Multipliers of the budget controllers in the partition, by budget; empty for another node."""
    if task.node != BUDGET.name:
        return {}
    rows = task.pipeline.rows
    controllers = rows.rows[: rows.count]
    return dict(zip(map(name_of, controllers["key"].tolist()), controllers["multiplier"].tolist(), strict=True))
