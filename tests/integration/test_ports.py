"""Faust, aiokafka and a real Kafka do what the shell relies on: the same suite as for the Kafka in memory."""

import secrets
from collections.abc import Sequence

import pytest
from confluent_kafka import Producer
from support.ports_suite import CHUNK, KeyValue, PortsSuite
from support.protocol.fake_ports import Here
from support.shared_kafka import Cluster

from detector.kafka.clients import admin_client
from detector.kafka.declarations import TOPICS
from detector.kafka.security import client_options
from detector.kafka.topics import create_topics
from detector.settings import Settings
from detector.stream.faust_ports import FaustKafka, KafkaTopics
from detector.stream.ports import Ports
from detector.stream.restore import KafkaReader

PATIENCE_S = 30.0


class RealCluster:
    """The broker of the run, with topics and a group of its own."""

    def __init__(self, bootstrap: str) -> None:
        name = f"ports-{secrets.token_hex(3)}"
        self.settings = Settings(
            bootstrap=(bootstrap,), prefix=f"{name}.", deployment=name, partitions=1, max_chunk_records=CHUNK
        )
        used = {*self._inputs().values(), self.settings.rows_topic("cases"), self.settings.alerts}
        with admin_client(self.settings) as client:
            create_topics(client, self.settings, [each for each in TOPICS if each.name(self.settings) in used], 1, 1)

    def _inputs(self) -> dict[str, str]:
        return {"account": self.settings.account_events, "cases": self.settings.hop_topic("cases")}

    def ports(self) -> Ports:
        kafka = FaustKafka(self.settings, self._inputs())
        reader, topics = KafkaReader(client_options(self.settings)), KafkaTopics(self.settings)
        return Ports(kafka, kafka, reader, topics, Here(), lambda: 0.0, lambda: 1)

    def put(self, topic: str, records: Sequence[KeyValue], *, marked: bool = False) -> None:
        named = {"transactional.id": secrets.token_hex(4)} if marked else {}
        producer = Producer({"bootstrap.servers": self.settings.bootstrap[0], **named})
        if marked:
            producer.init_transactions(PATIENCE_S)
            producer.begin_transaction()
        for key, value in records:
            producer.produce(topic, value, key, 0)
        if marked:
            producer.commit_transaction(PATIENCE_S)
        assert 0 == producer.flush(PATIENCE_S)


class TestKafka(PortsSuite):
    @pytest.fixture
    def cluster(self, kafka: Cluster) -> RealCluster:
        return RealCluster(kafka.bootstrap)
