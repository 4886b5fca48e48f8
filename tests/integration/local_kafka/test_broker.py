import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic
from support.shared_kafka import Cluster

from detector import paths
from detector.errors import UserError
from detector.local_kafka.broker import LocalKafka, java_command
from detector.local_kafka.jars import KAFKA_VERSION
from detector.local_kafka.node import HOST

#: Kafka 4 is up in 4 s on an idle machine, and many tests may share this one.
pytestmark = pytest.mark.timeout(240)

OWNER = """
import time
from detector.local_kafka.broker import LocalKafka, java_command
with LocalKafka() as kafka:
    print(kafka.pid, kafka.bootstrap, kafka.node.folder, flush=True)
    time.sleep(600)
"""


def create_topic(bootstrap: str, topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(topic, 1, 1)])
    admin.close()


def send(bootstrap: str, topic: str, value: bytes, max_request_size: int = 1_048_576) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, max_request_size=max_request_size)
    producer.send(topic, value).get(timeout=30)
    producer.close()


def first(bootstrap: str, topic: str) -> bytes:
    consumer = KafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id="g", auto_offset_reset="earliest", consumer_timeout_ms=30_000
    )
    value = next(consumer).value
    consumer.close()
    assert isinstance(value, bytes)
    return value


def test_a_message_goes_in_and_comes_out(kafka: Cluster) -> None:
    create_topic(kafka.bootstrap, "in-and-out")
    send(kafka.bootstrap, "in-and-out", b"debit")
    assert first(kafka.bootstrap, "in-and-out") == b"debit"


def test_topics_survive_a_stop_a_crash_and_another_owner(tmp_path: Path) -> None:
    with LocalKafka(tmp_path) as kafka:
        create_topic(kafka.bootstrap, "kept")
        send(kafka.bootstrap, "kept", b"one")
        address = kafka.bootstrap
        kafka.stop()
        assert not kafka.running
        kafka.start()
        assert kafka.bootstrap == address
        kafka.kill()
        assert not kafka.running
    with LocalKafka(tmp_path) as kafka:
        assert first(kafka.bootstrap, "kept") == b"one"


def test_the_broker_dies_when_its_owner_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid, _, folder = owner.stdout.readline().split()
        broker = psutil.Process(int(pid))
        assert broker.is_running()
        os.kill(owner.pid, signal.SIGKILL)
    psutil.wait_procs([broker], timeout=30)
    assert not broker.is_running()
    deadline = time.monotonic() + 10
    while Path(folder).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(folder).exists()


def test_a_limit_a_further_listener_and_a_user_are_set_up_and_a_temporary_broker_leaves_nothing_behind() -> None:
    jaas = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    extra = {
        "message.max.bytes": "10485760",
        "sasl.enabled.mechanisms": "SCRAM-SHA-256",
        "listener.name.login.scram-sha-256.sasl.jaas.config": jaas,
    }
    with LocalKafka(extra=extra, listeners={"LOGIN": "SASL_PLAINTEXT"}, scram_users={"reader": "secret"}) as kafka:
        create_topic(kafka.bootstrap, "large")
        send(kafka.bootstrap, "large", b"x" * 10_000_000, max_request_size=10_485_760)
        consumer = KafkaConsumer(
            bootstrap_servers=kafka.address("LOGIN"),
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="SCRAM-SHA-256",
            sasl_plain_username="reader",
            sasl_plain_password="secret",
        )
        assert "large" in consumer.topics()
        consumer.close()
        pid, port, folder = kafka.pid, kafka.node.ports["PLAINTEXT"], kafka.node.folder
        assert folder.exists()
    assert not psutil.pid_exists(pid)
    assert not folder.exists()
    with pytest.raises(ConnectionRefusedError), socket.create_connection((HOST, port), timeout=1):
        pass


def test_a_property_kafka_refuses_is_told_in_its_own_words() -> None:
    with pytest.raises(UserError, match="log\\.retention\\.ms"):
        LocalKafka(extra={"log.retention.ms": "soon"}).__enter__()


def test_a_broker_that_ends_while_starting_is_told_in_its_own_words() -> None:
    kafka = LocalKafka()
    try:
        with (
            socket.create_server((HOST, kafka.node.ports["PLAINTEXT"])),
            pytest.raises(UserError, match="BindException"),
        ):
            kafka.start()
    finally:
        kafka.close()


def test_a_changed_jar_is_refused_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java_command()
    good = paths.cache_dir() / f"kafka-{KAFKA_VERSION}"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    copy = paths.cache_dir() / f"kafka-{KAFKA_VERSION}"
    copy.mkdir(parents=True)
    for jar in good.glob("*.jar"):
        (copy / jar.name).symlink_to(jar)
    changed = copy / f"kafka-clients-{KAFKA_VERSION}.jar"
    changed.unlink()
    changed.write_bytes(b"something else")
    with pytest.raises(UserError, match=f"{changed.name} is not the pinned file"):
        LocalKafka().__enter__()
