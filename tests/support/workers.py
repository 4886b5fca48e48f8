"""Real `kozamori worker` processes for tests: started, killed, asked how far they are."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import RetriableError

from detector.kafka.security import client_options
from detector.kafka.topics import bytes_of
from detector.ops.state import TOPOLOGY
from detector.settings import Settings

#: A worker that has not said or done what is expected after this is broken, however slow the machine.
PATIENCE_S = 120.0
#: For a worker that ends without leaving its group: the next one waits no longer for it than it must.
QUICKLY_GIVEN_UP = {"session_timeout_s": 6, "heartbeat_s": 2}


class WorkerProcess:
    """One worker; ends with the test, whatever happens."""

    #: A command that runs the one behind it; what Python runs; more of an environment.
    launcher: tuple[str, ...] = ()
    program: tuple[str, ...] = ("-m", "detector.cli.main")
    environment: Mapping[str, str] = MappingProxyType({})

    def __init__(self, settings: Settings, log: Path, **changes: object) -> None:
        options = {**settings.model_dump(exclude_defaults=True), **changes}
        options.setdefault("metrics_port", 0)
        arguments = []
        for name, value in options.items():
            text = ",".join(value) if isinstance(value, tuple) else str(value)
            arguments += [f"--{name.replace('_', '-')}", *([] if value is True else [text])]
        self.log = log
        self._out = log.open("ab")
        self.process = subprocess.Popen(
            [*self.launcher, sys.executable, *self.program, "worker", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._out,
            cwd=log.parent,
            env={name: value for name, value in os.environ.items() if not name.startswith("KOZAMORI_")}
            | dict(self.environment),
        )

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """As a power cut would: no chance to finish anything."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """As a supervisor would; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def listens(self) -> bool:
        """Whether a request to stop counts: it blocks the signal, and a thread waits for it."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("utf-8")
        blocked = next(line for line in status.splitlines() if line.startswith("SigBlk:")).split()[1]
        return bool(int(blocked, 16) >> (signal.SIGTERM - 1) & 1)

    def started(self) -> bool:
        """Whether it got as far as handling signals."""
        return any(line.get("event") == "worker starts" for line in self.lines())

    def lines(self) -> list[dict[str, object]]:
        """What it logged so far."""
        text = self.log.read_text("utf-8", "replace").splitlines()
        return [msgspec.json.decode(line) for line in text if line.startswith("{")]

    def port(self) -> int:
        """The metrics port it took."""
        wait_until(lambda: any("metrics_port" in line for line in self.lines()), "the worker says its port", self)
        return int(str(next(line["metrics_port"] for line in reversed(self.lines()) if "metrics_port" in line)))

    def close(self) -> None:
        """End it if it still runs."""
        if self.running:
            self.kill()
        self._out.close()


def wait_until(happens: Callable[[], bool], what: str, *workers: WorkerProcess, patience_s: float = PATIENCE_S) -> None:
    """Return when `happens()`; fail, with the end of the workers' logs, when it never does or a worker ends."""
    deadline = time.monotonic() + patience_s
    while not happens():
        ended = [worker for worker in workers if not worker.running]
        if ended or time.monotonic() > deadline:
            tail = "\n".join(worker.log.read_text("utf-8", "replace")[-3000:] for worker in workers)
            raise AssertionError(f"waited for: {what}; ended: {[w.process.returncode for w in ended]}\n{tail}")
        time.sleep(0.05)


class Progress:
    """How far a group has come, from what it committed: on the source topics, and behind them on the hops."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin = KafkaAdminClient(**client_options(settings))
        self._consumer = KafkaConsumer(**client_options(settings))
        # In the order in which an event meets them. What a shorter chain does not read holds no event.
        nodes = TOPOLOGY.nodes
        self._topics = {settings.input_topic(node): self._partitions(settings.input_topic(node)) for node in nodes}
        self._sources = [settings.input_topic(node) for node in nodes if node.source is not None]
        self._alerts = self._partitions(settings.alerts)

    def _partitions(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for number in sorted(self._consumer.partitions_for_topic(topic) or ())]

    def committed(self) -> int:
        """Sum of the committed offsets of the source topics."""
        return sum(self._committed(topic) for topic in self._sources)

    def end(self) -> int:
        """Sum of the source logs' ends."""
        return sum(self._end(topic) for topic in self._sources)

    def offsets(self) -> dict[tuple[str, int], int]:
        """What is committed, by topic and partition."""
        groups = self._admin.list_group_offsets({self._settings.group: None})
        found = groups[self._settings.group]
        return {(tp.topic, tp.partition): mark.offset for tp, mark in found.items() if mark.offset >= 0}

    def reached(self, sum_of_offsets: float) -> bool:
        """So much is committed."""
        return self.committed() >= sum_of_offsets

    def finished(self) -> bool:
        """Everything in all logs is committed: a hop grows no more once the logs before it are."""
        return all(self._committed(topic) == self._end(topic) for topic in self._topics)

    def held_by_hops(self) -> dict[TopicPartition, int]:
        """Messages that each hop partition still has."""
        hops = [tp for topic, partitions in self._topics.items() if topic not in self._sources for tp in partitions]
        begins, ends = self._consumer.beginning_offsets(hops), self._consumer.end_offsets(hops)
        return {tp: ends[tp] - begins[tp] for tp in hops}

    def bytes_of_hops(self) -> dict[str, int]:
        """Bytes on disk of each hop, by topic."""
        hops = [topic for topic in self._topics if topic not in self._sources]
        sizes = bytes_of(self._admin, hops)
        return {hop: sum(size for (topic, _), size in sizes.items() if topic == hop) for hop in hops}

    def alerts(self) -> int:
        """Records on the topic of alerts."""
        return sum(self._consumer.end_offsets(self._alerts).values())

    def _committed(self, topic: str) -> int:
        try:
            groups = self._admin.list_group_offsets({self._settings.group: self._topics[topic]})
        except RetriableError:  # a new broker makes the topic of offsets when it is first asked
            return 0
        offsets = groups[self._settings.group]
        return sum(max(0, mark.offset) for mark in offsets.values())

    def _end(self, topic: str) -> int:
        return sum(self._consumer.end_offsets(self._topics[topic]).values())

    def close(self) -> None:
        """Close the connections."""
        self._admin.close()
        self._consumer.close()


def run_worker(settings: Settings, log: Path, **changes: object) -> None:
    """A worker, with these further settings, until everything in all logs is committed; it ends in order."""
    worker, progress = WorkerProcess(settings, log, **changes), Progress(settings)
    try:
        wait_until(lambda: worker.started() and progress.finished(), "all events are committed", worker)
        assert 0 == worker.stop()
    finally:
        worker.close()
        progress.close()
