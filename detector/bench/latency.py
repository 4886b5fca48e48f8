"""`kozamori bench latency`: time from producing an event to consuming its alert."""

import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from detector.bench.child import run_child
from detector.bench.clients import open_consumer, partitions_of
from detector.bench.cluster import Say, address, cluster
from detector.bench.machine import machine
from detector.bench.pacer import Paced, PaceTask
from detector.bench.worker_process import WorkerProcess
from detector.bench.workload import Workload, simulate_events, train_models
from detector.core.chains import CHAINS
from detector.errors import KozamoriError
from detector.settings import Settings

#: One event in a hundred alerts: enough for a p99.9, few enough to be no load of its own.
ALERT_SHARE = 0.01
#: Warm-up, not counted: the broker's JVM compiles its hot path and catches up.
WARM_UP_S = 10.0
#: Longest wait for alerts after the last event.
GRACE_S = 3.0
HISTOGRAM = "kozamori_event_to_alert_seconds_bucket"


class _EventId(msgspec.Struct):
    event_id: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: `rate` events a second for `seconds`, after the warm-up."""

    rate: float
    seconds: float
    partitions: int
    seed: int
    bootstrap: str = ""


def run(plan: Plan, say: Say) -> dict[str, Any]:
    """The report. Raises KozamoriError when the worker fails, or there is no alert."""
    events = round(plan.rate * (plan.seconds + WARM_UP_S))
    with tempfile.TemporaryDirectory(prefix="kozamori-bench-") as scratch:
        folder = Path(scratch)
        say(f"simulating {events} events, seed {plan.seed}")
        workload = simulate_events(events, None, plan.seed)
        say("training a model that alerts on one event in a hundred")
        train_models(folder, plan.seed, events, chain=CHAINS[-1], alert_share=ALERT_SHARE)
        with (
            cluster(plan.bootstrap, plan.partitions, folder / CHAINS[-1].name, say) as settings,
            closing(_Listener(settings)) as listener,
            WorkerProcess(settings, folder / "worker.log") as worker,
        ):
            worker.wait_until_ready()
            say(f"producing {plan.rate:.0f} events a second for {plan.seconds + WARM_UP_S:.0f} s")
            paced = _produce(plan, settings, workload, folder)
            time.sleep(GRACE_S)
            listener.stop()
            buckets = {sample.labels["le"]: int(sample.value) for sample in worker.samples(HISTOGRAM)}
        waits = waits_ms(workload.values, np.load(folder / "times.npy"), listener.received, WARM_UP_S)
    p50, p99, p999 = np.quantile(waits, (0.5, 0.99, 0.999)).tolist()
    return {
        "machine": machine(),
        "rate": plan.rate,
        "p50_ms": round(p50, 2),
        "p99_ms": round(p99, 2),
        "p999_ms": round(p999, 2),
        "max_ms": round(float(waits.max()), 2),
        "n": len(waits),
        "seconds": plan.seconds,
        "warm_up_s": WARM_UP_S,
        "sent_per_s": round(paced.events / paced.seconds, 1),
        "producer_late_ms": round(paced.late_ms, 1),
        "partitions": plan.partitions,
        "seed": plan.seed,
        "worker_histogram_s": buckets,
    }


class _Listener:
    """Records when each alert is consumed, on its own thread."""

    def __init__(self, settings: Settings) -> None:
        self.received: list[tuple[str, float]] = []
        self._consumer = open_consumer(address(settings), f"{settings.deployment}-alerts")
        # Assigned, not subscribed: to join a group takes seconds, and the first alerts would count them.
        self._consumer.assign(partitions_of(settings.alerts, settings.partitions))
        self._decode = msgspec.json.Decoder(_EventId).decode
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._stopped.is_set():
            message = self._consumer.poll(0.1)
            now = time.monotonic()
            if message is not None and message.error() is None:
                self.received.append((self._decode(message.value()).event_id, now))

    def stop(self) -> None:
        """Stop listening."""
        self._stopped.set()
        self._thread.join()

    def close(self) -> None:
        """Stop and leave the group."""
        self.stop()
        self._consumer.close()


def _produce(plan: Plan, settings: Settings, workload: Workload, folder: Path) -> Paced:
    lines = (key + b"\t" + value + b"\n" for key, value in zip(workload.keys, workload.values, strict=True))
    (folder / "messages.tsv").write_bytes(b"".join(lines))
    task = PaceTask(
        bootstrap=address(settings),
        topic=settings.account_events,
        messages=str(folder / "messages.tsv"),
        times=str(folder / "times.npy"),
        rate=plan.rate,
    )
    timeout_s = 2 * (plan.seconds + WARM_UP_S) + 60
    return run_child("detector.bench.pacer", task, Paced, log=folder / "pacer.log", timeout_s=timeout_s)


def waits_ms(
    values: Sequence[bytes],
    sent_s: npt.NDArray[np.float64],
    received: Sequence[tuple[str, float]],
    warm_up_s: float,
) -> npt.NDArray[np.float64]:
    """ms from sending an event to receiving its alert, for events sent after the warm-up.

    `sent_s` (n,) are the times at which the events `values` were sent, `received` event ids with the times at which
    their alerts were received. An event delivered twice alerts at its first delivery. Raises KozamoriError when
    there is none.
    """
    decode = msgspec.json.Decoder(_EventId).decode
    times: dict[str, float] = {}
    for value, at in zip(values, sent_s.tolist(), strict=True):
        times.setdefault(decode(value).event_id, at)
    counts_from = sent_s[0] + warm_up_s
    waits = [1000 * (at - times[event_id]) for event_id, at in received if times[event_id] >= counts_from]
    if not waits:
        raise KozamoriError("no alert after the warm-up: give more --seconds or a higher --rate")
    return np.array(waits)
