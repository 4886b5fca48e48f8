"""A state exported and imported: other topics, other partitions, another name; alerts go on as if nothing happened."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from support.chains import Sourced, one_log
from support.deployments import add_partitions, events, new_deployment
from support.hops import record
from support.replays import read_all, rows_and_hops
from support.scenes import Scene
from support.workers import run_worker

from detector.cli.main import cli
from detector.contract.alerts import encode_alert
from detector.contract.vocabulary import ACCOUNT_EVENTS
from detector.core.alerting import Explainer
from detector.core.memory import MemoryRun
from detector.core.topology import topology_for
from detector.errors import UserError
from detector.jst import DAY_MS
from detector.kafka.security import client_options
from detector.ops.reset import reset
from detector.ops.state import show
from detector.settings import Settings
from producers.batches import to_batches
from producers.publish import messages_of, publish

pytestmark = pytest.mark.timeout(400)

#: Where in a log an event or a case's first one lies differs.
WHERE = ("alert_id", "case_id", "position")


def state(settings: Settings, command: str, folder: Path, *options: str) -> dict[str, Any]:
    """What a command says as JSON; raises what it fails with."""
    where = ["--bootstrap", settings.bootstrap[0], "--prefix", settings.prefix, "--deployment", settings.deployment]
    arguments = ["state", command, str(folder), *where, *options, "--json"]
    result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def deployment(scene: Scene, partitions: int) -> Settings:
    settings = new_deployment(scene.bootstrap, partitions=partitions)
    return settings.model_copy(update={"model": scene.model_folder, "trim_hops_s": 0})


def produced(settings: Settings, *tables: pa.Table) -> None:
    assert publish(tables, client_options(settings), settings.prefix).complete


def halves(scene: Scene) -> tuple[pa.Table, pa.Table]:
    table = pa.concat_tables(scene.events)
    half = table.num_rows // 2
    return table.slice(0, half), table.slice(half)


@pytest.fixture(scope="module")
def exported(account_scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Path]:
    """A deployment of four partitions whose worker has read the first half, and its state in a folder."""
    folder = tmp_path_factory.mktemp("exported")
    settings = deployment(account_scene, 4)
    produced(settings, halves(account_scene)[0])
    run_worker(settings, folder / "worker.log")
    done = state(settings, "export", folder / "state")
    assert 0 == done["unread"]
    assert done["rows"]["account"] > 100
    return settings, folder / "state"


def content(alert: bytes) -> str:
    return json.dumps({name: value for name, value in json.loads(alert).items() if name not in WHERE})


def same_as_uninterrupted(scene: Scene, settings: Settings, alerts_before: frozenset[bytes] = frozenset()) -> None:
    """Rows and further alerts of the deployment after the second half are those of one run over both."""
    topology, topics = topology_for(scene.model), (settings.account_events, settings.wallet_events)
    run, (before, after) = MemoryRun(topology, scene.model, ttl_ms=400 * DAY_MS), halves(scene)
    for batch in to_batches(before, 1_000, which="account"):
        run.process(batch)
    sent = messages_of(after, (topics[0], 1), (topics[1], 1))
    log = one_log(
        tuple(
            Sourced(ACCOUNT_EVENTS, 0, record(value, offset, key))
            for offset, (topic, value, key) in enumerate(zip(sent.topics, sent.values, sent.keys, strict=True))
            if topic == topics[0]
        )
    )
    cases = run.process(log.batch._replace(offset=log.batch.offset + before.num_rows), log.strings).cases
    explained = Explainer(scene.model, topology.chain, topics).explain(cases.events, cases.raised)
    alerts = sorted(content(encode_alert(alert)) for alert in explained)
    assert alerts == sorted(content(value) for value in alerts_of(settings) - alerts_before)
    assert len(alerts) > 10
    expected, (rows, _) = run.pipelines["account"].rows.snapshot(), rows_and_hops(settings, scene.model)
    found = np.concatenate([kept for (node, _), kept in rows.items() if node == "account"])
    for kept in (expected, found):
        kept["last_offset"], kept["last_index"] = 0, 0
    assert expected.tobytes() == found[np.argsort(found["key"])].tobytes()


def alerts_of(settings: Settings) -> frozenset[bytes]:
    return frozenset(one.value for records in read_all(settings, settings.alerts).values() for one in records)


def test_in_other_topics_with_more_partitions_alerts_and_rows_are_those_of_one_run(
    account_scene: Scene, exported: tuple[Settings, Path], tmp_path: Path
) -> None:
    _, folder = exported
    settings = deployment(account_scene, 8)
    planned = state(settings, "import", folder)
    assert {"new"} == set(show(settings).verdicts)
    done = state(settings, "import", folder, "--yes")
    assert {**planned, "done": True} == done
    assert (4, 8, 0) == (done["was"], done["partitions"], done["copies"])
    produced(settings, halves(account_scene)[1])
    run_worker(settings, tmp_path / "worker.log")
    same_as_uninterrupted(account_scene, settings)


def test_in_a_mirror_a_worker_goes_on_behind_the_last_event_that_the_state_has(
    account_scene: Scene, exported: tuple[Settings, Path]
) -> None:
    _, folder = exported
    settings = deployment(account_scene, 4)
    produced(settings, halves(account_scene)[0])
    ends = {part.partition: part.log_end for part in show(settings).partitions}
    produced(settings, halves(account_scene)[1])
    begins = state(settings, "import", folder)["begin_at"][settings.account_events]
    assert ends == {int(number): at for number, at in begins.items()}
    other = deployment(account_scene, 3)
    produced(other, halves(account_scene)[0])
    with pytest.raises(UserError, match=r"has events that the state has too, in 3 partitions instead of 4"):
        state(other, "import", folder)


def test_what_is_not_at_rest_is_not_exported(account_scene: Scene, tmp_path: Path) -> None:
    settings = deployment(account_scene, 2)
    with pytest.raises(UserError, match="has read no event yet"):
        state(settings, "export", tmp_path / "state")
    events(settings, 1, topic=settings.hop_topic("cases"))
    with pytest.raises(UserError, match="stage cases, partition 0 has 1 messages unread: let its worker read on"):
        state(settings, "export", tmp_path / "state")
    assert not (tmp_path / "state").exists()


def test_a_damaged_folder_or_a_deployment_in_use_is_refused(
    account_scene: Scene, exported: tuple[Settings, Path], tmp_path: Path
) -> None:
    settings, folder = exported
    with pytest.raises(UserError, match="is not empty"):
        state(settings, "import", folder)
    with pytest.raises(UserError, match="exists already"):
        state(settings, "export", folder)
    copied = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copied / "account.0.rows").write_bytes((folder / "account.0.rows").read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match=r"account\.0\.rows is damaged"):
        state(deployment(account_scene, 2), "import", copied)
    with pytest.raises(UserError, match="give the folder that"):
        state(deployment(account_scene, 2), "import", tmp_path / "none")


def test_in_the_same_topics_partitions_may_be_added(
    account_scene: Scene, exported: tuple[Settings, Path], tmp_path: Path
) -> None:
    settings, folder = exported
    before = alerts_of(settings)
    add_partitions(settings, 8, settings.account_events, settings.wallet_events)
    reset(settings, "latest")
    green = settings.model_copy(update={"partitions": 8, "deployment": f"{settings.deployment}-green"})
    committed = {part.partition: part.log_end for part in show(settings).partitions}
    done = state(green, "import", folder, "--yes")
    assert committed == {int(number): at for number, at in done["begin_at"][settings.account_events].items()}
    produced(green, halves(account_scene)[1])
    run_worker(green, tmp_path / "worker.log")
    same_as_uninterrupted(account_scene, green, before)
