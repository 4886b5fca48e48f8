"""What a worker cannot start with: one line that says what and what to do, exit status 2, soon."""

import hashlib
import json
import shutil
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from kafka import KafkaConsumer
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.structs import OffsetAndMetadata
from support.deployments import add_partitions, recreate
from support.models import make_draft
from support.replays import left_in_kafka, offline, same
from support.scenes import Scene
from support.stopped import stop_half_way
from support.workers import Progress, WorkerProcess, wait_until

from detector.artifact import ARRAYS, MANIFEST, write_model
from detector.cli.main import cli, run
from detector.core.stages.account import ACCOUNT
from detector.kafka.clients import admin_client
from detector.kafka.groups import UNNAMED, commit_offsets, committed_offsets, delete_group
from detector.settings import Settings

#: A slow machine's start, and the interval at which a worker looks at its topics.
SOON_S = 40.0


def refusal(settings: Settings, log: Path, **changes: object) -> str:
    """The one line with which a worker refuses to start."""
    worker = WorkerProcess(settings, log, **changes)
    try:
        started = time.monotonic()
        status = worker.process.wait(2 * SOON_S)
        text = log.read_text("utf-8")
        assert status == 2, text
        assert time.monotonic() - started < SOON_S
    finally:
        worker.close()
    assert "Traceback" not in text
    lines = [line for line in text.splitlines() if not line.startswith("{")]
    assert [line for line in lines if line.startswith("kozamori: ")] == lines, text
    assert len(lines) == 1, text
    assert not [line for line in worker.lines() if line["level"] in {"error", "critical"}], text
    return lines[0]


@pytest.fixture(scope="module")
def deployed(small_scene: Scene) -> Settings:
    """Topics that fit, for refusals that leave them as they are."""
    return replace(small_scene, events=()).fresh("refused")


def damaged(model: Path, folder: Path) -> Path:
    copy = shutil.copytree(model, folder / "damaged")
    content = bytearray((copy / ARRAYS).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / ARRAYS).write_bytes(content)
    return copy


def without_manifest(model: Path, folder: Path) -> Path:
    copy = shutil.copytree(model, folder / "torn")
    (copy / MANIFEST).unlink()
    return copy


def of_other_features(_model: Path, folder: Path) -> Path:
    write_model(folder / "other", make_draft())
    return folder / "other"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda _model, folder: folder / "nowhere", ("no such model folder", "kozamori train -o")),
        (without_manifest, ("manifest.json is missing", "copy the folder again")),
        (damaged, ("arrays.npz is damaged", "copy it again or train it again with `kozamori train`")),
        (of_other_features, ("made for features", "train it again", "or run the release it was made with")),
    ],
    ids=["missing", "torn", "damaged", "of other features"],
)
def test_a_model_that_does_not_fit_is_refused(
    deployed: Settings, tmp_path: Path, spoil: Callable[[Path, Path], Path], said: tuple[str, ...]
) -> None:
    assert deployed.model is not None
    model = spoil(deployed.model, tmp_path)
    line = refusal(deployed, tmp_path / "log", model=model)
    assert str(model) in line
    assert [] == [text for text in said if text not in line]


def test_a_worker_without_a_model_says_how_to_get_one(deployed: Settings, tmp_path: Path) -> None:
    line = refusal(deployed.model_copy(update={"model": None}), tmp_path / "log")
    assert "setting model: got nothing" in line
    assert "kozamori train" in line


IMPOSSIBLE: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
    "no topics": ({"prefix": "never-made."}, ("no topic never-made.account-events", "run `kozamori topics create")),
    "too few partitions": ({"partitions": 3}, ("has 2 partitions, expected at least 3", "start with --partitions 2")),
    "heartbeat": ({"heartbeat_s": 9}, ("setting heartbeat_s: got '9', expected at most a third of session_timeout_s",)),
    "no number": ({"checkpoint_interval_ms": "soon"}, ("checkpoint_interval_ms", "got 'soon'", "from 50 to 60000")),
    "no port": ({"bootstrap": "127.0.0.1"}, ("setting bootstrap", "expected host:port")),
    "no such authority": ({"tls_ca": "/nowhere.pem"}, ("setting tls_ca: /nowhere.pem", "No such file")),
    "half of SASL": ({"sasl_mechanism": "PLAIN"}, ("sasl_mechanism, sasl_username and sasl_password_file together",)),
}


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_what_cannot_work_is_refused(deployed: Settings, tmp_path: Path, what: str) -> None:
    changes, said = IMPOSSIBLE[what]
    line = refusal(deployed, tmp_path / "log", **changes)
    assert [] == [text for text in said if text not in line], line


def test_a_port_in_use_is_refused(deployed: Settings, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refusal(deployed, tmp_path / "log", metrics_port=port)
    assert f"127.0.0.1:{port}" in line
    assert "set metrics_host and metrics_port (0 takes a free one)" in line


def more_partitions(settings: Settings, committed: dict[int, int]) -> None:
    add_partitions(settings, len(committed) + 1, settings.account_events, settings.wallet_events)


def lose_offsets(settings: Settings, _committed: dict[int, int]) -> None:
    with admin_client(settings) as client:
        delete_group(client, settings.group)


def commit_as_another_program(settings: Settings, committed: dict[int, int]) -> None:
    with admin_client(settings) as client:
        assert committed_offsets(client, settings.group, settings.account_events)
        offsets = {partition: OffsetAndMetadata(offset, "", -1) for partition, offset in committed.items()}
        commit_offsets(client, settings.group, settings.account_events, offsets)


def commit_beyond(settings: Settings, committed: dict[int, int]) -> None:
    with admin_client(settings) as client:
        stored = committed_offsets(client, settings.group, settings.account_events)
        offsets = {part: OffsetAndMetadata(10_000_000, stored[part].metadata, -1) for part in committed}
        commit_offsets(client, settings.group, settings.account_events, offsets)


FAULTS: dict[str, tuple[Callable[[Settings, dict[int, int]], None], str]] = {
    "topic re-created": (lambda settings, _: recreate(settings, settings.account_events), "the topic was re-created"),
    "partitions added": (more_partitions, "has 2 partitions, expected 3"),
    "changelog gone": (
        lambda settings, _: recreate(settings, settings.rows_topic(ACCOUNT.name)),
        "the changelog of its rows is gone",
    ),
    "offsets gone": (lose_offsets, "the group has no committed offset"),
    "another program's offsets": (commit_as_another_program, "another program committed it"),
    "offset beyond the log": (commit_beyond, "is outside the log"),
}


def finish(settings: Settings, log: Path) -> None:
    """A worker that processes all there is, and is stopped in order."""
    worker, progress = WorkerProcess(settings, log), Progress(settings)
    try:
        wait_until(progress.finished, "all is committed", worker)
        assert worker.stop() == 0
    finally:
        worker.close()
        progress.close()


#: Where the log itself has changed, what a worker makes of it is looked at as well.
REBUILT = ("partitions added",)


@pytest.mark.parametrize("fault", FAULTS)
def test_state_that_no_longer_fits_the_log_is_refused_until_it_is_reset(
    small_scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    happen, said = FAULTS[fault]
    scene = small_scene if fault in REBUILT else replace(small_scene, events=small_scene.events[:1])
    settings = scene.fresh("faulty")
    happen(settings, stop_half_way(settings, scene.model))
    line = refusal(settings, tmp_path / "refused.log")
    assert said in line
    assert "`kozamori state " in line
    where = ["--bootstrap", settings.bootstrap[0], "--prefix", settings.prefix, "--deployment", settings.deployment]
    assert run(cli, ["state", "show", *where, "--json"]) == 1
    assert run(cli, ["state", "reset", *where, "--yes", "--json"]) == 0
    assert run(cli, ["state", "show", *where, "--json"]) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [True] == [found["done"] for found in shown if "done" in found]
    assert {"new"} == {partition["verdict"] for partition in shown[-1]["partitions"]}
    if fault in REBUILT:
        assert_rebuilt(settings, small_scene, tmp_path / "again.log")


def assert_rebuilt(settings: Settings, scene: Scene, log: Path) -> None:
    """A worker that starts now gives the right result of the log."""
    finish(settings, log)
    same(offline(settings, scene.model), left_in_kafka(settings, scene.model))


def test_a_running_worker_notices_when_its_topics_are_deleted_made_anew_or_get_more_partitions(
    small_scene: Scene, tmp_path: Path
) -> None:
    empty = replace(small_scene, events=())
    added, deleted, anew = (empty.fresh(name) for name in ("added", "deleted", "anew"))
    workers = [WorkerProcess(settings, tmp_path / f"{settings.prefix}log") for settings in (added, deleted, anew)]
    try:
        wait_until(lambda: all(holds_partitions(worker) for worker in workers), "they hold partitions", *workers)
        more_partitions(added, {0: 0, 1: 0})
        with admin_client(deleted) as client:
            client.delete_topics([deleted.account_events])
        recreate(anew, anew.rows_topic(ACCOUNT.name))
        assert [2, 2, 2] == [worker.process.wait(SOON_S) for worker in workers]
    finally:
        for worker in workers:
            worker.close()
    said = [worker.log.read_text("utf-8").splitlines()[-1] for worker in workers]
    assert "has 2 partitions, expected 3" in said[0]
    assert f"Kafka has no topic {deleted.account_events}" in said[1]
    assert f"topic {anew.rows_topic(ACCOUNT.name)} was" in said[2]
    assert "while the worker used it" in said[2]


def holds_partitions(worker: WorkerProcess) -> bool:
    return "partition taken" in worker.log.read_text("utf-8")


NAME = "worker-0"


def take_name(settings: Settings) -> KafkaConsumer:
    """Another program joins the worker's group under its static name."""
    member = KafkaConsumer(
        settings.account_events,
        bootstrap_servers=list(settings.bootstrap),
        group_id=settings.group,
        group_instance_id=NAME,
        enable_auto_commit=False,
        partition_assignment_strategy=[RoundRobinPartitionAssignor],
    )
    member.poll(200)
    return member


def test_a_static_name_belongs_to_one_worker_and_who_loses_it_says_to_whom(small_scene: Scene, tmp_path: Path) -> None:
    settings = replace(small_scene, events=()).fresh("static").model_copy(update={"static_member": NAME})
    worker = WorkerProcess(settings, tmp_path / "worker.log")
    try:
        wait_until(lambda: holds_partitions(worker), "it holds partitions", worker)
        line = refusal(settings, tmp_path / "second.log")
        assert f"setting static_member: {NAME} is the name of another running worker" in line
        assert f"-{worker.process.pid}: give every worker of a deployment a name of its own" in line
        assert worker.running
        member = take_name(settings)
        try:
            assert 2 == worker.process.wait(SOON_S)
        finally:
            member.close(autocommit=False)
    finally:
        worker.close()
    assert f"is the name of another running worker, {UNNAMED}" in worker.log.read_text("utf-8").splitlines()[-1]


def with_twice_the_budget(model: Path, folder: Path) -> Path:
    copy = shutil.copytree(model, folder / "other-model")
    manifest = json.loads((copy / MANIFEST).read_text("utf-8"))
    (copy / MANIFEST).write_text(json.dumps(manifest | {"budget": 2 * manifest["budget"], "seal": ""}), "utf-8")
    return copy


def test_a_second_model_in_a_deployment_is_refused_unless_it_names_the_one_it_replaces(
    small_scene: Scene, tmp_path: Path
) -> None:
    settings = replace(small_scene, events=()).fresh("models")
    assert settings.model is not None
    models = [settings.model, with_twice_the_budget(settings.model, tmp_path)]
    # At once: neither sees the other before it joins, or one does.
    workers = [WorkerProcess(settings, tmp_path / f"{number}.log", model=each) for number, each in enumerate(models)]
    try:
        wait_until(lambda: sum(worker.running for worker in workers) < 2, "one of them ends")
        stays = next(number for number in (0, 1) if workers[number].running)
        running, other = number_of(models[stays]), models[1 - stays]
        assert 2 == workers[1 - stays].process.returncode
        assert f"--replaces-model {running}" in workers[1 - stays].log.read_text("utf-8").splitlines()[-1]
        wait_until(lambda: holds_partitions(workers[stays]), "the other one holds partitions", workers[stays])
        line = refusal(settings, tmp_path / "second.log", model=other)
        assert f"run {running} (" in line
        assert f"-{workers[stays].process.pid})" in line
        workers.append(WorkerProcess(settings, tmp_path / "third.log", model=other, replaces_model=running))
        both = workers[stays], workers[2]
        wait_until(lambda: all(map(holds_partitions, both)), "the new one has partitions, beside the old", *both)
        # Nor does a worker write where it starts, which may be read-only.
        logs = {"0.log", "1.log", "second.log", "third.log"}
        assert logs == {path.name for path in tmp_path.iterdir()} - {models[1].name}
    finally:
        for worker in workers:
            worker.close()


def number_of(model: Path) -> str:
    """By which a worker names a model."""
    return hashlib.sha256((model / MANIFEST).read_bytes()).hexdigest()[:12]
