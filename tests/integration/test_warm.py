"""`kozamori state warm` on a real Kafka: a worker over a filled deployment, and deployments that are not filled."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from kafka import KafkaConsumer
from support.chains import Sourced, one_log
from support.deployments import (
    commit,
    delete_topics,
    events,
    header,
    healthy,
    new_deployment,
    record_key,
    row_of,
    send,
)
from support.hop_order import differing_bits, hopped, log_order, sources
from support.replays import read_all, rows_and_hops
from support.scenes import Scene, make_scene
from support.shared_kafka import Cluster
from support.workers import run_worker

from detector.cli.main import cli
from detector.contract.alerts import decode_alert, encode_alert
from detector.core.alerting import Explainer
from detector.core.chains import CHAINS
from detector.core.memory import MemoryRun, Played
from detector.core.pipeline import Pipeline
from detector.core.stage import ALARM_MILLIONTHS
from detector.core.topology import Topology, topology_for
from detector.errors import UserError
from detector.jst import DAY_MS
from detector.kafka.security import client_options
from detector.ops.state import TOPOLOGY, show
from detector.settings import Settings
from detector.stream.changelog import encode_header
from detector.stream.processor import Wiring
from producers.batches import to_batches
from producers.files import write_events
from producers.publish import publish

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def one_partition(kafka: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """All stages: with one partition each there is one order for all of them."""
    return make_scene(kafka.bootstrap, tmp_path_factory.mktemp("whole"), events=6_000, partitions=1, chain=CHAINS[-1])


def halves(scene: Scene) -> tuple[pa.Table, pa.Table]:
    table = pa.concat_tables(scene.events)
    half = table.num_rows // 2
    return table.slice(0, half), table.slice(half)


def deployment(scene: Scene) -> Settings:
    settings = new_deployment(scene.bootstrap, partitions=scene.partitions)
    return settings.model_copy(update={"model": scene.model_folder, "trim_hops_s": 0})


def history_file(folder: Path, *tables: pa.Table) -> Path:
    path = folder / "history.parquet"
    write_events(path, tables)
    return path


def warm(settings: Settings, history: Path, *options: str) -> dict[str, Any]:
    """What the command says as JSON; raises what it fails with."""
    found: dict[str, Any] = json.loads(said(settings, history, *options, "--json"))
    return found


def said(settings: Settings, history: Path | None, *options: str) -> str:
    """The same for people, notes among it."""
    where = ["--bootstrap", settings.bootstrap[0], "--prefix", settings.prefix, "--deployment", settings.deployment]
    arguments = [
        "state",
        "warm",
        *([] if history is None else [str(history)]),
        *where,
        "--model",
        str(settings.model),
        *options,
    ]
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False, standalone_mode=False)
    return result.stdout if "--json" in options else result.output


def verdicts(settings: Settings) -> set[str]:
    return set(show(settings).verdicts)


def expected_of(scene: Scene, settings: Settings, topology: Topology, before: pa.Table) -> Played:
    """One run over the history and, in the order in which the worker met it, what is in the topics; no cases before."""
    wiring = Wiring(topology, scene.model, scene.partitions, (settings.account_events, settings.wallet_events))
    found = [
        Sourced(node.source, partition, record)
        for node in topology.nodes
        if node.source is not None
        for partition, records in read_all(settings, settings.input_topic(node)).items()
        for record in records
    ]
    order = log_order(settings, wiring, sources(settings, topology))
    ttl_ms = settings.ttl_days * DAY_MS
    run = MemoryRun(topology, scene.model, ttl_ms=ttl_ms)
    for batch in to_batches(before, 1_000, which="all" if scene.chain.reads_wallet_events else "account"):
        run.process(batch)
    cases = topology.node("cases")
    run.pipelines["cases"] = Pipeline(topology, cases, scene.model, ttl_ms=run.pipelines["cases"].ttl_ms)
    log = one_log(tuple(found[number] for number in order.tolist()))
    return run.process(log.batch._replace(offset=log.batch.offset + before.num_rows), log.strings)


def places_of(batch: Any) -> list[tuple[int, int, int]]:
    return list(zip(batch.origin.tolist(), batch.origin_offset.tolist(), batch.role.tolist(), strict=True))


@pytest.mark.parametrize("name", ["account_scene", "one_partition"])
def test_what_comes_after_the_history_gets_the_features_and_alerts_of_one_run_over_both(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    scene: Scene = request.getfixturevalue(name)
    settings, topology = deployment(scene), topology_for(scene.model)
    before, after = halves(scene)
    assert publish([after], client_options(settings), settings.prefix).complete
    history = history_file(tmp_path, before, after)  # as a dump is that was taken yesterday
    planned = warm(settings, history)
    assert {"new"} == verdicts(settings)
    done = warm(settings, history, "--yes")
    assert {**planned, "done": True} == done
    kept = after if scene.chain.reads_wallet_events else accounts_of(after)
    assert kept.num_rows == done["left_out"]
    assert {"ok", "new"} == verdicts(settings)
    run_worker(settings, tmp_path / "worker.log")

    played = expected_of(scene, settings, topology, before)
    wiring = Wiring(topology, scene.model, scene.partitions, (settings.account_events, settings.wallet_events))
    compared = 0
    for node in topology.nodes:
        if node.source is None and node.prepare is None:  # else the events of a node are not those of its hop
            outcome, layout = played.outcomes[node.name], wiring.codecs[node.name].layout
            index = {place: row for row, place in enumerate(places_of(outcome.events.batch))}
            met: list[int] = []
            for partition in range(scene.partitions):
                for found in hopped(settings, wiring, node, partition):
                    rows = [index[place] for place in places_of(found.batch)]
                    met += rows
                    scored, which = np.isin(found.batch.kind, layout.kinds), list(layout.features)
                    X = outcome.events.X[rows][scored][:, which]
                    assert 0 == differing_bits(X, np.ascontiguousarray(found.X[scored][:, which]))
                    compared += X.size
                    if node.raises:
                        alarms = outcome.events.facts[rows][:, ALARM_MILLIONTHS]
                        assert alarms.tolist() == found.facts[:, ALARM_MILLIONTHS].tolist()
            assert sorted(met) == list(range(outcome.events.size))
    assert compared > 10_000
    cases = played.cases
    topics = settings.account_events, settings.wallet_events
    alerts = {
        one.alert_id: encode_alert(one)
        for one in Explainer(scene.model, topology.chain, topics).explain(cases.events, cases.raised)
    }
    on_bus = [record.value for records in read_all(settings, settings.alerts).values() for record in records]
    assert alerts == {decode_alert(value).alert_id: value for value in on_bus}
    assert len(alerts) > 10


def accounts_of(table: pa.Table) -> pa.Table:
    return table.filter(np.isin(table["kind"].to_numpy(zero_copy_only=False).astype(str), ("link", "unlink", "debit")))


def half_warm(settings: Settings) -> None:
    """What is left of one that was interrupted: some rows of another history among it."""
    for node in TOPOLOGY.nodes:
        if node.stage is not None:
            begun = encode_header(msgspec.structs.replace(header(settings, node), warming=True))
            rows = [(record_key(1, 5), row_of(node.stage))]
            send(settings, settings.rows_topic(node.name), {part: [begun, *rows] for part in range(2)})


def test_an_interrupted_one_is_told_of_and_can_be_run_again(account_scene: Scene, tmp_path: Path) -> None:
    settings = deployment(account_scene)
    before, _ = halves(account_scene)
    fresh = warm(deployment(account_scene), history_file(tmp_path, before), "--yes")
    half_warm(settings)
    assert {"half warm", "new"} == verdicts(settings)
    planned = warm(settings, tmp_path / "history.parquet")
    assert planned["again"]
    assert {"half warm", "new"} == verdicts(settings)
    told = said(settings, tmp_path / "history.parquet")
    assert "would remove what an interrupted one had left" in told
    assert "nothing was changed: run again with --yes" in told
    done = warm(settings, tmp_path / "history.parquet", "--yes")
    assert [stage["rows"] for stage in fresh["stages"]] == [stage["rows"] for stage in done["stages"]]
    found = {stage.stage: stage for stage in show(settings).stages}
    assert sum(done["stages"][0]["rows"].values()) == found["account"].rows > 100
    assert ({"ok", "new"}, 0) == (verdicts(settings), found["cases"].rows)


def test_to_the_latest_a_worker_begins_behind_what_is_there(account_scene: Scene, tmp_path: Path) -> None:
    settings = deployment(account_scene)
    before, after = halves(account_scene)
    assert publish([after], client_options(settings), settings.prefix).complete
    done = warm(settings, history_file(tmp_path, before, after), "--to", "latest", "--yes")
    assert done["left_out"] == 0
    (accounts,) = (stage for stage in show(settings).stages if stage.stage == "account")
    assert {("ok", 0)} == {(part.verdict, part.lag) for part in accounts.partitions}
    assert accounts_of(after).num_rows == sum(part.committed or 0 for part in accounts.partitions)


def misplaced(settings: Settings) -> None:
    """An event of 16 zeros in a partition each: one of them is not that of its key."""
    value = (
        b'{"event_id":"e1","kind":"unlink","occurred_at_ms":1598886300000,"service":"paypay","wallet":"w1",'
        b'"wallet_opened_at_ms":1598886200000,"wallet_verified":false,"source":"","bank":"0116",'
        b'"account":"0000000000000000"}'
    )
    send(settings, settings.account_events, {part: [(b"0" * 16, value)] for part in range(2)})


def test_a_deployment_filled_from_its_topics_goes_on_exactly_where_they_ended(
    account_scene: Scene, tmp_path: Path
) -> None:
    settings, topology = deployment(account_scene), topology_for(account_scene.model)
    before, after = halves(account_scene)
    assert publish([before], client_options(settings), settings.prefix).complete
    send(settings, settings.account_events, {0: [(b"0" * 16, b"{")]})
    done = json.loads(said(settings, None, "--from-topics", "--yes", "--json"))
    assert (accounts_of(before).num_rows, 1) == (done["events"], done["unreadable"])
    begins = {int(partition): offset for partition, offset in done["stages"][0]["begin_at"].items()}
    assert accounts_of(before).num_rows + 1 == sum(begins.values())
    assert publish([after], client_options(settings), settings.prefix).complete
    run_worker(settings, tmp_path / "worker.log")

    run = MemoryRun(topology, account_scene.model, ttl_ms=400 * DAY_MS)
    for batch in to_batches(before, 1_000, which="account"):
        run.process(batch)
    run.pipelines["cases"] = Pipeline(topology, topology.node("cases"), account_scene.model, ttl_ms=400 * DAY_MS)
    log = one_log(
        tuple(
            Sourced(0, partition, record)
            for partition, records in read_all(settings, settings.account_events).items()
            for record in records
            if record.offset >= begins[partition]
        )
    )
    cases = run.process(log.batch._replace(offset=log.batch.offset + before.num_rows), log.strings).cases
    topics = settings.account_events, settings.wallet_events
    explained = Explainer(account_scene.model, topology.chain, topics).explain(cases.events, cases.raised)
    on_bus = [record.value for records in read_all(settings, settings.alerts).values() for record in records]
    assert sorted(map(encode_alert, explained)) == sorted(on_bus)
    assert len(on_bus) > 10
    rows, _ = rows_and_hops(settings, account_scene.model)
    expected = run.pipelines["account"].rows.snapshot()
    found = np.concatenate([rows["account", partition] for partition in begins])
    for kept in (expected, found):  # where in its log an event lies is another matter
        kept["last_offset"], kept["last_index"] = 0, 0
    assert expected.tobytes() == found[np.argsort(found["key"])].tobytes()


REFUSED: dict[str, tuple[Callable[[Settings], object], str]] = {
    "rows": (healthy, r"is not empty .*begin anew with `kozamori state reset`"),
    "offsets": (lambda settings: commit(settings, 0), "is not empty"),
    "a hop": (lambda settings: events(settings, 1, topic=settings.hop_topic("cases")), r"is not empty .* 1 messages"),
    "a topic": (
        lambda settings: delete_topics(settings, settings.rows_topic("cases")),
        r"has no topic .*rows\.cases: run",
    ),
    "other partitions": (misplaced, "does not use Kafka's own partitioner"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_is_not_empty_or_does_not_fit_is_refused(why: str, account_scene: Scene, tmp_path: Path) -> None:
    settings = deployment(account_scene)
    before, _ = halves(account_scene)
    happen, said = REFUSED[why]
    happen(settings)
    with pytest.raises(UserError, match=said):
        warm(settings, history_file(tmp_path, before), "--yes")


def test_nothing_is_written_under_a_running_worker(account_scene: Scene, tmp_path: Path) -> None:
    settings = deployment(account_scene)
    before, _ = halves(account_scene)
    member = KafkaConsumer(settings.account_events, bootstrap_servers=list(settings.bootstrap), group_id=settings.group)
    try:
        while not member.assignment():
            member.poll(200)
        with pytest.raises(UserError, match="has 1 active member"):
            warm(settings, history_file(tmp_path, before), "--yes")
    finally:
        member.close(autocommit=False)
    assert {"new"} == verdicts(settings)


def test_a_history_that_the_log_has_whole_is_refused(account_scene: Scene, tmp_path: Path) -> None:
    settings = deployment(account_scene)
    before, _ = halves(account_scene)
    assert publish([before], client_options(settings), settings.prefix).complete
    with pytest.raises(UserError, match="is older than the log"):
        warm(settings, history_file(tmp_path, before), "--yes")
