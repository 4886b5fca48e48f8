"""Columns inside aiokafka's own fetcher, which is given answers by hand: what is delivered, and what never is."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED, Fetcher
from aiokafka.errors import CorruptRecordException, TopicAuthorizationFailedError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.structs import TopicPartition

from detector.stream.columnar_fetch import fetch, read_by_columns

A, B = TopicPartition("a", 0), TopicPartition("b", 0)
REFUSED = TopicAuthorizationFailedError.errno
MOST = 10


class Position:
    """Where a partition is read."""

    paused = False
    has_valid_position = True

    def __init__(self) -> None:
        self.position = 0

    def consumed_to(self, position: int) -> None:
        self.position = position


class Client:
    """Answers a fetch with what is in the logs, from the offset asked for."""

    def __init__(self) -> None:
        self.sets: dict[TopicPartition, tuple[int, bytes]] = {}

    async def send(self, _: int, request: Any) -> Any:
        topics = [
            (topic, [(part, *self._answer(TopicPartition(topic, part))) for part, *_ in parts])
            for topic, parts in request.topics
        ]
        return SimpleNamespace(API_VERSION=4, topics=topics)

    def _answer(self, tp: TopicPartition) -> tuple[int, int, int, list[Any], bytes]:
        error, raw = self.sets[tp]
        return error, 99, 99, [], raw


class Consumer:
    """What `fetch` needs of a consumer of `A` and `B`: a fetcher that fetches when told."""

    def __init__(self, *, columnar: bool = True) -> None:
        self.positions = {A: Position(), B: Position()}
        self.assignment = SimpleNamespace(active=True, state_value=self.positions.__getitem__)
        self.client = Client()
        fetcher = Fetcher.__new__(Fetcher)
        fetcher.__dict__ |= {
            "_client": self.client,
            "_records": OrderedDict(),
            "_subscriptions": SimpleNamespace(reassignment_in_progress=False, is_assigned=lambda _: True),
            "_wait_consume_future": None,
            "_fetch_waiters": set(),
            "_closed": False,
            "_loop": asyncio.get_running_loop(),
            "_client_rack": None,
            "_rack_warning_logged": False,
            "_preferred_read_replica": {},
            "_key_deserializer": None,
            "_value_deserializer": None,
            "_check_crcs": True,
            "_isolation_level": READ_COMMITTED,
            "_prefetch_backoff": 0.1,
            "_max_partition_fetch_bytes": 1,
        }
        self._fetcher = fetcher
        read_by_columns(self, MOST, columnar=columnar)

    async def answer(self, sets: Mapping[TopicPartition, tuple[int, bytes]]) -> None:
        """Let an answer come."""
        self.client.sets |= sets
        asked = [(tp.topic, [(tp.partition, self.positions[tp].position, 1)]) for tp in sets]
        await self._fetcher._proc_fetch_request(self.assignment, 0, FetchRequest(0, 0, 0, 1, asked))

    async def take(self, *partitions: TopicPartition, most: int = 100) -> dict[TopicPartition, list[int]]:
        """Offsets that are delivered."""
        found = await fetch(self, partitions, 0, most)
        return {tp: records.offset.tolist() for tp, records in found.items()}


def records(count: int) -> tuple[int, bytes]:
    """A message set from offset 0 on."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 16)
    for i in range(count):
        builder.append(i, 0, b"k", b"v", [])
    return 0, bytes(builder.build())


@pytest.mark.parametrize("columnar", [True, False])
async def test_every_partition_gives_a_slice_and_keeps_the_rest(columnar: bool) -> None:
    consumer = Consumer(columnar=columnar)
    await consumer.answer({A: records(25), B: records(3)})
    assert {A: [*range(10)], B: [0, 1, 2]} == await consumer.take()
    assert {A: [*range(10, 20)]} == await consumer.take()
    assert [A] == list(consumer._fetcher._records), "B is read: more of it may be fetched"
    assert {} == await consumer.take(B)
    assert {A: [*range(20, 25)]} == await consumer.take(A)
    assert [] == list(consumer._fetcher._records)
    assert {A: 25, B: 3} == {tp: position.position for tp, position in consumer.positions.items()}


async def test_no_more_partitions_are_taken_where_there_are_records_enough() -> None:
    consumer = Consumer()
    await consumer.answer({A: records(10), B: records(3)})
    assert {A: [*range(10)]} == await consumer.take(most=10)
    assert {B: [0, 1, 2]} == await consumer.take(most=10)


async def test_nothing_is_delivered_that_was_fetched_before_a_seek_a_pause_or_a_rebalance() -> None:
    consumer = Consumer()
    await consumer.answer({A: records(25)})
    assert {A: [*range(10)]} == await consumer.take()
    consumer.positions[A].position = 3
    assert {} == await consumer.take()
    await consumer.answer({A: records(25)})
    assert {A: [*range(3, 13)]} == await consumer.take()
    consumer.positions[A].paused = True
    assert {} == await consumer.take()
    consumer.positions[A].paused = False
    await consumer.answer({A: records(25)})
    consumer.assignment.active = False
    assert {} == await consumer.take()
    assert 13 == consumer.positions[A].position


async def test_a_result_keeps_the_message_set_of_its_own_answer() -> None:
    consumer = Consumer()
    await consumer.answer({A: records(5)})
    await consumer.answer({B: records(2)})
    consumer.positions[A].position = 5  # a late answer to an earlier fetch: it is dropped
    consumer.client.sets[A] = records(9)
    asked = FetchRequest(0, 0, 0, 1, [("a", [(0, 0, 1)])])
    await consumer._fetcher._proc_fetch_request(consumer.assignment, 0, asked)
    consumer.positions[A].position = 0
    assert {A: [*range(5)], B: [0, 1]} == await consumer.take()


async def test_an_error_of_one_partition_loses_nothing_of_another() -> None:
    consumer = Consumer()
    await consumer.answer({A: records(5), B: (REFUSED, b"")})
    assert {A: [*range(5)]} == await consumer.take()
    with pytest.raises(TopicAuthorizationFailedError):
        await consumer.take()
    assert {} == await consumer.take()


async def test_a_damaged_batch_is_an_error_and_nothing_is_passed_over() -> None:
    consumer = Consumer()
    _, raw = records(5)
    await consumer.answer({A: (0, raw[:-1] + b"x")})
    for _ in range(2):
        with pytest.raises(CorruptRecordException):
            await consumer.take()
    assert 0 == consumer.positions[A].position
