"""A worker's metrics: typed methods over the table in `catalogue`, called once a chunk, never once an event."""

import platform
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from detector.contract import canary
from detector.contract.batch import RECEIVING, Batch
from detector.contract.bulletins import STATES
from detector.contract.services import known_codes, known_service
from detector.contract.vocabulary import KINDS, RESULTS, SERVICES
from detector.core.stages.campaign_patterns import PATTERNS
from detector.core.triage import LEVELS
from detector.observe.catalogue import BY_NAME
from detector.observe.tally import Tally

#: Out-of-order delivery by seconds is normal; by a minute it is counted as late.
LATE_MS = 60_000
#: Label of alerts on wallet events: an empty one would be no label at all.
NO_BANK = "none"
_CANARY = int(canary.BANK)
_BY_BANK = tuple(metric.name for metric in BY_NAME.values() if metric.type == "counter" and metric.labels == ("bank",))
_STATUSES = 4
_REPLAY, _DUPLICATE = 2, 3  # codes of `detector.core.admission`

_Made = Counter | Gauge | Histogram


class Metrics:
    """All metrics of one process on a registry of their own; `stage(name)` gives those of one stage.

    Written by one thread; scraped from any. `release` is the version of this distribution.
    """

    def __init__(self, release: str) -> None:
        # Start times would double the number of series and no rule or panel reads them.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._made: dict[str, _Made] = {
            metric.name: _MAKERS[metric.type](metric.name, self.registry)
            for metric in BY_NAME.values()
            if metric.name != Tally.METRIC
        }
        self._tally = Tally()
        self._followed: set[tuple[str, int]] = set()
        self.registry.register(self._tally)
        self.gauge("kozamori_build_info").labels(release, platform.python_version()).set(1)
        for severity in LEVELS:  # a counter that starts at its first event hides that event from rate()
            self.counter("kozamori_cases_total").labels(severity)
        for service in SERVICES:
            self.counter("kozamori_alerts_by_service_total").labels(service)
        for state in STATES:
            self.counter("kozamori_bulletins_total").labels(state)
        for pattern in PATTERNS:
            self.counter("kozamori_campaigns_total").labels(pattern.name)

    def counter(self, name: str) -> Counter:
        """The counter of that name in the catalogue."""
        made = self._made[name]
        assert isinstance(made, Counter)
        return made

    def gauge(self, name: str) -> Gauge:
        """The gauge of that name in the catalogue."""
        made = self._made[name]
        assert isinstance(made, Gauge)
        return made

    def histogram(self, name: str) -> Histogram:
        """The histogram of that name in the catalogue."""
        made = self._made[name]
        assert isinstance(made, Histogram)
        return made

    def stage(self, name: str) -> "StageMetrics":
        """The metrics of one stage; make it once and keep it."""
        return StageMetrics(self, name, self._tally)

    def model(self, *, version: str, sha256: str, budget_per_day: float, detectors: Sequence[str]) -> None:
        """Say which model runs, and begin the alert counters of its detectors at zero."""
        self.gauge("kozamori_model_info").clear()
        self.gauge("kozamori_model_info").labels(version, sha256).set(1)
        self.gauge("kozamori_alert_budget_per_day").set(budget_per_day)
        for severity in LEVELS:
            for detector in detectors:
                self.counter("kozamori_alerts_total").labels(severity, detector)

    def burn_in(self, seconds: float) -> None:
        """Say for how much event time the alerts of an empty state mean little."""
        self.gauge("kozamori_burn_in_seconds").set(seconds)

    def bank_budgets(self, budgets_per_day: Mapping[str, float]) -> None:
        """Say what each bank may expect, and begin the counters of its alerts, cases and yen at zero."""
        for bank, budget_per_day in budgets_per_day.items():
            self.gauge("kozamori_bank_alert_budget_per_day").labels(bank).set(budget_per_day)
            for counter in _BY_BANK:
                self.counter(counter).labels(bank)

    def multiplier(self, bank: str, multiplier: float) -> None:
        """Set the factor on the limit of a budget (a bank, or all)."""
        self.gauge("kozamori_limit_multiplier").labels(bank).set(multiplier)

    def multiplier_dropped(self, bank: str) -> None:
        """Remove the series of a budget: another worker reports it from now on."""
        self.gauge("kozamori_limit_multiplier").remove(bank)

    def dead_letter_reasons(self, reasons: Sequence[str]) -> None:
        """Begin the counters of all known reasons at zero."""
        for reason in reasons:
            self.counter("kozamori_dead_letters_total").labels(reason)

    def dead_letters(self, reason: str, count: int = 1) -> None:
        """Count records that went to dead letters."""
        self.counter("kozamori_dead_letters_total").labels(reason).inc(count)

    def alert(
        self,
        *,
        bank: str,
        service: str,
        severity: str,
        detector: str,
        update: int,
        yen_debited: int,
        yen_at_risk: int,
    ) -> None:
        """Count an alert; its yen only with `update` 0, so that a case's money is counted once. A canary's is none."""
        if bank == canary.BANK:
            return
        self.counter("kozamori_alerts_total").labels(severity, detector).inc()
        self.counter("kozamori_alerts_by_bank_total").labels(bank or NO_BANK).inc()
        self.counter("kozamori_alerts_by_service_total").labels(known_service(service)).inc()
        if update == 0:
            self.counter("kozamori_cases_total").labels(severity).inc()
            self.counter("kozamori_cases_by_bank_total").labels(bank or NO_BANK).inc()
            self.counter("kozamori_yen_debited_total").inc(yen_debited)
            self.counter("kozamori_yen_at_risk_total").inc(yen_at_risk)
            self.counter("kozamori_yen_debited_by_bank_total").labels(bank or NO_BANK).inc(yen_debited)
            self.counter("kozamori_yen_at_risk_by_bank_total").labels(bank or NO_BANK).inc(yen_at_risk)

    def held(self, events: int) -> None:
        """Count alerting events with nothing new for their case."""
        self.counter("kozamori_alert_events_held_total").inc(events)

    def alert_durable(self, seconds: float) -> None:
        """Note the time from the source record's timestamp until Kafka confirmed the alert."""
        self.histogram("kozamori_event_to_alert_seconds").observe(max(seconds, 0.0))

    def bulletin(self, state: str, patterns: Sequence[str]) -> None:
        """Count a bulletin for all banks; with state `begun` also the campaign, by its first pattern."""
        self.counter("kozamori_bulletins_total").labels(state).inc()
        if state == "begun":
            self.counter("kozamori_campaigns_total").labels(patterns[0]).inc()

    def campaign_told(self, first_event_s: float, first_yen_s: float | None) -> None:
        """Note the time from a campaign's first event, and first stolen yen if any, until Kafka confirmed its begin."""
        self.histogram("kozamori_first_event_to_bulletin_seconds").observe(max(first_event_s, 0.0))
        if first_yen_s is not None:
            self.histogram("kozamori_first_yen_to_bulletin_seconds").observe(max(first_yen_s, 0.0))

    def rebalanced(self, assigned: int, kept: int) -> None:
        """Count a rebalance that left this worker with so many input partitions, and of those it kept what it had."""
        self.counter("kozamori_rebalances_total").inc()
        self.counter("kozamori_kept_partitions_total").inc(kept)
        self.gauge("kozamori_assigned_partitions").set(assigned)

    def partitions(self, partitions: int) -> None:
        """Say how many input partitions the deployment has, over all stages."""
        self.gauge("kozamori_partitions").set(partitions)

    def ready(self, *, ready: bool) -> None:
        """Say whether partitions are read."""
        self.gauge("kozamori_ready").set(float(ready))

    def standby(self, lags: Mapping[tuple[str, int], int]) -> None:
        """Say how many records are unread of each stage's partition that is followed; all others are not."""
        gauge = self.gauge("kozamori_standby_lag_records")
        for stage, partition in self._followed - lags.keys():
            gauge.remove(stage, str(partition))
        for (stage, partition), lag in lags.items():
            gauge.labels(stage, str(partition)).set(lag)
        self._followed = set(lags)

    def stalled(self, seconds: float) -> None:
        """Say how long nothing moved although events wait; called by the watchdog's thread."""
        self.gauge("kozamori_stalled_seconds").set(seconds)


class StageMetrics:
    """The metrics of one stage."""

    def __init__(self, metrics: Metrics, stage: str, tally: Tally) -> None:
        self._metrics = metrics
        self._stage = stage
        self._alarms = tally.row(stage)
        self._events: dict[int, Counter] = {}
        self._partitions: dict[int, dict[str, Gauge]] = {}
        self._watermarks_ms: dict[int, int] = {}
        self._replayed = metrics.counter("kozamori_replayed_total").labels(stage)
        self._duplicates = metrics.counter("kozamori_duplicates_total").labels(stage)
        self._late = metrics.counter("kozamori_late_events_total").labels(stage)
        self._deleted = metrics.counter("kozamori_deleted_events_total").labels(stage)
        self._hop_messages = metrics.counter("kozamori_hop_messages_total").labels(stage)
        self._hop_bytes = metrics.counter("kozamori_hop_bytes_total").labels(stage)
        self._hop_repeats = metrics.counter("kozamori_hop_repeats_total").labels(stage)
        self._chunk_events = metrics.histogram("kozamori_chunk_events").labels(stage)
        self._process = metrics.histogram("kozamori_process_seconds").labels(stage)
        self._checkpoint = metrics.histogram("kozamori_checkpoint_seconds").labels(stage)
        self._checkpoint_rows = metrics.counter("kozamori_checkpoint_rows_total").labels(stage)
        self._expired = metrics.counter("kozamori_expired_rows_total").labels(stage)
        self._restore = metrics.histogram("kozamori_restore_seconds").labels(stage)
        self._restored_rows = metrics.counter("kozamori_restored_rows_total").labels(stage)

    def chunk(
        self,
        partition: int,
        batch: Batch,
        status: npt.NDArray[np.int8],
        *,
        seconds: float,
        watermark_ms: int,
        alarm: npt.NDArray[np.float64] | None = None,
    ) -> None:
        """Count one processed chunk; of a transfer, which is one event, the sender's side.

        `status` (n,) are admission's codes, `watermark_ms` the partition's greatest event time after the chunk,
        `alarm` (n,) false alarms a day of the events; inf, where there is no score, is left out. Canaries move what
        says that the stage works, and are no events of the input: they would hide that nothing else comes in.
        """
        own = batch.role != RECEIVING
        real = batch.bank != _CANARY
        told = own & real
        self._chunk_events.observe(int(np.count_nonzero(told)))
        self._process.observe(seconds)
        if batch.size == 0:
            return
        statuses = np.bincount(status[own], minlength=_STATUSES)
        self._replayed.inc(int(statuses[_REPLAY]))
        self._duplicates.inc(int(statuses[_DUPLICATE]))
        self._count_events(batch.kind[told], batch.service[told], batch.result[told])
        self._count_late(partition, batch.occurred_at_ms[own], watermark_ms)
        if alarm is not None:
            self._alarms.add(alarm[real])

    def _count_events(
        self, kind: npt.NDArray[np.int8], service: npt.NDArray[np.uint16], result: npt.NDArray[np.int8]
    ) -> None:
        codes = (kind.astype(np.int64) * len(SERVICES) + known_codes(service)) * (len(RESULTS) + 1) + result + 1
        counts = np.bincount(codes)
        for code in np.flatnonzero(counts).tolist():
            child = self._events.get(code)
            if child is None:
                child = self._events[code] = self._child(code)
            child.inc(int(counts[code]))

    def _child(self, code: int) -> Counter:
        rest, result = divmod(code, len(RESULTS) + 1)
        kind, service = divmod(rest, len(SERVICES))
        word = RESULTS[result - 1] if result else ""
        return self._metrics.counter("kozamori_events_total").labels(self._stage, KINDS[kind], SERVICES[service], word)

    def _count_late(self, partition: int, times_ms: npt.NDArray[np.int64], watermark_ms: int) -> None:
        newest = np.maximum.accumulate(times_ms)
        np.maximum(newest, self._watermarks_ms.get(partition, 0), out=newest)
        self._late.inc(int(np.count_nonzero(newest - times_ms > LATE_MS)))
        self._watermarks_ms[partition] = watermark_ms
        self._gauge(partition, "kozamori_watermark_timestamp_seconds").set(watermark_ms / 1000)

    def _gauge(self, partition: int, name: str) -> Gauge:
        gauges = self._partitions.setdefault(partition, {})
        if name not in gauges:
            gauges[name] = self._metrics.gauge(name).labels(self._stage, partition)
        return gauges[name]

    def hop_sent(self, messages: int, size_bytes: int) -> None:
        """Count messages sent to the next hop."""
        self._hop_messages.inc(messages)
        self._hop_bytes.inc(size_bytes)

    def dead_letters(self, partition: int, count: int) -> None:
        """Count records of a source partition that went to dead letters."""
        self._metrics.counter("kozamori_dead_letters_by_partition_total").labels(self._stage, partition).inc(count)

    def hop_repeats(self, events: int) -> None:
        """Count events of the hop that the marks knew already."""
        self._hop_repeats.inc(events)

    def lag(self, partition: int, records: int) -> None:
        """Records between what was processed and the end of what can be read."""
        self._gauge(partition, "kozamori_lag_events").set(records)

    def withheld(self, partition: int, records: int) -> None:
        """Records behind an open transaction."""
        self._gauge(partition, "kozamori_withheld_events").set(records)

    def deleted(self, records: int) -> None:
        """Count records deleted from the log before they were read."""
        self._deleted.inc(records)

    def unacknowledged(self, partition: int, records: int) -> None:
        """Records processed but in no checkpoint yet."""
        self._gauge(partition, "kozamori_unacknowledged_events").set(records)

    def rows(self, partition: int, rows: int, size_bytes: int) -> None:
        """Rows held and the memory they take."""
        self._gauge(partition, "kozamori_rows").set(rows)
        self._gauge(partition, "kozamori_rows_bytes").set(size_bytes)

    def age(self, partition: int, seconds: float) -> None:
        """Event time that the rows reflect."""
        self._gauge(partition, "kozamori_state_age_seconds").set(seconds)

    def checkpoint(self, seconds: float, rows: int) -> None:
        """Count a finished checkpoint: time from cut to acknowledgement and rows written."""
        self._checkpoint.observe(seconds)
        self._checkpoint_rows.inc(rows)

    def expired(self, rows: int) -> None:
        """Count rows forgotten after `ttl_days`."""
        self._expired.inc(rows)

    def restored(self, rows: int, seconds: float) -> None:
        """Count a partition restored from its changelog."""
        self._restore.observe(seconds)
        self._restored_rows.inc(rows)

    def partition_dropped(self, partition: int) -> None:
        """Remove the partition's series: another worker reports them from now on."""
        self._watermarks_ms.pop(partition, None)
        for name in self._partitions.pop(partition, {}):
            self._metrics.gauge(name).remove(self._stage, partition)


def _counter(name: str, registry: CollectorRegistry) -> Counter:
    return Counter(name, BY_NAME[name].help, BY_NAME[name].labels, registry=registry)


def _gauge(name: str, registry: CollectorRegistry) -> Gauge:
    return Gauge(name, BY_NAME[name].help, BY_NAME[name].labels, registry=registry)


def _histogram(name: str, registry: CollectorRegistry) -> Histogram:
    metric = BY_NAME[name]
    return Histogram(name, metric.help, metric.labels, registry=registry, buckets=metric.buckets)


_MAKERS: dict[str, Callable[[str, CollectorRegistry], _Made]] = {
    "counter": _counter,
    "gauge": _gauge,
    "histogram": _histogram,
}
