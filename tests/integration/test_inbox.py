"""The inbox of a receiver's group on a real Kafka, and `kozamori notify` with it."""

import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer
from support.alerts import make_alert, publish
from support.deployments import new_deployment
from support.followers import Command
from support.inbox_suite import InboxSuite, one
from support.notify_files import SECRET, write_config
from support.shared_kafka import Cluster
from support.webhook_receivers import Answer, Request, WebhookReceiver, status

from detector.cli.main import cli, run
from detector.contract.alerts import Alert
from detector.kafka.inbox import POLL_RECORDS, KafkaInbox, begin_now
from detector.settings import Settings

ALERTS = [make_alert(number) for number in range(12)]
IDS = [alert.alert_id for alert in ALERTS]


class KafkaLog:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.group = f"inbox-{settings.deployment}"

    def put(self, partition: int, *values: bytes) -> None:
        publish(self.settings.bootstrap[0], self.settings.alerts, values, partition)

    def inbox(self) -> KafkaInbox:
        begin_now(self.settings, self.group, [self.settings.alerts])
        return KafkaInbox(self.settings, self.group, [self.settings.alerts])

    def lose(self, inbox: Any) -> None:
        # The first by its name gets the first partition.
        self._other = KafkaConsumer(
            self.settings.alerts, bootstrap_servers=list(self.settings.bootstrap), group_id=self.group, client_id="a"
        )
        self._leaves = threading.Event()
        self._reading = threading.Thread(target=self._read_on, daemon=True)
        self._reading.start()
        deadline = time.monotonic() + 30
        while not self._other.assignment() or len(inbox._consumer.assignment()) != 1:
            inbox.stay(0.1)
            assert time.monotonic() < deadline
        assert [0] == [tp.partition for tp in self._other.assignment()]

    def _read_on(self) -> None:
        while not self._leaves.is_set():
            self._other.poll(100)

    def give_back(self) -> None:
        self._leaves.set()
        self._reading.join()
        self._other.close(autocommit=False)


class TestKafka(InboxSuite):
    @pytest.fixture
    def log(self, kafka: Cluster) -> KafkaLog:
        return KafkaLog(new_deployment(kafka.bootstrap))

    def test_a_new_group_begins_with_what_comes_after_its_first_look(self, log: KafkaLog) -> None:
        log.put(0, b"before")
        log.inbox().close()
        log.put(0, b"while it is away")
        inbox = log.inbox()
        assert b"while it is away" == one(inbox).value
        inbox.close()

    def test_another_member_gets_its_share_while_records_are_in_hand_though_each_takes_long(
        self, log: KafkaLog
    ) -> None:
        inbox = log.inbox()
        log.put(0, *(b"%d" % number for number in range(POLL_RECORDS)))
        inbox.done(one(inbox))
        other = log.inbox()
        taking = threading.Thread(target=other.next, daemon=True)
        taking.start()
        deadline = time.monotonic() + 5.0
        while not other._consumer.assignment():
            assert time.monotonic() < deadline
            inbox.done(one(inbox))
            time.sleep(0.2)
            if not taking.is_alive():
                taking = threading.Thread(target=other.next, daemon=True)
                taking.start()
        taking.join()
        other.close()
        inbox.close()


def fails(number: int, _request: Request) -> Answer:
    """Every second request, though it kept every fourth's message."""
    return Answer(status(503), keeps=number % 4 == 0) if number % 2 == 0 else Answer()


def refuses(_number: int, request: Request) -> Answer:
    return Answer(status(422), keeps=False) if request.id == IDS[1] else Answer()


def test_receivers_have_each_id_once_over_failures_a_stop_while_alerts_come_and_a_redrive(
    kafka: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = new_deployment(kafka.bootstrap)

    def put(alerts: list[Alert]) -> None:
        publish(settings.bootstrap[0], settings.alerts, alerts)

    with WebhookReceiver(refuses) as good, WebhookReceiver(fails) as bad:
        config = write_config(tmp_path, {"good": good.url, "bad": bad.url})
        kept = [identity for identity in IDS if identity != IDS[1]]
        first = Command(tmp_path, settings, "notify", "--config", str(config), "--metrics-port", "0")
        try:
            wait_for(first, "notify starts")
            put(ALERTS[:6])
            assert good.has(kept[:5], 30), first.said.read_text()
        finally:
            first.process.send_signal(signal.SIGTERM)
            began_s = time.monotonic()
            ended = first.process.wait(10)
        ended_s = time.monotonic() - began_s
        put(ALERTS[6:])
        second = Command(tmp_path, settings, "notify", "--config", str(config), "--metrics-port", "0")
        try:
            assert good.has(kept, 20)
            assert bad.has(IDS, 20)
        finally:
            second.process.send_signal(signal.SIGTERM)
            assert 0 == second.process.wait(10)
        with capsys.disabled():
            print(f"\nended after {ended_s:.2f} s; repeats: good {good.repeats}, bad {bad.repeats}")
        assert (0, True) == (ended, ended_s < 5.0)
        assert (kept, IDS) == (good.kept, bad.kept)
        assert good.repeats <= 1, "only what was under way at the stop"
        assert SECRET not in first.said.read_text() + second.said.read_text()
        refused = (tmp_path / "parked.jsonl").read_text().splitlines()
        assert [True] == [IDS[1] in line and "status 422" in line for line in refused]
        good.answer = lambda _number, _request: Answer()
        where = ["--bootstrap", kafka.bootstrap, "--prefix", settings.prefix, "--log-level", "error"]
        assert 0 == run(cli, ["notify", "--config", str(config), "--redrive", *where])
        assert "1 delivered, 0 parked again, 0 no longer in Kafka\n" == capsys.readouterr().out
        assert [*kept, IDS[1]] == good.kept


def test_a_topic_that_is_missing_is_one_line(
    kafka: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path, {"soc": "https://soc.example"}, 'messages = ["bulletins"]\nbank = "0116"')
    where = ["--bootstrap", kafka.bootstrap, "--prefix", new_deployment(kafka.bootstrap).prefix, "--metrics-port", "0"]
    assert 2 == run(cli, ["notify", "--config", str(config), *where])
    assert "there is no topic " in capsys.readouterr().err.splitlines()[-1]


def wait_for(command: Command, text: str) -> None:
    deadline = time.monotonic() + 30
    while text not in command.said.read_text():
        assert time.monotonic() < deadline
        assert command.process.poll() is None, command.said.read_text()
        time.sleep(0.05)
