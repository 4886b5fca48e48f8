"""Rows restored by a consumer that fails: its own error is raised, no other."""

import asyncio
from typing import Any

import numpy as np
import pytest
from aiokafka.errors import KafkaTimeoutError
from aiokafka.structs import TopicPartition
from faust.types import TP

from detector.contract.records import Records
from detector.core.stages.account import ACCOUNT
from detector.errors import WorkerError
from detector.stream.changelog import Header, encode_header
from detector.stream.restore import KafkaReader

CHANGELOG = TP("rows", 0)
HEADER = Header("account-events", "id-1", 1, "account")


class FakeConsumer:
    """A changelog of headers; `ends` fails where the test wants, and `stop` lets a cancellation leak, as aiokafka's."""

    def __init__(self, **_: Any) -> None:
        self.read = 0

    records = 3
    error: Exception | None = None

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        raise asyncio.CancelledError

    def assign(self, _: list[TopicPartition]) -> None:
        pass

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        if self.error is not None:
            raise self.error
        return dict.fromkeys(partitions, self.records)

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def getmany(self, tp: TopicPartition, timeout_ms: int) -> dict[TopicPartition, Records]:
        key, value = encode_header(HEADER)
        self.read += 1
        return {tp: Records.from_lists([value], [key], np.zeros(1, np.int64), np.zeros(1, np.int64))}

    async def position(self, _: TopicPartition) -> int:
        return self.read


class Away(FakeConsumer):
    """Kafka does not answer."""

    error = KafkaTimeoutError("no answer within 40 s")


class NeverStops(FakeConsumer):
    """Its stop hangs."""

    async def stop(self) -> None:
        await asyncio.Event().wait()


def nothing() -> None:
    """Ignores progress."""


async def test_the_cause_of_a_failed_restore_comes_out_whatever_its_consumer_does_when_stopped() -> None:
    reader = KafkaReader({}, Away)
    with pytest.raises(WorkerError, match=r"rows could not be restored.*no answer within 40 s"):
        await reader.restore({CHANGELOG: ACCOUNT}, lambda: True, nothing)


async def test_rows_that_were_read_are_not_lost_to_a_stop_that_is_cancelled() -> None:
    reader = KafkaReader({}, FakeConsumer)
    found = await reader.restore({CHANGELOG: ACCOUNT}, lambda: True, nothing)
    assert found is not None
    assert HEADER == found[CHANGELOG].header


async def test_a_stop_that_hangs_holds_nobody_up() -> None:
    reader = KafkaReader({}, NeverStops, stop_s=0.01)
    async with asyncio.timeout(10):
        assert await reader.restore({CHANGELOG: ACCOUNT}, lambda: False, nothing) is None


async def test_every_slice_of_a_restore_is_progress() -> None:
    reader = KafkaReader({}, FakeConsumer)
    slices: list[None] = []
    await reader.restore({CHANGELOG: ACCOUNT}, lambda: True, lambda: slices.append(None))
    assert FakeConsumer.records == len(slices)


async def test_whoever_cancels_a_restore_sees_it_cancelled() -> None:
    class Silent(FakeConsumer):
        async def getmany(self, tp: TopicPartition, timeout_ms: int) -> dict[TopicPartition, Records]:
            await asyncio.Event().wait()
            return {}

    reader = KafkaReader({}, Silent)
    task = asyncio.ensure_future(reader.restore({CHANGELOG: ACCOUNT}, lambda: True, nothing))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
