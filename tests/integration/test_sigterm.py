"""Asked to stop, or left without its broker: what was processed is committed, and a restart repeats nothing."""

import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.brokers import local_kafka
from support.bystanders import rebalance_held_up
from support.replays import left_in_kafka, offline, same
from support.scenes import Scene
from support.scrapes import get, scrape, total
from support.workers import QUICKLY_GIVEN_UP, Progress, WorkerProcess, wait_until

from detector.local_kafka.broker import LocalKafka
from detector.local_kafka.node import free_ports
from detector.settings import Settings

#: So little at once that 6,000 events take seconds.
SLOWLY = {"max_chunk_records": 10, "checkpoint_interval_ms": 100}
#: With nothing to give back, or nobody to give it to.
AT_ONCE_S = 5.0
#: A supervisor's usual patience; the last checkpoint has half a rebalance timeout.
SOON_S = 30.0
WATCHDOG_S = 5.0
#: How long the broker is away; minutes where somebody asks for them.
AWAY_S = float(os.environ.get("KOZAMORI_AWAY_S", str(1.5 * WATCHDOG_S)))
#: Within which people and orchestrators hear that Kafka is away, and something for a busy machine.
TOLD_S = 3.0 + 2.0
CLOSED_PORT = 9  # "discard", which nobody runs

pytestmark = pytest.mark.timeout(300 + AWAY_S)  # a broker is started up to three times


class First(WorkerProcess):
    """As process 1 of a container: the kernel drops SIGTERM where nobody waits for it."""

    launcher = (
        sys.executable,
        "-c",
        "import os, signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])",
    )


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., WorkerProcess]]:
    """Starts workers that end with the test."""
    workers: list[WorkerProcess] = []

    def start(settings: Settings, kind: type[WorkerProcess] = WorkerProcess, **changes: object) -> WorkerProcess:
        workers.append(kind(settings, tmp_path / f"worker-{len(workers)}.log", **changes))
        return workers[-1]

    yield start
    for worker in workers:
        worker.close()


def end(worker: WorkerProcess, number: int, moment: str, within_s: float = SOON_S) -> int:
    """Send a signal; the exit status, within bounds."""
    began = time.monotonic()
    worker.process.send_signal(number)
    status = worker.process.wait(2 * SOON_S)
    took_s = time.monotonic() - began
    print(f"asked to stop {moment}: {took_s:.2f} s, status {status}")
    assert took_s < within_s
    return status


def wait_for(settings: Settings, worker: WorkerProcess, happens: Callable[[Progress], bool]) -> None:
    progress = Progress(settings)
    try:
        wait_until(lambda: happens(progress), "the worker is far enough", worker)
    finally:
        progress.close()


def busy(progress: Progress) -> bool:
    """Something went all the way: with so little taken at once, one partition after the other is read to its end."""
    return progress.alerts() > 0


def far(settings: Settings) -> dict[tuple[str, int], int]:
    """What is committed."""
    progress = Progress(settings)
    try:
        assert not progress.finished(), "it was stopped in the middle"
        return progress.offsets()
    finally:
        progress.close()


def test_a_busy_worker_commits_what_it_processed_and_a_restart_repeats_nothing(
    small_scene: Scene, started: Callable[..., WorkerProcess]
) -> None:
    numbers = signal.SIGTERM, signal.SIGINT
    deployments = [small_scene.fresh("stopped") for _ in numbers]
    workers = [started(settings, **SLOWLY) for settings in deployments]
    for number, settings, worker in zip(numbers, deployments, workers, strict=True):
        wait_for(settings, worker, busy)
        assert 0 == end(worker, number, f"while it is busy, {number.name}")
        # Of every node: what it made of the events before its offset, and nothing of those behind it.
        same(
            offline(settings, small_scene.model, far(settings)),
            left_in_kafka(settings, small_scene.model),
            least_alerts=1,
        )
    workers = [started(settings) for settings in deployments]
    for settings, worker in zip(deployments, workers, strict=True):
        wait_for(settings, worker, Progress.finished)
        assert 0 == end(worker, signal.SIGTERM, "when all is read")
        left = left_in_kafka(settings, small_scene.model)
        same(offline(settings, small_scene.model), left)
        assert {1} == set(left.times.values()), "an output was sent twice although nothing was killed"


def test_a_worker_that_is_asked_to_stop_before_it_joined_ends_at_once(
    small_scene: Scene, started: Callable[..., WorkerProcess], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(small_scene, events=()).fresh("starting")
    kernels = tmp_path / "kernels"
    importing = [started(settings, First) for _ in range(3)]
    alone = started(settings, First, bootstrap=f"127.0.0.1:{CLOSED_PORT}")
    ready = started(settings, First)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(kernels))
    compiling = started(settings, First)
    for worker, after_s in zip(importing, (0.0, 0.5, 1.5), strict=True):
        wait_until(worker.listens, "it waits for signals", worker)
        time.sleep(after_s)
        assert 0 == end(worker, signal.SIGTERM, f"{after_s} s into its imports", AT_ONCE_S)
    wait_until(ready.started, "the worker starts", ready)
    assert 0 == end(ready, signal.SIGTERM, "as soon as it listens", SOON_S)
    wait_until(lambda: "Kafka is away" in alone.log.read_text("utf-8"), "it waits for Kafka", alone)
    assert 0 == end(alone, signal.SIGTERM, "while it waits for Kafka to start", AT_ONCE_S)
    wait_until(lambda: any(kernels.rglob("*.nbc")), "it compiles kernels", compiling)
    assert 0 == end(compiling, signal.SIGTERM, "while it compiles", AT_ONCE_S)
    assert [] == [each.log for each in (ready, alone, compiling) if "Traceback" in each.log.read_text("utf-8")]


def test_a_worker_that_is_asked_to_stop_while_it_joins_does_not_wait_for_the_others_and_asked_twice_ends_at_once(
    small_scene: Scene, started: Callable[..., WorkerProcess]
) -> None:
    settings = replace(small_scene, events=()).fresh("joining")
    with rebalance_held_up(settings):
        workers = once, twice = started(settings), started(settings)
        join = [worker.log for worker in workers]
        wait_until(lambda: all("joining group" in log.read_text("utf-8") for log in join), "they join", *workers)
        assert 0 == end(once, signal.SIGTERM, "while it joins")
        twice.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "[^App]: Stopping" in twice.log.read_text("utf-8"), "it stops", twice)
        assert 1 == end(twice, signal.SIGTERM, "a second time", AT_ONCE_S)
    assert "Traceback" not in once.log.read_text("utf-8")
    assert "asked to stop a second time" in twice.log.read_text("utf-8")


@pytest.fixture(scope="module")
def mortal() -> Iterator[LocalKafka]:
    """A broker to kill; each test leaves it running."""
    with local_kafka() as broker:
        yield broker


def answer(port: int, path: str) -> tuple[int, str]:
    """Status and body; 0 where a process that compiles has no time for an answer."""
    try:
        return get(port, path)
    except OSError:
        return 0, ""


def is_told(port: int, began: float) -> float:
    """Seconds since `began` until health tells that Kafka is away."""
    wait_until(lambda: "Kafka is away" in answer(port, "/readyz")[1], "it is told")
    return time.monotonic() - began


def test_a_broker_that_dies_and_comes_back_ends_no_worker_and_loses_nothing(
    small_scene: Scene, mortal: LocalKafka, started: Callable[..., WorkerProcess]
) -> None:
    scene = replace(small_scene, bootstrap=mortal.bootstrap)
    settings = scene.fresh("dying")
    worker = started(settings, **SLOWLY, watchdog_s=WATCHDOG_S)
    wait_for(settings, worker, busy)
    ports = worker.port(), free_ports(["metrics"], random.SystemRandom())["metrics"]
    mortal.kill()
    began = time.monotonic()
    before = started(settings, metrics_port=ports[1])
    told_s = is_told(ports[0], began)
    assert told_s < TOLD_S
    wait_until(lambda: "Kafka is away" in before.log.read_text("utf-8"), "one that starts waits, too", before)
    wait_until(lambda: time.monotonic() > began + AWAY_S, "they wait", worker, before, patience_s=AWAY_S + 60)
    assert [[200, 503]] * 2 == [[get(port, path)[0] for path in ("/healthz", "/readyz")] for port in ports]
    mortal.start()
    began = time.monotonic()
    wait_until(lambda: all(answer(port, "/readyz")[0] == 200 for port in ports), "they go on", worker, before)
    print(f"broker gone: told after {told_s:.1f} s, ready {time.monotonic() - began:.1f} s after it was back")
    wait_for(settings, worker, Progress.finished)
    assert [0, 0] == [end(each, signal.SIGTERM, "after its broker was away") for each in (worker, before)]
    said = [str(line["event"]) for line in worker.lines() if str(line.get("event", "")).startswith("Kafka is")]
    assert ["Kafka is away, the worker waits", "Kafka is back, the worker goes on"] == said
    same(offline(settings, scene.model), left_in_kafka(settings, scene.model))


def test_a_worker_that_cannot_commit_its_last_events_says_so_at_once(
    small_scene: Scene, mortal: LocalKafka, started: Callable[..., WorkerProcess]
) -> None:
    scene = replace(small_scene, bootstrap=mortal.bootstrap)
    settings = scene.fresh("dead")
    # The first checkpoint would come ten seconds after the start, when the broker is long dead.
    worker = started(settings, checkpoint_interval_ms=10_000, rebalance_timeout_s=20, watchdog_s=60, **QUICKLY_GIVEN_UP)
    wait_until(lambda: total(scrape(worker.port()), "kozamori_events_total") > 0, "it processes", worker)
    os.kill(mortal.pid, signal.SIGSTOP)
    try:
        assert 1 == end(worker, signal.SIGTERM, "while Kafka is silent", 2 * AT_ONCE_S)
    finally:
        os.kill(mortal.pid, signal.SIGCONT)
    assert "Kafka took no last checkpoint" in worker.log.read_text("utf-8")
    worker = started(settings)
    wait_for(settings, worker, Progress.finished)
    assert 0 == end(worker, signal.SIGTERM, "when all is read")
    same(offline(settings, scene.model), left_in_kafka(settings, scene.model))
