"""Contestant `worker`: a real `kozamori worker` process, alerts, rows and offsets durable in Kafka.

Its clock runs from the last poll of its metrics without a processed event to the first poll of its group with every
event committed: a little to its disadvantage.
"""

import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from detector.bench.lap import Lap
from detector.bench.worker_process import Committed, WorkerProcess
from detector.core.topology import Topology
from detector.errors import KozamoriError
from detector.settings import Settings


class Totals(NamedTuple):
    """The worker's own figures of a run, from its metrics; `process_s` is the time from bytes to alerts sent."""

    chunks: float
    process_s: float
    checkpoints: float
    checkpoint_rows: float
    alerts: float
    rss_mb: float


def measure(settings: Settings, topology: Topology, events: int, *, log: Path, timeout_s: float) -> tuple[Lap, Totals]:
    """Let a worker process the `events` account events; the deployment must have no offsets or rows yet.

    Raises KozamoriError when it fails, takes longer than `timeout_s` or counts other than `events` events.
    """
    with closing(Committed(settings, topology)) as committed, WorkerProcess(settings, log) as worker:
        worker.wait_until_ready()
        began = time.perf_counter(), worker.cpu_seconds

        def has_begun() -> bool:
            nonlocal began
            looked = time.perf_counter(), worker.cpu_seconds
            if worker.total("kozamori_events_total") > 0:
                return True
            began = looked
            return False

        worker.wait_until(has_begun, "it had an event", timeout_s)
        worker.wait_until(lambda: committed.all_of(events), "every event was committed", timeout_s)
        lap = Lap(events, time.perf_counter() - began[0], worker.cpu_seconds - began[1])
        if (counted := worker.total("kozamori_events_total", stage=topology.nodes[0].name)) != events:
            raise KozamoriError(f"the worker counted {counted:.0f} events of {events}")
        return lap, _totals(worker)


def _totals(worker: WorkerProcess) -> Totals:
    return Totals(
        chunks=worker.total("kozamori_chunk_events_count"),
        process_s=worker.total("kozamori_process_seconds_sum"),
        checkpoints=worker.total("kozamori_checkpoint_seconds_count"),
        checkpoint_rows=worker.total("kozamori_checkpoint_rows_total"),
        alerts=worker.total("kozamori_alerts_total"),
        rss_mb=worker.rss_mb,
    )
