"""Faust, aiokafka and a real Kafka do what the shell relies on: the same suite as for the Kafka in memory."""

import asyncio
import secrets
from collections.abc import Sequence

import pytest
from confluent_kafka import Producer
from faust.types import TP
from support.ports_suite import CHUNK, HEADER, Inbox, KeyValue, PortsSuite, case_rows, member, restored, until
from support.protocol.fake_ports import Here
from support.shared_kafka import Cluster

from detector.kafka.clients import admin_client
from detector.kafka.declarations import TOPICS
from detector.kafka.topics import create_topics
from detector.settings import Settings
from detector.stream.changelog import encode_header, encode_rows
from detector.stream.faust_ports import FaustKafka, KafkaTopics
from detector.stream.ports import Ports
from detector.stream.restore import kafka_reader
from detector.stream.same_model import Runs

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
        kafka = FaustKafka(self.settings, self._inputs(), Runs())
        reader, topics = kafka_reader(self.settings), KafkaTopics(self.settings)
        return Ports(kafka, kafka, reader, topics, Here(), lambda: 0.0, lambda: 1)

    def begun(self) -> Producer:
        """A producer in a transaction."""
        made = Producer({"bootstrap.servers": self.settings.bootstrap[0], "transactional.id": secrets.token_hex(4)})
        made.init_transactions(PATIENCE_S)
        made.begin_transaction()
        return made

    def put(self, topic: str, records: Sequence[KeyValue], *, marked: bool = False) -> None:
        producer = self.begun() if marked else Producer({"bootstrap.servers": self.settings.bootstrap[0]})
        for key, value in records:
            producer.produce(topic, value, key, 0)
        if marked:
            producer.commit_transaction(PATIENCE_S)
        assert 0 == producer.flush(PATIENCE_S)


class TestKafka(PortsSuite):
    @pytest.fixture
    def cluster(self, kafka: Cluster) -> RealCluster:
        return RealCluster(kafka.bootstrap)

    async def test_rows_are_restored_whatever_transaction_somebody_leaves_open(self, cluster: RealCluster) -> None:
        changelog = TP(cluster.settings.rows_topic("cases"), 0)
        cluster.put(changelog.topic, [encode_header(HEADER), *encode_rows(case_rows(1), 7)])
        producer = cluster.begun()
        producer.produce(changelog.topic, None, b"of nobody's", 0)
        await asyncio.to_thread(producer.flush, PATIENCE_S)
        cluster.put(changelog.topic, list(encode_rows(case_rows(2), 7)))
        found = await restored(cluster.ports(), changelog)
        assert (2, HEADER) == (found.rows.count, found.header)
        await asyncio.to_thread(producer.abort_transaction, PATIENCE_S)

    async def test_only_what_is_committed_is_given(self, cluster: RealCluster) -> None:
        tp = TP(cluster.settings.account_events, 0)
        inbox, topic = Inbox(), tp.topic
        producer = cluster.begun()
        producer.produce(topic, b"aborted", None, 0)  # 0
        await asyncio.to_thread(producer.flush, PATIENCE_S)
        await asyncio.to_thread(producer.abort_transaction, PATIENCE_S)  # 1
        producer.begin_transaction()
        producer.produce(topic, b"committed", None, 0)  # 2
        await asyncio.to_thread(producer.flush, PATIENCE_S)
        cluster.put(topic, [(None, b"behind it")])  # 3
        async with member(cluster, inbox) as ports:
            await until(lambda: ports.source.withheld(tp) == 2)
            assert [] == inbox.offsets(tp)
            assert {tp: 2} == await ports.source.end_offsets(tp)
            assert {tp} == await ports.reader.without_records({tp: (0, 2)})
            await asyncio.to_thread(producer.commit_transaction, PATIENCE_S)
            await until(lambda: len(inbox.offsets(tp)) == 2)
            assert [2, 3] == inbox.offsets(tp)
            assert 2 == await ports.reader.first_offset(tp, 0)
