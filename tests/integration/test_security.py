"""Every client against a real broker that wants TLS and a password."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from support.brokers import local_kafka
from support.certificates import make_authority, make_certificate, with_passwords

from detector.kafka.security import client_options
from detector.local_kafka.broker import LocalKafka
from detector.settings import Settings
from detector.stream.app import broker_credentials

TOPIC = "secured"
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secured")
    (folder / "password").write_text(PASSWORD + "\n", "utf-8")
    (folder / "wrong").write_text("guessed\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def broker(folder: Path) -> Iterator[LocalKafka]:
    authority = make_authority(folder)
    certificate = make_certificate(folder, "broker", authority)
    kafka = local_kafka(
        extra=with_passwords(certificate),
        listeners={"SECURED": "SASL_SSL"},
        scram_users={"worker": PASSWORD},
    )
    with kafka:
        yield kafka


def settings(broker: LocalKafka, folder: Path, **changed: object) -> Settings:
    secured: dict[str, object] = {
        "bootstrap": broker.address("SECURED"),
        "tls_ca": str(folder / "authority.pem"),
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_username": "worker",
        "sasl_password_file": str(folder / "password"),
    }
    return Settings.model_validate(secured | changed)


def make_topic(options: dict[str, Any]) -> None:
    admin = KafkaAdminClient(**options)
    try:
        if TOPIC not in admin.list_topics():
            admin.create_topics([NewTopic(TOPIC, 1, 1)])
    finally:
        admin.close()


async def test_a_record_goes_through_kafka_python_aiokafka_and_the_options_faust_makes(
    broker: LocalKafka, folder: Path
) -> None:
    secured = settings(broker, folder)
    make_topic(client_options(secured))
    async with AIOKafkaProducer(**client_options(secured)) as producer:
        await producer.send_and_wait(TOPIC, b"sealed")
    through_faust = credentials_to_aiokafka_auth(broker_credentials(secured))
    consumer = AIOKafkaConsumer(
        TOPIC, bootstrap_servers=list(secured.bootstrap), auto_offset_reset="earliest", **through_faust
    )
    async with consumer:
        assert (await consumer.getone()).value == b"sealed"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"sasl_password_file": "{folder}/wrong"}, "SaslAuthenticationFailed"),
        ({"tls_ca": "system"}, "CERTIFICATE_VERIFY_FAILED"),
        ({"sasl_mechanism": "", "sasl_username": "", "sasl_password_file": ""}, "Unable to request metadata"),
    ],
    ids=["wrong password", "authority not trusted", "no credentials"],
)
async def test_nobody_gets_in_who_should_not(
    broker: LocalKafka, folder: Path, caplog: pytest.LogCaptureFixture, changed: dict[str, str], reason: str
) -> None:
    changed = {name: value.format(folder=folder) for name, value in changed.items()}
    producer = AIOKafkaProducer(**client_options(settings(broker, folder, **changed)), request_timeout_ms=5_000)
    try:
        with pytest.raises(KafkaError):
            await producer.start()
        assert reason in caplog.text  # aiokafka raises "unable to bootstrap" for each, and logs why
    finally:
        await producer.stop()
