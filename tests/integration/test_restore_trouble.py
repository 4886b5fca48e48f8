"""A broker that falls silent, or dies: whoever needs it says so once, waits, and goes on when it is back.

A worker while it restores its rows; those who follow alerts or publish events, commands and programs.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from support.alerts import make_alert
from support.alerts import publish as put
from support.brokers import local_kafka
from support.deployments import commit, header, new_deployment, row_of
from support.followers import AWAY, BACK, AsyncProgram, Command, Program
from support.notify_files import write_config
from support.populations import scenario
from support.scenes import Scene
from support.scrapes import get, scrape, total
from support.webhook_receivers import WebhookReceiver
from support.workers import WorkerProcess, wait_until

from detector.bench.clients import publish
from detector.contract.alerts import Alert
from detector.core.stages.account import ACCOUNT
from detector.local_kafka.broker import LocalKafka
from detector.settings import Settings
from detector.stream.changelog import encode_header, encode_rows
from producers.files import write_events
from producers.publish import events_held
from producers.sender import DeliveryError, Sender
from producers.simulation import tables

#: A second or more of restoring.
ROWS = 600_000
#: Less than a test leaves the broker away: a worker that did not know would end.
WATCHDOG_S = 5.0
AWAY_S = 7.5
#: Within which people and orchestrators hear of it, and something for a busy machine.
TOLD_S = 3.0 + 2.0
STOPPED_S = CURRENT_S = 5.0
FULL, EMPTY = 0, 1
#: How long a message is tried; two minutes by default.
WAITED_S = 1.5


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[LocalKafka]:
    with local_kafka() as broker:
        yield broker


@pytest.fixture(scope="module")
def settings(own_kafka: LocalKafka, account_scene: Scene) -> Settings:
    """A deployment with many rows on one partition."""
    made = replace(account_scene, bootstrap=own_kafka.bootstrap, events=()).fresh("restore")
    rows = np.repeat(np.frombuffer(row_of(ACCOUNT), ACCOUNT.row), ROWS)
    rows["key"] = np.arange(ROWS)
    changelog, head = made.rows_topic(ACCOUNT.name), encode_header(header(made))
    publish(made.bootstrap[0], changelog, chain([head], encode_rows(rows, 1)), FULL)
    publish(made.bootstrap[0], changelog, iter([head]), EMPTY)
    commit(made, 0)
    return made


def restoring(settings: Settings, log: Path) -> WorkerProcess:
    """A worker that has partitions, and is far from having restored them."""
    worker = WorkerProcess(settings, log, watchdog_s=WATCHDOG_S)
    try:
        port = worker.port()
        wait_until(lambda: total(scrape(port), "kozamori_rebalances_total") > 0, "it has partitions", worker)
    except BaseException:
        worker.close()
        raise
    return worker


def waits(worker: WorkerProcess) -> float:
    """See the worker wait, healthy and not ready, for longer than its watchdog would; seconds until it was told."""
    port, began = worker.port(), time.monotonic()
    wait_until(lambda: "Kafka is away" in get(port, "/readyz")[1], "it is told", worker)
    told_s = time.monotonic() - began
    assert told_s < TOLD_S
    assert [] == [line for line in worker.lines() if line.get("event") == "partition taken"], "too late to disturb it"
    wait_until(lambda: time.monotonic() > began + AWAY_S, "it waits", worker)
    assert [200, 503] == [get(port, path)[0] for path in ("/healthz", "/readyz")]
    return told_s


def test_a_worker_whose_broker_falls_silent_while_it_restores_waits_and_can_be_stopped(
    own_kafka: LocalKafka, settings: Settings, tmp_path: Path
) -> None:
    worker = restoring(settings, tmp_path / "worker.log")
    os.kill(own_kafka.pid, signal.SIGSTOP)
    try:
        told_s = waits(worker)
        began = time.monotonic()
        assert 0 == worker.stop(), "it has nothing to commit"
        stopped_s = time.monotonic() - began
        assert stopped_s < STOPPED_S
    finally:
        os.kill(own_kafka.pid, signal.SIGCONT)
        worker.close()
    print(f"broker silent in a restore: told after {told_s:.1f} s, stopped in {stopped_s:.1f} s")


def test_a_worker_whose_broker_dies_while_it_restores_goes_on_when_it_is_back(
    own_kafka: LocalKafka, settings: Settings, tmp_path: Path
) -> None:
    worker = restoring(settings, tmp_path / "worker.log")
    try:
        own_kafka.kill()
        told_s, port = waits(worker), worker.port()
        own_kafka.start()
        began = time.monotonic()
        wait_until(lambda: get(port, "/readyz")[0] == 200, "it goes on", worker)
        assert ROWS == total(scrape(port), "kozamori_rows", stage=ACCOUNT.name)
        print(
            f"broker gone in a restore: told after {told_s:.1f} s, ready {time.monotonic() - began:.1f} s after it came"
        )
        assert 0 == worker.stop()
    finally:
        worker.close()
    said = [str(line["event"]) for line in worker.lines() if str(line.get("event", "")).startswith("Kafka is")]
    assert ["Kafka is away, the worker waits", "Kafka is back, the worker goes on"] == said


def test_who_follows_or_publishes_says_once_that_kafka_is_away_and_once_that_it_is_back_and_is_current_then(
    own_kafka: LocalKafka, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = new_deployment(own_kafka.bootstrap)
    write_events(tmp_path / "events.jsonl", [table for table, _ in tables(scenario("ghost-wallets", days=3, cases=4))])
    before, after = make_alert(1), make_alert(2)
    put(made.bootstrap[0], made.alerts, [before])
    following = [
        Command(tmp_path, made, "alerts", "--follow", "--from-beginning", "--json"),
        Command(tmp_path, made, "cases", "--follow", "--json"),
    ]
    producing = Command(tmp_path, made, "produce", str(tmp_path / "events.jsonl"), "--rate", "20")
    receiver = WebhookReceiver()
    config = write_config(tmp_path, {"desk": receiver.url})
    notifying = Command(tmp_path, made, "notify", "--config", str(config), "--metrics-port", "0")
    commands = [*following, producing, notifying]
    programs: list[Program | AsyncProgram] = [Program(made, "desk"), AsyncProgram(made)]
    try:
        all_have(before, following, programs)
        wait_until(
            lambda: sum(events_held({"bootstrap_servers": made.bootstrap}, made.prefix).values()) > 0, "it sends"
        )
        wait_until(lambda: "notify starts" in " ".join(notifying.lines()), "it notifies")
        own_kafka.kill()
        told_s = seconds_until(lambda: all(AWAY in " ".join(each.lines()) for each in commands), "all say it")
        assert told_s < TOLD_S
        own_kafka.start()
        put(made.bootstrap[0], made.alerts, [after])
        current_s = seconds_until(lambda: has_all(after, following, programs), "all are current")
        assert receiver.has([after.alert_id], CURRENT_S)
        assert current_s < CURRENT_S
        wait_until(lambda: all(BACK in " ".join(each.lines()) for each in commands), "all say that it is back")
        assert [None] * 4 == [each.process.poll() for each in commands]
    finally:
        for each in commands:
            each.process.kill()
        for program in programs:
            program.close()
        receiver.close()
    print(f"broker gone: told after {told_s:.1f} s, current {current_s:.1f} s after an alert came")
    quiet = commands[:3]
    assert [2, 2, 2] == [len(each.lines()) for each in quiet], [each.lines() for each in quiet]
    assert [1, 1] == [sum(sign in line for line in notifying.lines()) for sign in (AWAY, BACK)], notifying.lines()
    assert [[before.alert_id, after.alert_id]] * 2 == [program.handled for program in programs]
    said = [record.getMessage() for record in caplog.records if record.name == "detector.kafka.subscription"]
    assert [2, 2] == [sum(sign in line for line in said) for sign in (AWAY, BACK)], said


def test_a_message_that_no_broker_takes_is_waited_for_as_long_as_told_and_then_fails_in_one_line(
    own_kafka: LocalKafka,
) -> None:
    made = new_deployment(own_kafka.bootstrap)

    def send() -> None:
        with Sender({"bootstrap_servers": made.bootstrap}, delivery_timeout_s=WAITED_S) as sender:
            sender.send(made.account_events, b"confirmed", b"key", 0)
            sender.settle()
            os.kill(own_kafka.pid, signal.SIGSTOP)
            sender.send(made.account_events, b"under way", b"key", 0)
            sender.send(made.wallet_events, b"to a topic that it has not met yet", b"key", 0)

    began = time.monotonic()
    try:
        with pytest.raises(DeliveryError, match="1 messages were confirmed before"):
            send()
    finally:
        os.kill(own_kafka.pid, signal.SIGCONT)
    assert WAITED_S <= time.monotonic() - began < WAITED_S + 4.0  # two seconds of a broker that is busy, and to close


def has_all(alert: Alert, commands: list[Command], programs: list[Program | AsyncProgram]) -> bool:
    return all(each.has(alert.alert_id) for each in [*commands, *programs])


def all_have(alert: Alert, commands: list[Command], programs: list[Program | AsyncProgram]) -> None:
    wait_until(lambda: has_all(alert, commands, programs), f"{alert.event_id} is everywhere")


def seconds_until(happens: Callable[[], bool], what: str) -> float:
    began = time.monotonic()
    wait_until(happens, what)
    return time.monotonic() - began
