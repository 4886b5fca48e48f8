"""Metrics of `kozamori canary`: what is seen from outside the workers."""

from collections.abc import Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from detector.observe.catalogue import OUTSIDE

_BY_NAME = {metric.name: metric for metric in OUTSIDE}


class Unread(NamedTuple):
    """What a desk's group has not read: alerts, and for how long the oldest of them has been there."""

    alerts: int
    seconds: float


class CanaryMetrics:
    """Its metrics on `registry`; written by one thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # as in `detector.observe.metrics`
        self._sent = Counter(*_words("kozamori_canary_sent_total"), registry=registry)
        self._failures = Counter(*_words("kozamori_canary_failures_total"), registry=registry)
        buckets = _BY_NAME["kozamori_canary_seconds"].buckets
        self._seconds = Histogram(*_words("kozamori_canary_seconds"), registry=registry, buckets=buckets)
        self._unread = Gauge(*_words("kozamori_desk_unread_alerts"), registry=registry)
        self._oldest = Gauge(*_words("kozamori_desk_unread_seconds"), registry=registry)
        self._unseen = Counter(*_words("kozamori_desk_look_failures_total"), registry=registry)

    def sent(self) -> None:
        """Count an event that was sent."""
        self._sent.inc()

    def answered(self, seconds: float) -> None:
        """Note the time until its alert was read."""
        self._seconds.observe(seconds)

    def failed(self) -> None:
        """Count an event whose alert did not come in time."""
        self._failures.inc()

    def watched(self, bank: str, group: str) -> None:
        """Begin the desk's counter at zero: one that starts at its first failure hides that from rate()."""
        self._unseen.labels(bank, group)

    def unseen(self, bank: str, group: str) -> None:
        """Count a look at which Kafka did not tell what the desk has read."""
        self._unseen.labels(bank, group).inc()

    def desks(self, unread: Mapping[tuple[str, str], Unread]) -> None:
        """Say what each desk, by (bank, group), has not read; a desk of which it is not known loses its series."""
        self._unread.clear()
        self._oldest.clear()
        for (bank, group), found in unread.items():
            self._unread.labels(bank, group).set(found.alerts)
            self._oldest.labels(bank, group).set(found.seconds)


def _words(name: str) -> tuple[str, str, tuple[str, ...]]:
    metric = _BY_NAME[name]
    return metric.name, metric.help, metric.labels
