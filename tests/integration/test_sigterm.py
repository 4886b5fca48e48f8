"""Asked to stop, or left without its broker: what was processed is committed, and a restart repeats nothing."""

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.bystanders import rebalance_held_up
from support.replays import left_in_kafka, offline, same
from support.scenes import Scene
from support.scrapes import scrape, total
from support.workers import Progress, WorkerProcess, wait_until

from detector.local_kafka.broker import LocalKafka
from detector.settings import Settings

#: So little at once that 6,000 events take seconds.
SLOWLY = {"max_chunk_records": 2, "checkpoint_interval_ms": 100}
#: A supervisor's usual patience; the last checkpoint has half a rebalance timeout, leaving the group ten seconds.
SOON_S = 30.0
KILLED_BY_SIGTERM = -signal.SIGTERM

pytestmark = pytest.mark.timeout(300)  # a broker is started up to three times


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., WorkerProcess]]:
    """Starts workers that end with the test."""
    workers: list[WorkerProcess] = []

    def start(settings: Settings, **changes: object) -> WorkerProcess:
        workers.append(WorkerProcess(settings, tmp_path / f"worker-{len(workers)}.log", **changes))
        return workers[-1]

    yield start
    for worker in workers:
        worker.close()


def end(worker: WorkerProcess, number: int) -> int:
    """Send a signal; the exit status, within bounds."""
    began = time.monotonic()
    worker.process.send_signal(number)
    status = worker.process.wait(2 * SOON_S)
    assert time.monotonic() - began < SOON_S
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_busy_worker_commits_what_it_processed_and_a_restart_repeats_nothing(
    small_scene: Scene, started: Callable[..., WorkerProcess], number: signal.Signals
) -> None:
    settings = small_scene.fresh("stopped")
    worker = started(settings, **SLOWLY)
    wait_for(settings, worker, busy)
    assert 0 == end(worker, number)
    # Of every node: what it made of the events before its offset, and nothing of those behind it.
    same(
        offline(settings, small_scene.model, far(settings)), left_in_kafka(settings, small_scene.model), least_alerts=1
    )
    worker = started(settings)
    wait_for(settings, worker, Progress.finished)
    assert 0 == end(worker, signal.SIGTERM)
    left = left_in_kafka(settings, small_scene.model)
    same(offline(settings, small_scene.model), left)
    assert {1} == set(left.times.values()), "an output was sent twice although nothing was killed"


def test_a_worker_that_is_asked_to_stop_while_it_loads_ends_at_once(
    small_scene: Scene, started: Callable[..., WorkerProcess]
) -> None:
    worker = started(replace(small_scene, events=()).fresh("loading"))
    time.sleep(0.5)
    # Nothing is held yet that an orderly end would give back.
    assert end(worker, signal.SIGTERM) in {0, KILLED_BY_SIGTERM}


def test_a_worker_that_is_asked_to_stop_while_it_joins_does_not_wait_for_the_others(
    small_scene: Scene, started: Callable[..., WorkerProcess]
) -> None:
    settings = replace(small_scene, events=()).fresh("joining")
    with rebalance_held_up(settings):
        worker = started(settings)
        wait_until(lambda: "joining group" in worker.log.read_text("utf-8"), "the worker asks to join", worker)
        assert 0 == end(worker, signal.SIGTERM)
    assert "Traceback" not in worker.log.read_text("utf-8")


def test_a_worker_that_is_asked_to_stop_as_soon_as_it_listens_leaves_in_order(
    small_scene: Scene, started: Callable[..., WorkerProcess]
) -> None:
    worker = started(small_scene.fresh("listening"))
    wait_until(worker.started, "the worker starts", worker)
    assert 0 == end(worker, signal.SIGTERM)
    assert "Traceback" not in worker.log.read_text("utf-8")


@pytest.fixture(scope="module")
def mortal() -> Iterator[LocalKafka]:
    """A broker to kill; each test leaves it running."""
    with LocalKafka() as broker:
        yield broker


def test_a_broker_that_dies_and_comes_back_loses_nothing(
    small_scene: Scene, mortal: LocalKafka, started: Callable[..., WorkerProcess]
) -> None:
    scene = replace(small_scene, bootstrap=mortal.bootstrap)
    settings = scene.fresh("dying")
    worker = started(settings, **SLOWLY)
    wait_for(settings, worker, busy)
    mortal.kill()
    mortal.start()
    progress = Progress(settings)
    try:
        assert not progress.finished(), "it had finished before"
        wait_until(lambda: not worker.running or progress.finished(), "the worker ends or recovers")
        if not worker.running:
            assert worker.process.returncode not in {0, 2}
            worker = started(settings)
            wait_until(progress.finished, "all is committed", worker)
        assert 0 == end(worker, signal.SIGTERM)
    finally:
        progress.close()
    same(offline(settings, scene.model), left_in_kafka(settings, scene.model))


def test_a_worker_that_cannot_commit_its_last_events_does_not_say_all_is_well(
    small_scene: Scene, mortal: LocalKafka, started: Callable[..., WorkerProcess]
) -> None:
    scene = replace(small_scene, bootstrap=mortal.bootstrap)
    settings = scene.fresh("dead")
    # The first checkpoint would come ten seconds after the start, when the broker is long dead.
    worker = started(settings, checkpoint_interval_ms=10_000, rebalance_timeout_s=20, watchdog_s=60)
    wait_until(lambda: total(scrape(worker.port()), "kozamori_events_total") > 0, "it processes", worker)
    mortal.kill()
    assert 1 == end(worker, signal.SIGTERM)
    assert "Kafka took no last checkpoint" in worker.log.read_text("utf-8")
    mortal.start()
    worker = started(settings)
    wait_for(settings, worker, Progress.finished)
    assert 0 == end(worker, signal.SIGTERM)
    same(offline(settings, scene.model), left_in_kafka(settings, scene.model))
