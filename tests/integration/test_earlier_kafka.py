"""A worker on the Kafka before this one, killed and started again; `make test-earlier` runs all these tests on it."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.brokers import local_kafka
from support.checker import check
from support.scenes import Scene
from support.workers import WorkerProcess, run_worker, wait_until

from detector.local_kafka.jars import EARLIER_VERSION

#: A broker and two workers of its own, and everything is compared twice.
pytestmark = pytest.mark.timeout(300)


def test_a_worker_that_is_killed_and_started_again_leaves_what_the_checker_wants_on_the_kafka_before(
    small_scene: Scene, tmp_path: Path
) -> None:
    with local_kafka(version=EARLIER_VERSION) as broker:
        scene = replace(small_scene, bootstrap=broker.bootstrap)
        settings = scene.fresh("earlier")
        killed = WorkerProcess(settings, tmp_path / "killed.log", static_member="a")
        wait_until(lambda: "partition taken" in killed.log.read_text("utf-8"), "it has partitions", killed)
        killed.kill()
        killed.close()
        run_worker(settings, tmp_path / "worker.log", static_member="a")
        print(check(settings, scene.model))
        replace(scene, events=(scene.events[0].slice(0, 1),)).fill(settings)
        with pytest.raises(AssertionError):
            check(settings, scene.model)
