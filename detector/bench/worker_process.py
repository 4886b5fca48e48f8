"""A real `kozamori worker` process, watched from outside: its metrics, its CPU time, what its group has committed."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import psutil
from prometheus_client.parser import text_string_to_metric_families

from detector.bench.child import last_words
from detector.bench.clients import open_consumer, partitions_of
from detector.core.topology import Topology
from detector.errors import KozamoriError
from detector.settings import Settings

LOOK_EVERY_S = 0.01
#: Imports, compiling on a first run, joining the group.
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 30.0


class WorkerProcess:
    """A worker of `settings` (which name a model) that ends with the `with` block."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._log = log
        self._command = [sys.executable, "-m", "detector.cli.main", "worker"]
        for name, value in settings.model_dump(exclude_defaults=True).items():
            text = ",".join(value) if isinstance(value, tuple) else str(value)
            self._command += [f"--{name.replace('_', '-')}", text]

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._log.parent,
                env={name: value for name, value in os.environ.items() if not name.startswith("KOZAMORI_")},
                start_new_session=True,  # Ctrl-C reaches only the bench, which then ends the worker
            )
        self._usage = psutil.Process(self._process.pid)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        else:
            self._process.kill()
        self._process.wait()

    def wait_until(self, happens: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Return when `happens()`; KozamoriError when the worker ends first, or after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while not happens():
            if self._process.poll() is not None:
                raise KozamoriError(f"the worker ended before {what}: {last_words(self._log)}")
            if time.monotonic() > deadline:
                raise KozamoriError(f"waited {timeout_s:.0f} s until {what}: {last_words(self._log)}")
            time.sleep(LOOK_EVERY_S)

    def wait_until_ready(self) -> None:
        """Return when it holds its partitions."""
        found: list[int] = []

        def has_port() -> bool:
            found.extend(_ports(self._log))
            return bool(found)

        self.wait_until(has_port, "it logged its metrics port", START_TIMEOUT_S)
        self._url = f"http://127.0.0.1:{found[0]}/metrics"
        self.wait_until(lambda: self.total("kozamori_ready") == 1, "it was ready", START_TIMEOUT_S)

    def samples(self, metric: str) -> list[Any]:
        """The samples of one metric as exposed now: name, labels, value."""
        with urllib.request.urlopen(self._url, timeout=10) as answer:
            text = answer.read().decode()
        families = text_string_to_metric_families(text)
        return [sample for family in families for sample in family.samples if sample.name == metric]

    def total(self, metric: str, **labels: str) -> float:
        """Sum of a metric over its labels, or over those with the given values."""
        wanted = labels.items()
        return float(sum(sample.value for sample in self.samples(metric) if wanted <= sample.labels.items()))

    @property
    def cpu_seconds(self) -> float:
        """CPU time of all its threads so far."""
        times = self._usage.cpu_times()
        return times.user + times.system

    @property
    def rss_mb(self) -> float:
        """Memory it holds now, MB."""
        return float(self._usage.memory_info().rss / 1e6)


class Committed:
    """A group's committed offsets on the inputs of a topology; polling it costs the worker nothing."""

    def __init__(self, settings: Settings, topology: Topology) -> None:
        self._consumer = open_consumer(",".join(settings.bootstrap), settings.group)
        topics = [settings.input_topic(node) for node in topology.nodes]
        self._source, *self._hops = (partitions_of(topic, settings.partitions) for topic in topics)

    def all_of(self, events: int) -> bool:
        """Whether the source is committed as far as `events` records, and then every hop, one by one, to its end.

        In this order: when an input is committed, what it sends on is in the next hop. Topics of the bench begin at 0.
        """
        return self._count(self._source) >= events and all(self._count(hop) >= self._ends(hop) for hop in self._hops)

    def _count(self, partitions: list[Any]) -> int:
        return sum(max(0, found.offset) for found in self._consumer.committed(partitions, timeout=10))

    def _ends(self, partitions: list[Any]) -> int:
        return sum(self._consumer.get_watermark_offsets(partition, timeout=10)[1] for partition in partitions)

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()


def _ports(log: Path) -> list[int]:
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if '"metrics_port"' in line]
    return [int(msgspec.json.decode(line)["metrics_port"]) for line in lines]
