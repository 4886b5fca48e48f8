import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from kafka import KafkaConsumer, TopicPartition
from support.deployments import (
    PARTITIONS,
    STAGE,
    WATERMARK_MS,
    commit,
    delete_records,
    events,
    header,
    healthy,
    new_deployment,
    recreate,
    rows,
    send,
)

from detector.cli.main import cli, run
from detector.errors import UserError
from detector.local_kafka.broker import LocalKafka
from detector.settings import Settings
from detector.stream.admin import admin_client
from detector.stream.groups import committed_offsets
from detector.stream.migrate import move, plan_move
from detector.stream.reset import plan, reset
from detector.stream.state import show
from detector.stream.topics import check, inspect


@pytest.fixture
def settings(kafka: LocalKafka) -> Settings:
    return new_deployment(kafka.bootstrap)


def verdicts(settings: Settings) -> set[str]:
    return {partition.verdict for partition in show(settings).partitions}


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


def test_a_healthy_deployment_shows_what_a_worker_left(settings: Settings) -> None:
    healthy(settings)
    found = show(settings)
    assert [0, 1] == [partition.partition for partition in found.partitions]
    for partition in found.partitions:
        assert (6, 0, 10, 4) == (partition.committed, partition.log_start, partition.log_end, partition.lag)
        assert (WATERMARK_MS, 2, 2) == (partition.watermark_ms, partition.rows, partition.writers)
        assert header(settings) == partition.header
        assert partition.verdict == "ok"


def more_partitions(settings: Settings) -> None:
    with admin_client(settings) as client:
        client.create_partitions({settings.account_events: PARTITIONS + 1})


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (lambda settings: delete_records(settings, [8, 8]), {"events expired"}),
        (lambda settings: recreate(settings, settings.account_events), {"topic re-created"}),
        (lambda settings: recreate(settings, settings.rows_topic(STAGE)), {"header missing"}),
        (lambda settings: commit(settings, 11), {"beyond the log"}),
        (lambda settings: commit(settings, 6, metadata="other"), {"foreign offsets"}),
        (more_partitions, {"partitions added", "new"}),
    ],
    ids=["retention", "input re-created", "rows re-created", "offset too far", "another program", "partitions added"],
)
def test_what_happened_to_a_deployment_is_named(
    settings: Settings, fault: Callable[[Settings], None], expected: set[str]
) -> None:
    healthy(settings)
    fault(settings)
    assert expected == verdicts(settings)


def test_a_missing_input_topic_is_one_line(kafka: LocalKafka) -> None:
    with pytest.raises(UserError, match=r"has no topic none\.account-events"):
        show(Settings(bootstrap=(kafka.bootstrap,), prefix="none."))


def test_a_reset_to_the_earliest_event_leaves_a_new_deployment(settings: Settings) -> None:
    healthy(settings)
    delete_records(settings, [2, 2])
    done = reset(settings, "earliest")
    assert ({0: 6, 1: 6}, 8, {0: 2, 1: 2}, 16) == (
        done.committed,
        done.rows_records,
        done.begin_at,
        done.events_to_read,
    )
    assert [("new", 0, None)] * 2 == [(part.verdict, part.rows, part.committed) for part in show(settings).partitions]
    check(settings, inspect(settings))


def test_a_reset_to_the_latest_event_passes_over_what_is_there(settings: Settings) -> None:
    healthy(settings)
    reset(settings, "latest")
    assert [("ok", 0, 10, 0)] * 2 == [
        (part.verdict, part.rows, part.committed, part.lag) for part in show(settings).partitions
    ]


def test_a_reset_mends_added_partitions(settings: Settings) -> None:
    healthy(settings)
    more_partitions(settings)
    reset(settings, "earliest")
    assert {"new"} == verdicts(settings)
    check(settings, inspect(settings))


def test_a_reset_keeps_what_an_operator_set_on_the_rows_topic(settings: Settings) -> None:
    topic = settings.rows_topic(STAGE)
    with admin_client(settings) as client:
        from kafka.admin import ConfigResource, ConfigResourceType

        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"segment.ms": "600000"})])
    reset(settings, "earliest")
    config = inspect(settings)[topic].config
    assert ("600000", "compact") == (config["segment.ms"], config["cleanup.policy"])


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
        assert {6} == {partition.committed for partition in show(settings).partitions}
    assert {"ok"} == verdicts(settings)


def test_another_name_goes_on_where_the_old_one_stopped(settings: Settings) -> None:
    healthy(settings)
    before = show(settings).partitions
    new = renamed(settings)
    assert plan_move(new, settings.deployment) == move(new, settings.deployment)
    assert before == show(new).partitions
    assert {"offsets expired"} == verdicts(settings)


def test_a_move_can_be_run_again(settings: Settings) -> None:
    healthy(settings)
    new = renamed(settings)
    # Interrupted between its two steps: both groups have the offsets.
    commit(new, 6)
    assert move(new, settings.deployment).moved
    assert not move(new, settings.deployment).moved
    assert {"ok"} == verdicts(new)
    with admin_client(settings) as client:
        assert committed_offsets(client, settings.group, settings.account_events) == {}


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
        (more_partitions, "has 3 partitions, its rows were built with 2"),
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
    assert {"ok"} == {partition["verdict"] for partition in found["partitions"]}
    commit(settings, 11)
    statuses.append(run(cli, ["state", "show", *flags(settings)]))
    assert [0, 1] == statuses


def test_show_reads_well(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    healthy(settings)
    run(cli, ["state", "show", *flags(settings)[:-1]])
    shown = capsys.readouterr().out
    for text in (settings.group, "0 to 10", "14:05:06 JST", "05:05:06 UTC", "ok: offsets and rows fit the log"):
        assert text in shown


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
    head = header(settings)
    rows(settings, head, {0: [(key, 1) for key in range(5_000)]})
    send(
        settings,
        settings.rows_topic(STAGE),
        {0: [(key.to_bytes(8, "little") + b"\1" + bytes(7), None) for key in range(1_000)]},
    )
    seen: list[tuple[int, int]] = []
    found = show(settings, lambda done, total: seen.append((done, total)))
    assert [4_000, 0] == [partition.rows for partition in found.partitions]
    assert seen[-1] == (6_001, 6_001)


def test_records_deleted_from_the_log_are_no_lag(settings: Settings) -> None:
    events(settings, 10)
    delete_records(settings, [7, 7])
    assert [3, 3] == [partition.lag for partition in show(settings).partitions]
    assert TopicPartition(settings.account_events, 0).topic == show(settings).topic
