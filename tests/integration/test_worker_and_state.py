"""The `state` commands and a real worker, each with what the other left."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.deployments import recreate
from support.replays import left_in_kafka, offline, rows_and_hops, same
from support.scenes import Scene
from support.workers import Progress, WorkerProcess, run_worker, wait_until

from detector.core.stages.account import ACCOUNT
from detector.errors import UserError
from detector.ops.migrate import move
from detector.ops.reset import reset
from detector.ops.state import show
from detector.settings import Settings

#: Two workers one after the other, each of which may be given its full patience on a busy machine.
pytestmark = pytest.mark.timeout(400)

#: Many checkpoints, so that there is a half way to stop at.
SMALL_CHUNKS = {"max_chunk_records": 10, "checkpoint_interval_ms": 100}


def verdicts(settings: Settings) -> set[str]:
    """Of the partitions of all stages but the budget, which only a worker with a controller has."""
    stages = [stage for stage in show(settings).stages if stage.stage != "budget"]
    return {partition.verdict for stage in stages for partition in stage.partitions}


def stop_at(settings: Settings, log: Path, until: Callable[[Progress], bool]) -> None:
    """A worker that is stopped in order once `until` holds, on its way to the end."""
    worker, progress = WorkerProcess(settings, log, **SMALL_CHUNKS), Progress(settings)
    try:
        wait_until(lambda: worker.started() and until(progress), "the worker is far enough", worker)
        assert worker.stop() == 0
    finally:
        worker.close()
        progress.close()


def refusal(settings: Settings, log: Path) -> str:
    """What a worker says that does not start."""
    worker = WorkerProcess(settings, log)
    try:
        status = worker.process.wait(120)
    finally:
        worker.close()
    assert status != 0
    return log.read_text("utf-8")


def test_another_deployment_goes_on_exactly_where_the_first_stopped(small_scene: Scene, tmp_path: Path) -> None:
    blue = small_scene.fresh("blue")
    green = blue.model_copy(update={"deployment": f"{blue.deployment}-green"})
    stop_at(blue, tmp_path / "blue.log", lambda progress: progress.reached(progress.end() / 3))
    left = {partition.partition: partition.committed for partition in show(blue).partitions}
    assert left == move(green, blue.deployment).offsets
    assert verdicts(green) == {"ok"}
    assert sum(stage.lag for stage in show(green).stages) > 0, "blue was stopped too late"
    run_worker(green, tmp_path / "green.log")
    got = left_in_kafka(green, small_scene.model)
    same(offline(green, small_scene.model), got)
    assert set(got.times.values()) == {1}, "an alert or dead letter was raised by both"


def test_a_deployment_whose_group_was_not_carried_over_is_refused(small_scene: Scene, tmp_path: Path) -> None:
    blue = small_scene.fresh("blue")
    run_worker(blue, tmp_path / "blue.log")
    green = blue.model_copy(update={"deployment": f"{blue.deployment}-green"})
    assert verdicts(green) == {"offsets expired", "new"}
    said = refusal(green, tmp_path / "green.log")
    assert "kozamori state reset" in said
    assert "kozamori state migrate" in said


def test_a_reset_rebuilds_the_same_rows_and_raises_the_same_alerts(account_scene: Scene, tmp_path: Path) -> None:
    settings = account_scene.fresh("again")
    run_worker(settings, tmp_path / "first.log")
    first = left_in_kafka(settings, account_scene.model)
    reset(settings, "earliest")
    # Those of the first run may differ: the hop of campaigns mixed its upstreams in another order.
    recreate(settings, settings.bulletins)
    run_worker(settings, tmp_path / "second.log")
    second = left_in_kafka(settings, account_scene.model)
    assert first.alerts
    assert first.alerts == second.alerts
    assert {second.times[alert] for alert in second.alerts} == {2}
    assert first.hops == second.hops
    assert first.rows_of(ACCOUNT.name) == second.rows_of(ACCOUNT.name)
    same(offline(settings, account_scene.model), second)


def test_a_reset_rebuilds_both_stages(small_scene: Scene, tmp_path: Path) -> None:
    settings = small_scene.fresh("both")
    stop_at(settings, tmp_path / "first.log", lambda progress: progress.reached(progress.end() / 2))
    reset(settings, "earliest")
    run_worker(settings, tmp_path / "second.log")
    # Alerts of the first run may differ: the hop mixed its upstreams in another order.
    expected = offline(settings, small_scene.model)
    rows, hops = rows_and_hops(settings, small_scene.model)
    assert expected.hops == hops
    assert [] == [tp for tp, kept in expected.rows.items() if kept.tobytes() != rows[tp].tobytes()]
    assert len(expected.alerts) > 10


def test_after_a_reset_to_the_end_a_worker_has_nothing_to_do(small_scene: Scene, tmp_path: Path) -> None:
    settings = small_scene.fresh("latest")
    reset(settings, "latest")
    worker = WorkerProcess(settings, tmp_path / "worker.log")
    try:
        wait_until(lambda: verdicts(settings) == {"ok"}, "the worker took all partitions", worker)
        assert worker.stop() == 0
    finally:
        worker.close()
    assert verdicts(settings) == {"ok"}
    assert left_in_kafka(settings, small_scene.model).alerts == {}


def test_a_topic_made_anew_is_refused_until_the_state_is_reset(small_scene: Scene, tmp_path: Path) -> None:
    settings = small_scene.fresh("anew")
    stop_at(settings, tmp_path / "first.log", lambda progress: progress.reached(progress.end() / 3))
    recreate(settings, settings.account_events)
    assert verdicts(settings) == {"ok", "topic re-created"}
    assert "kozamori state reset" in refusal(settings, tmp_path / "refused.log")
    reset(settings, "earliest")
    stop_at(settings, tmp_path / "second.log", lambda _: verdicts(settings) == {"ok"})


def test_a_running_worker_keeps_its_state(small_scene: Scene, tmp_path: Path) -> None:
    settings = small_scene.fresh("running")
    worker = WorkerProcess(settings, tmp_path / "worker.log")
    try:
        wait_until(lambda: show(settings).members == 1, "the worker joins", worker)
        with pytest.raises(UserError, match="has 1 active member"):
            reset(settings, "earliest")
        assert worker.stop() == 0
    finally:
        worker.close()
    reset(settings, "earliest")
