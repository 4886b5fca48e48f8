"""A worker that is killed whenever: no event lost, none counted twice, the same alerts.

`KOZAMORI_FAULT_EVENTS` sets the number of events (60,000 by default), `KOZAMORI_FAULT_SEED` the moments of the kills.
Several workers, and all other kinds of faults: `faults/test_faults_together.py`.
"""

import os
import random
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from support.checker import check
from support.replays import Result, in_memory, left_in_kafka, rows_and_hops, same
from support.scenes import Scene, make_scene
from support.shared_kafka import Cluster
from support.workers import Progress, WorkerProcess, wait_until

EVENTS = int(os.environ.get("KOZAMORI_FAULT_EVENTS", "60000"))
SEED = int(os.environ.get("KOZAMORI_FAULT_SEED", "1"))
KILLS = 10
#: False alert groups a day: with so many, a few in a hundred events alert.
BUDGET = 50.0
#: Kafka frees a hop's disk by whole segments.
SEGMENT_BYTES = 32 * 1024 * 1024
#: Many chunks and checkpoints, and time enough for workers to start and end among them.
SMALL_CHUNKS = {"max_chunk_records": 100, "checkpoint_interval_ms": 100}
PATIENCE_S = 120 + EVENTS / 1000
#: Ten restarts of a worker, each with its imports, and rebalances that wait for the session of a killed one.
pytestmark = pytest.mark.timeout(600 + EVENTS / 500)


@pytest.fixture(scope="module")
def scene(kafka: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return make_scene(kafka.bootstrap, tmp_path_factory.mktemp("faults"), events=EVENTS, partitions=4, budget=BUDGET)


def test_an_uninterrupted_worker_leaves_what_the_log_comes_to_offline(scene: Scene, tmp_path: Path) -> None:
    settings = scene.fresh("uninterrupted")
    worker, progress = WorkerProcess(settings, tmp_path / "worker.log"), Progress(settings)
    try:
        wait_until(progress.finished, "all events are committed", worker, patience_s=PATIENCE_S)
        assert 0 == worker.stop()
    finally:
        worker.close()
        progress.close()
    assert 0 == check(settings, scene.model).sent_again, "an output was sent twice although nothing was killed"


def test_ten_kills_change_nothing(scene: Scene, tmp_path: Path) -> None:
    settings = scene.fresh("killed")
    progress, moments = Progress(settings), random.Random(SEED)
    print(f"seed {SEED}, {EVENTS} events")
    worker = WorkerProcess(settings, tmp_path / "worker.log", static_member="a")
    try:
        for kill in range(KILLS):
            reached = progress.end() * (kill + moments.random()) / (KILLS + 1)
            wait_until(partial(progress.reached, reached), f"kill {kill}", worker, patience_s=PATIENCE_S)
            worker.kill()
            worker = WorkerProcess(settings, tmp_path / "worker.log", static_member="a")
        wait_until(progress.finished, "all events are committed", worker, patience_s=PATIENCE_S)
        assert 0 == worker.stop()
    finally:
        worker.close()
        progress.close()
    print(check(settings, scene.model))


def test_hops_that_are_deleted_as_they_are_read_stay_small_and_change_nothing(kafka: Cluster, tmp_path: Path) -> None:
    # One partition and one source topic: the order of every hop is that of the log, whatever is killed.
    events = EVENTS // 3
    scene = make_scene(kafka.bootstrap, tmp_path, events=events, partitions=1, budget=BUDGET, wallet_events=False)
    settings = scene.fresh("trimmed").model_copy(update={"trim_hops_s": 0.3})
    chunks = {**SMALL_CHUNKS, "max_chunk_records": max(100, events // 2000)}
    progress, moments, held = Progress(settings), random.Random(SEED), list[dict[str, int]]()
    kills = moments.sample(range(1, 10), 3)
    print(f"seed {SEED}, {events} events, killed at {sorted(kills)} tenths; bytes in each hop at every tenth:")
    worker = WorkerProcess(settings, tmp_path / "worker.log", static_member="a", **chunks)
    try:
        for tenth in range(1, 10):
            reached = partial(progress.reached, progress.end() * (tenth + moments.random() / 2) / 10)
            wait_until(reached, f"{tenth} tenths", worker, patience_s=PATIENCE_S)
            held.append(progress.bytes_of_hops())
            print(tenth, *(f"{topic.removeprefix(settings.prefix)} {size:,}" for topic, size in held[-1].items()))
            if tenth in kills:
                worker.kill()
                worker = WorkerProcess(settings, tmp_path / "worker.log", static_member="a", **chunks)
        wait_until(progress.finished, "all events are committed", worker, patience_s=PATIENCE_S)
        wait_until(lambda: not any(progress.held_by_hops().values()), "all hops are deleted", worker)
        assert 0 == worker.stop()
    finally:
        worker.close()
        progress.close()
    assert max(size for sizes in held for size in sizes.values()) < 3 * SEGMENT_BYTES
    left, expected = left_in_kafka(settings, scene.model), in_memory(settings, scene.model)
    assert not left.hops
    assert expected.hops
    same(without_positions(expected), without_positions(left))
    print(f"{len(left.alerts)} alerts and {sum(map(len, left.rows.values()))} rows as without a kill")


def without_positions(result: Result) -> Result:
    """The result but for hops, and where in them a row's last event lay: messages are cut otherwise in every run."""
    rows = {tp: found.copy() for tp, found in result.rows.items()}
    for found in rows.values():
        found["last_offset"], found["last_index"] = 0, 0
    return replace(result, rows=rows, hops={})


def test_a_controller_decides_the_same_whatever_is_killed(scene: Scene, tmp_path: Path) -> None:
    settings = scene.fresh("controlled").model_copy(update={"controller": True})
    progress, moments = Progress(settings), random.Random(SEED)
    worker = WorkerProcess(settings, tmp_path / "worker.log", static_member="a", **SMALL_CHUNKS)
    try:
        for kill in range(2):
            reached = progress.end() * (kill + moments.random()) / 3
            wait_until(partial(progress.reached, reached), f"kill {kill}", worker, patience_s=PATIENCE_S)
            worker.kill()
            worker = WorkerProcess(settings, tmp_path / "worker.log", static_member="a", **SMALL_CHUNKS)
        wait_until(progress.finished, "all events are committed", worker, patience_s=PATIENCE_S)
        assert 0 == worker.stop()
    finally:
        worker.close()
        progress.close()
    model = scene.model.with_controller()
    print(check(settings, model))
    rows, _ = rows_and_hops(settings, model)
    assert 1 == sum(len(found) for (node, _), found in rows.items() if node == "budget")
