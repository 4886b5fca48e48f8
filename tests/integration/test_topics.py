import json
import secrets
import socket
import threading
import time

import pytest
from kafka import KafkaProducer
from support.deployments import new_deployment, recreate
from support.shared_kafka import Cluster

from detector.cli.main import cli, run
from detector.errors import UserError
from detector.kafka.declarations import TOPICS
from detector.kafka.topics import check, create, inspect
from detector.settings import Settings

#: What is waited for a broker that never answers; commands wait `TIMEOUT_S`.
LIMIT_S = 2.0


@pytest.fixture
def settings(kafka: Cluster) -> Settings:
    """A prefix without topics."""
    return Settings(bootstrap=(kafka.bootstrap,), prefix=f"{secrets.token_hex(4)}.", partitions=3)


def flags(settings: Settings) -> list[str]:
    return ["--bootstrap", settings.bootstrap[0], "--prefix", settings.prefix]


def test_what_create_makes_is_what_a_worker_needs(settings: Settings) -> None:
    assert inspect(settings) == {}
    rows = create(settings, 3, 1)
    assert {"created"} == {row.action for row in rows}
    one = {settings.bulletins, settings.acknowledgements, settings.dead_letters, settings.redrives, settings.audit}
    assert {topic.name(settings): 3 - 2 * (topic.name(settings) in one) for topic in TOPICS} == {
        row.name: row.partitions for row in rows
    }
    check(settings, inspect(settings))


def test_kafka_has_every_declared_setting(settings: Settings) -> None:
    rows = create(settings, 3, 1)
    assert [()] * len(TOPICS) == [row.differs for row in rows]


def test_creating_again_changes_nothing_and_says_what_is_there(settings: Settings) -> None:
    create(settings, 3, 1)
    before = inspect(settings)
    assert {"exists"} == {row.action for row in create(settings, 3, 1)}
    assert before == inspect(settings)


def test_a_missing_topic_is_added_to_those_that_are_there(settings: Settings) -> None:
    create(settings, 3, 1)
    before = inspect(settings)
    recreate(settings, settings.alerts)
    after = inspect(settings)
    assert {settings.alerts} == {name for name in before if before[name].topic_id != after[name].topic_id}


def test_two_commands_at_the_same_moment_both_succeed(settings: Settings) -> None:
    failures: list[BaseException] = []

    def create_all() -> None:
        try:
            create(settings, 3, 1)
        except BaseException as error:  # noqa: BLE001 a thread's failure is the test's
            failures.append(error)

    threads = [threading.Thread(target=create_all) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    check(settings, inspect(settings))


def test_other_partitions_than_there_are_refused_before_anything_is_created(kafka: Cluster) -> None:
    settings = new_deployment(kafka.bootstrap, partitions=2)
    before = inspect(settings)
    with pytest.raises(UserError, match="has 2 partitions, asked for 4: run again with --partitions 2"):
        create(settings, 4, 1)
    assert before == inspect(settings)


def test_more_copies_than_brokers_are_refused(settings: Settings) -> None:
    with pytest.raises(UserError, match="got --replication 3, but the cluster has 1 broker"):
        create(settings, 3, 3)


def test_a_source_cannot_choose_the_time_by_which_its_events_are_kept(settings: Settings) -> None:
    create(settings, 3, 1)
    producer = KafkaProducer(bootstrap_servers=list(settings.bootstrap))
    try:
        sent = producer.send(settings.account_events, b"{}", timestamp_ms=1_598_936_706_000).get(10)
    finally:
        producer.close()
    assert abs(sent.timestamp - time.time() * 1000) < 60_000


def test_nobody_listening_is_one_line_within_the_time_limit() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(UserError, match=f"Kafka at {address} cannot be reached") as refused:
            inspect(Settings(bootstrap=(address,)), LIMIT_S)
    assert time.monotonic() - started < LIMIT_S + 5
    assert "\n" not in str(refused.value)


def test_a_listener_that_never_answers_is_given_up_too() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        started = time.monotonic()
        with pytest.raises(UserError, match="cannot be reached"):
            inspect(Settings(bootstrap=(f"127.0.0.1:{silent.getsockname()[1]}",)), LIMIT_S)
    assert time.monotonic() - started < LIMIT_S + 5


def test_the_commands_print_one_object_with_a_row_a_topic(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    statuses = []
    actions = []
    for command in (["show"], ["create", "--partitions", "2"], ["show"]):
        statuses.append(run(cli, ["topics", *command, *flags(settings), "--json"]))
        actions.append({row["action"] for row in json.loads(capsys.readouterr().out)["topics"]})
    assert [{"missing"}, {"created"}, {"exists"}] == actions
    assert [1, 0, 0] == statuses


def test_the_table_names_every_topic(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["topics", "create", *flags(settings)]) == 0
    shown = capsys.readouterr().out
    assert all(topic.name(settings) in shown for topic in TOPICS)


def test_a_mismatch_is_one_line_and_exit_status_2(kafka: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    settings = new_deployment(kafka.bootstrap, partitions=2)
    assert run(cli, ["topics", "create", *flags(settings), "--partitions", "3"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1


def test_rights_on_a_broker_that_checks_none_are_refused_in_one_line(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ["topics", "acls", "partner", "--principal", "User:partner", *flags(settings)]
    for what in ("--check", "--apply"):
        assert 2 == run(cli, [*wanted, what])
        said = capsys.readouterr().err
        assert "the brokers have no authorizer" in said
        assert 1 == said.count("\n")
