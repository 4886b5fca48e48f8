"""The `state` commands on what workers left of every stage; the real ones are in `test_worker_and_state`."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from kafka import KafkaConsumer
from support.deployments import (
    PARTITIONS,
    WATERMARK_MS,
    add_partitions,
    commit,
    configure,
    delete_records,
    delete_topics,
    events,
    header,
    healthy,
    new_deployment,
    record_key,
    recreate,
    rows,
    send,
)
from support.shared_kafka import Cluster

from detector.cli.main import cli, run
from detector.errors import UserError
from detector.kafka.clients import admin_client
from detector.kafka.groups import all_offsets, delete_group
from detector.kafka.topics import check, inspect
from detector.ops.migrate import move, plan_move
from detector.ops.reset import plan, reset
from detector.ops.state import TOPOLOGY, show
from detector.settings import Settings

ACCOUNT, FORWARDER, WALLET, CASES = (TOPOLOGY.node(name) for name in ("account", "wallet-events", "wallet", "cases"))
SOURCES = [node for node in TOPOLOGY.nodes if node.source is not None]
BEHIND_HOPS = [node for node in TOPOLOGY.nodes if node.source is None]
WITH_ROWS = [node for node in TOPOLOGY.nodes if node.stage is not None]


@pytest.fixture
def settings(kafka: Cluster) -> Settings:
    return new_deployment(kafka.bootstrap)


def verdicts(settings: Settings) -> set[str]:
    return set(show(settings).verdicts)


def by_stage(settings: Settings) -> dict[str, set[str]]:
    """Verdicts of the stages that are not simply fine."""
    found = {stage.stage: {part.verdict for part in stage.partitions} for stage in show(settings).stages}
    return {stage: names for stage, names in found.items() if names != {"ok"}}


def renamed(settings: Settings) -> Settings:
    return settings.model_copy(update={"deployment": f"{settings.deployment}-new"})


def flags(settings: Settings) -> list[str]:
    deployment = ["--deployment", settings.deployment]
    return ["--bootstrap", settings.bootstrap[0], "--prefix", settings.prefix, *deployment, "--json"]


@contextmanager
def a_worker_running(settings: Settings) -> Iterator[None]:
    member = KafkaConsumer(settings.account_events, bootstrap_servers=list(settings.bootstrap), group_id=settings.group)
    try:
        while not member.assignment():
            member.poll(200)
        yield
    finally:
        member.close(autocommit=False)


def test_a_deployment_that_never_ran_is_new(settings: Settings) -> None:
    assert {"new"} == verdicts(settings)


def test_a_healthy_deployment_shows_what_a_worker_left_in_every_stage(settings: Settings) -> None:
    healthy(settings)
    found = show(settings)
    for node, stage in zip(TOPOLOGY.nodes, found.stages, strict=True):
        assert (node.name, settings.input_topic(node)) == (stage.stage, stage.topic)
        kept = 0 if node.stage is None else 2
        assert (8, kept * PARTITIONS) == (stage.lag, stage.rows)
        assert [0, 1] == [partition.partition for partition in stage.partitions]
        for partition in stage.partitions:
            assert (6, 0, 10, 4) == (partition.committed, partition.log_start, partition.log_end, partition.lag)
            assert (WATERMARK_MS, kept, kept) == (partition.watermark_ms, partition.rows, partition.writers)
            assert (header(settings, node) if kept else None) == partition.header
            assert partition.verdict == "ok"


def lose_offsets(settings: Settings) -> None:
    with admin_client(settings) as client:
        delete_group(client, settings.group)


FAULTS: dict[str, tuple[Callable[[Settings], None], dict[str, set[str]]]] = {
    "retention": (lambda settings: delete_records(settings, [8, 8]), {"account": {"events expired"}}),
    "accounts re-created": (
        lambda settings: recreate(settings, settings.account_events),
        {"account": {"topic re-created"}},
    ),
    # Kafka deletes a topic's offsets with it: only the next stage remembers that there were any.
    "wallets re-created": (
        lambda settings: recreate(settings, settings.wallet_events),
        {"wallet-events": {"offsets gone"}},
    ),
    "hop re-created": (
        lambda settings: recreate(settings, settings.hop_topic("wallet")),
        {"wallet": {"topic re-created"}},
    ),
    "rows re-created": (
        lambda settings: recreate(settings, settings.rows_topic("cases")),
        {"cases": {"header missing"}},
    ),
    "topic deleted": (
        lambda settings: delete_topics(settings, settings.hop_topic("cases")),
        {"cases": {"topic missing"}},
    ),
    "offset too far": (lambda settings: commit(settings, 11, nodes=[FORWARDER]), {"wallet-events": {"beyond the log"}}),
    "another program": (
        lambda settings: commit(settings, 6, metadata="other", nodes=[CASES]),
        {"cases": {"foreign offsets"}},
    ),
    "another kernel": (
        lambda settings: send(settings, settings.rows_topic("wallet"), {1: [(record_key(9, 9), b"row")]}),
        {"wallet": {"ok", "other rows"}},
    ),
    "partitions added": (
        lambda settings: add_partitions(settings, PARTITIONS + 1, settings.account_events),
        {"account": {"partitions added", "new"}} | {node.name: {"partitions added"} for node in BEHIND_HOPS},
    ),
    "offsets gone": (
        lose_offsets,
        {node.name: {"new" if node.stage is None else "offsets expired"} for node in TOPOLOGY.nodes},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_happened_to_a_stage_is_named(settings: Settings, fault: str) -> None:
    happen, expected = FAULTS[fault]
    healthy(settings)
    happen(settings)
    assert expected == by_stage(settings)


def test_a_worker_of_fewer_stages_leaves_the_others_new(settings: Settings) -> None:
    for node in (ACCOUNT, CASES):
        events(settings, 10, topic=settings.input_topic(node))
        rows(settings, node, {part: [(1, 7)] for part in range(PARTITIONS)})
    commit(settings, 6, nodes=[ACCOUNT, CASES])
    assert {node.name: {"new"} for node in TOPOLOGY.nodes if node not in (ACCOUNT, CASES)} == by_stage(settings)
    assert show(settings).startable


def test_a_missing_input_topic_is_one_line(kafka: Cluster) -> None:
    with pytest.raises(UserError, match=r"has no topic none\.account-events"):
        show(Settings(bootstrap=(kafka.bootstrap,), prefix="none."))


def test_a_reset_to_the_earliest_event_leaves_a_new_deployment(settings: Settings) -> None:
    healthy(settings)
    delete_records(settings, [2, 2])
    done = reset(settings, "earliest")
    committed, start = {0: 6, 1: 6}, {0: 0, 1: 0}
    expected = {node.name: (committed, 20, 8, start, 0) for node in BEHIND_HOPS}
    expected |= {"account": (committed, 0, 8, {0: 2, 1: 2}, 16), "wallet-events": (committed, 0, 0, start, 20)}
    assert expected == {
        stage.stage: (stage.committed, stage.dropped, stage.rows_records, stage.begin_at, stage.to_read)
        for stage in done.stages
    }
    assert done.events_to_read == 36
    for node, stage in zip(TOPOLOGY.nodes, show(settings).stages, strict=True):
        assert [("new", 0, None)] * 2 == [(part.verdict, part.rows, part.committed) for part in stage.partitions]
        assert stage.lag == {"account": 16, "wallet-events": 20}.get(node.name, 0)
    check(settings, inspect(settings))


def test_a_reset_to_the_latest_event_passes_over_what_is_there(settings: Settings) -> None:
    healthy(settings)
    assert reset(settings, "latest").events_to_read == 0
    expected = {
        node.name: ("ok", 0, 10, 0) if node.source is not None else ("new", 0, None, 0) for node in TOPOLOGY.nodes
    }
    for stage in show(settings).stages:
        found = [(part.verdict, part.rows, part.committed, part.lag) for part in stage.partitions]
        assert [expected[stage.stage]] * 2 == found


def test_a_reset_mends_added_partitions(settings: Settings) -> None:
    healthy(settings)
    add_partitions(settings, PARTITIONS + 1, *(settings.input_topic(node) for node in SOURCES))
    reset(settings, "earliest")
    assert {"new"} == verdicts(settings)
    check(settings, inspect(settings))


#: What a reset does, step by step.
STEPS: tuple[Callable[[Settings], None], ...] = (
    lose_offsets,
    lambda settings: delete_topics(settings, *(settings.input_topic(node) for node in BEHIND_HOPS)),
    lambda settings: delete_topics(settings, *(settings.rows_topic(node.name) for node in WITH_ROWS)),
)


@pytest.mark.parametrize("steps", range(1, len(STEPS) + 1))
def test_an_interrupted_reset_lets_no_worker_start_and_can_be_run_again(settings: Settings, steps: int) -> None:
    healthy(settings)
    for step in STEPS[:steps]:
        step(settings)
    assert not show(settings).startable
    reset(settings, "earliest")
    assert {"new"} == verdicts(settings)
    check(settings, inspect(settings))


@pytest.mark.parametrize(
    "topic", [lambda s: s.rows_topic("account"), lambda s: s.hop_topic("wallet")], ids=["rows", "hop"]
)
def test_a_reset_keeps_what_an_operator_set_on_a_topic(settings: Settings, topic: Callable[[Settings], str]) -> None:
    name = topic(settings)
    configure(settings, {"segment.ms": "600000"}, name)
    before = inspect(settings)[name]
    reset(settings, "earliest")
    after = inspect(settings)[name]
    assert ("600000", before.config["cleanup.policy"]) == (after.config["segment.ms"], after.config["cleanup.policy"])
    assert before.topic_id != after.topic_id


def test_a_plan_changes_nothing(settings: Settings) -> None:
    healthy(settings)
    before = show(settings)
    planned = plan(settings, "latest")
    assert before == show(settings)
    assert planned == reset(settings, "latest")


@pytest.mark.parametrize(
    "command",
    [
        lambda settings: plan(settings, "earliest"),
        lambda settings: reset(settings, "earliest"),
        lambda settings: move(renamed(settings), settings.deployment),
        lambda settings: move(settings, "other"),
    ],
    ids=["plan", "reset", "move from", "move to"],
)
def test_nothing_is_changed_under_a_running_worker(settings: Settings, command: Callable[[Settings], object]) -> None:
    healthy(settings)
    with a_worker_running(settings):
        with pytest.raises(UserError, match="has 1 active member"):
            command(settings)
        assert {6} == {part.committed for stage in show(settings).stages for part in stage.partitions}
    assert {"ok"} == verdicts(settings)


def offsets_of(settings: Settings) -> dict[tuple[str, int], tuple[int, str]]:
    with admin_client(settings) as client:
        found = all_offsets(client, settings.group)
    return {(tp.topic, tp.partition): (at.offset, at.metadata) for tp, at in found.items()}


def test_another_name_goes_on_where_the_old_one_stopped(settings: Settings) -> None:
    healthy(settings)
    before, offsets, new = show(settings).stages, offsets_of(settings), renamed(settings)
    done = plan_move(new, settings.deployment)
    assert done == move(new, settings.deployment)
    assert {node.name: {0: 6, 1: 6} for node in TOPOLOGY.nodes} == {stage.stage: stage.offsets for stage in done.stages}
    assert (before, offsets) == (show(new).stages, offsets_of(new))
    assert {} == offsets_of(settings)
    assert not show(settings).startable


@pytest.mark.parametrize("stored", [1, len(TOPOLOGY.nodes)], ids=["some offsets stored", "the old group not deleted"])
def test_a_move_can_be_run_again(settings: Settings, stored: int) -> None:
    healthy(settings)
    new = renamed(settings)
    commit(new, 6, nodes=TOPOLOGY.nodes[:stored])
    assert move(new, settings.deployment).moved
    assert not move(new, settings.deployment).moved
    assert {"ok"} == verdicts(new)
    assert {} == offsets_of(settings)


@pytest.mark.parametrize(
    ("prepare", "old", "said"),
    [
        (healthy, "unknown", "has no offsets of"),
        (healthy, "same", "expected two names"),
        (lambda settings: commit(renamed(settings), 3), "old", "has other offsets of"),
    ],
    ids=["nothing to move", "to itself", "the new name is in use"],
)
def test_a_move_that_would_lose_something_is_refused(
    settings: Settings, prepare: Callable[[Settings], None], old: str, said: str
) -> None:
    events(settings, 10)
    if old == "old":
        commit(settings, 6)
    prepare(settings)
    names = {"old": settings.deployment, "same": renamed(settings).deployment, "unknown": "unknown"}
    target = renamed(settings) if old != "unknown" else renamed(renamed(settings))
    with pytest.raises(UserError, match=said):
        move(target, names[old])


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            lambda settings: add_partitions(settings, PARTITIONS + 1, settings.account_events),
            "has 3 partitions, the rows of stage account were built with 2",
        ),
        (lambda _settings: None, "expected --from-deployment NAME"),
    ],
    ids=["partitions added", "healthy"],
)
def test_a_migration_without_an_old_name_says_what_to_do(
    settings: Settings, capsys: pytest.CaptureFixture[str], fault: Callable[[Settings], None], said: str
) -> None:
    healthy(settings)
    fault(settings)
    assert run(cli, ["state", "migrate", *flags(settings)]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert (shown.out, len(shown.err.splitlines())) == ("", 1)


def test_show_prints_one_object_and_tells_by_its_status_whether_a_worker_can_start(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    healthy(settings)
    statuses = [run(cli, ["state", "show", *flags(settings)])]
    found = json.loads(capsys.readouterr().out)
    first = found["stages"][0]
    assert [first["topic"], first["topic_id"], first["partitions"]] == [
        found["topic"],
        found["topic_id"],
        found["partitions"],
    ]
    assert [(node.name, settings.input_topic(node)) for node in TOPOLOGY.nodes] == [
        (stage["stage"], stage["topic"]) for stage in found["stages"]
    ]
    assert {"ok"} == {part["verdict"] for stage in found["stages"] for part in stage["partitions"]}
    commit(settings, 11, nodes=[CASES])
    statuses.append(run(cli, ["state", "show", *flags(settings)]))
    assert [0, 1] == statuses


def test_show_reads_well(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    healthy(settings)
    run(cli, ["state", "show", *flags(settings)[:-1]])
    shown = capsys.readouterr().out
    for text in (settings.group, "0 to 10", "14:05:06 JST", "05:05:06 UTC", "ok: offsets and rows fit the log"):
        assert text in shown
    for node in TOPOLOGY.nodes:
        assert f"stage {node.name} · topic {settings.input_topic(node)}, id " in shown


@pytest.mark.parametrize("arguments", [["reset"], ["migrate", "--from-deployment"]], ids=["reset", "migrate"])
def test_without_yes_a_command_only_says_what_it_would_do(
    settings: Settings, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    healthy(settings)
    migrating = arguments[0] == "migrate"
    command = ["state", *arguments, *([settings.deployment] if migrating else [])]
    target = renamed(settings) if migrating else settings
    assert run(cli, [*command, *flags(target)[:-1]]) == 0
    assert "nothing was changed: run again with --yes" in capsys.readouterr().out
    assert {"ok"} == verdicts(settings)
    assert run(cli, [*command, *flags(target), "--yes"]) == 0
    assert json.loads(capsys.readouterr().out)["done"] is True
    assert {"ok" if migrating else "new"} == verdicts(target)


def test_a_long_changelog_is_read_to_its_end(settings: Settings) -> None:
    rows(settings, ACCOUNT, {0: [(key, 1) for key in range(5_000)]})
    rows(settings, WALLET, {1: [(key, 1) for key in range(300)]})
    send(settings, settings.rows_topic("account"), {0: [(record_key(key, 1), None) for key in range(1_000)]})
    progress: list[tuple[int, int]] = []
    found = show(settings, lambda done, total: progress.append((done, total)))
    expected = {"account": [4_000, 0], "wallet": [0, 300]}
    for stage in found.stages:
        assert expected.get(stage.stage, [0, 0]) == [partition.rows for partition in stage.partitions]
    assert progress[-1] == (6_302, 6_302)


def test_records_deleted_from_the_log_are_no_lag(settings: Settings) -> None:
    events(settings, 10)
    delete_records(settings, [7, 7])
    assert [3, 3] == [partition.lag for partition in show(settings).partitions]
