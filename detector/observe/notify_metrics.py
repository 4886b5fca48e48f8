"""Metrics of `kozamori notify`: what each receiver got."""

from collections.abc import Sequence
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from detector.observe.catalogue import NOTIFY

_BY_NAME = {metric.name: metric for metric in NOTIFY}
_STATES = {"closed": 0.0, "half-open": 1.0, "open": 2.0}


class NotifyMetrics:
    """Its metrics on `registry`, of these receivers: their names are the only values of the label."""

    def __init__(self, registry: CollectorRegistry, receivers: Sequence[str]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # as in `detector.observe.metrics`
        self._delivered = Counter(*_words("kozamori_notify_delivered_total"), registry=registry)
        self._retried = Counter(*_words("kozamori_notify_failures_total"), registry=registry)
        self._refused = Counter(*_words("kozamori_notify_refused_total"), registry=registry)
        self._circuit = Gauge(*_words("kozamori_notify_circuit"), registry=registry)
        self._waiting = Gauge(*_words("kozamori_notify_waiting_seconds"), registry=registry)
        buckets = _BY_NAME["kozamori_notify_seconds"].buckets
        self._seconds = Histogram(*_words("kozamori_notify_seconds"), registry=registry, buckets=buckets)
        self.of = {name: ReceiverMetrics(self, name) for name in receivers}

    def children(self, receiver: str) -> tuple[tuple[Counter, Counter, Counter], tuple[Gauge, Gauge], Histogram]:
        """A receiver's counters (delivered, failures, refused), gauges (circuit, waiting) and seconds."""
        delivered, failures, refused = (
            each.labels(receiver) for each in (self._delivered, self._retried, self._refused)
        )
        return (
            (delivered, failures, refused),
            (self._circuit.labels(receiver), self._waiting.labels(receiver)),
            self._seconds.labels(receiver),
        )


class ReceiverMetrics:
    """Of one receiver, each from zero; written by one thread."""

    def __init__(self, metrics: NotifyMetrics, receiver: str) -> None:
        counters, gauges, self._seconds = metrics.children(receiver)
        self._delivered, self._failures, self._refused = counters
        self._circuit, self._waiting = gauges

    def delivered(self, seconds: float) -> None:
        """Count a message that the receiver has, so long after Kafka got it."""
        self._delivered.inc()
        self._seconds.observe(seconds)

    def retried(self, state: Literal["closed", "half-open", "open"]) -> None:
        """Count an attempt that failed, and say what the circuit is now."""
        self._failures.inc()
        self.circuit(state)

    def refused(self) -> None:
        """Count a message that was refused for good."""
        self._refused.inc()

    def circuit(self, state: Literal["closed", "half-open", "open"]) -> None:
        """Say what the circuit is."""
        self._circuit.set(_STATES[state])

    def waits(self, seconds: float) -> None:
        """Say for how long the message in hand has been tried; 0 where none waits."""
        self._waiting.set(seconds)


def _words(name: str) -> tuple[str, str, tuple[str, ...]]:
    metric = _BY_NAME[name]
    return metric.name, metric.help, metric.labels
