"""What a history left, written to a Kafka in memory: a worker goes on from it, or from nothing half done."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from faust.types import TP
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata
from support.changelogs import feed
from support.memory_kafka import MemoryCluster
from support.protocol.bus import SETTINGS, TTL_MS, Commit
from support.protocol.fake_ports import silent_reporting
from support.protocol.scenes import AlertsOnAll, Happening, counting_topology, records_of

from detector.contract.codec import decode_account_events
from detector.contract.vocabulary import ACCOUNT_EVENTS, WALLET_EVENTS
from detector.core.memory import MemoryRun
from detector.errors import UserError
from detector.kafka.topics import TopicFacts
from detector.ops.history import NEVER_MS, History, Slice
from detector.ops.warm import shares_of
from detector.ops.write_state import Share, write_state
from detector.stream.changelog import Recovery
from detector.stream.packed import Record
from detector.stream.shell import Shell

#: Three accounts before, of which two come again, and one that is new.
BEFORE = tuple(Happening(who, when / 100, f"h{when}") for when, who in enumerate((1, 2, 1, 3, 2, 1)))
AFTER = tuple(Happening(who, 0.1 + when / 100) for when, who in enumerate((1, 4, 2, 1, 4)))
TOPOLOGY = counting_topology()
STAGE, CASES = TOPOLOGY.nodes
ROWS = SETTINGS.rows_topic(STAGE.name), 0
PATIENCE_S = 10.0


def batch_of(log: tuple[Happening, ...], first: int = 0) -> Any:
    records = records_of(log)
    offsets = np.arange(first, first + len(log))
    return decode_account_events([one.value for one in records], [one.key for one in records], offsets).batch


def shares(begin: int) -> list[Share]:
    never = {source: np.full(1, NEVER_MS, np.int64) for source in (ACCOUNT_EVENTS, WALLET_EVENTS)}
    history = History(TOPOLOGY, never, partitions=1, ttl_ms=TTL_MS)
    history.play(Slice(batch_of(BEFORE), np.zeros(len(BEFORE), np.int64)))
    topics = [SETTINGS.input_topic(node) for node in TOPOLOGY.nodes]
    facts = {topic: TopicFacts(topic, f"id of {topic}", 1, 1, {}) for topic in topics}
    begins = {TopicPartition(topic, 0): begin if topic == SETTINGS.account_events else 0 for topic in topics}
    return shares_of(SETTINGS, TOPOLOGY, history, facts, begins)


class Interrupted(Exception):  # noqa: N818 - a person's Ctrl-C
    """Somebody pressed Ctrl-C."""


class MemoryLog:
    """Writes to a cluster, one operation after the other, and is interrupted before the one numbered `last`."""

    def __init__(self, cluster: MemoryCluster, last: int = 1_000) -> None:
        self.cluster = cluster
        self.done = 0
        self._last = last
        self._producer = cluster.ports().producer

    def _next(self) -> None:
        if self.done == self._last:
            raise Interrupted
        self.done += 1

    async def send_records(self, topic: str, partition: int, records: Iterable[Record]) -> "list[asyncio.Future[Any]]":
        self._next()
        return await self._producer.send_records(topic, partition, records)

    async def commit(self, commits: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        self._next()
        positions = tuple((TP(*tp), one.offset, one.metadata) for tp, one in commits.items())
        self.cluster.number = self.cluster.kafka.commit(self.cluster.number, Commit(positions, 0))


def filled(cluster: MemoryCluster, begin: int, last: int = 1_000) -> int:
    """Fill it, unless interrupted; the operations done."""
    log = MemoryLog(cluster, last)
    with suppress(Interrupted):
        asyncio.run(write_state(log, shares(begin), 77, lambda _done, _total: None))
    return log.done


class Worker:
    """A shell that has begun on the cluster, or has failed to."""

    def __init__(self, cluster: MemoryCluster) -> None:
        model: Any = AlertsOnAll(1)
        self.ports = cluster.ports()
        self.shell = Shell(
            SETTINGS, TOPOLOGY, model, silent_reporting([node.name for node in TOPOLOGY.nodes]), self.ports
        )

    async def started(self) -> bool:
        starting = asyncio.ensure_future(self.ports.source.start(self.shell))
        either: set[asyncio.Future[Any]] = {starting, self.shell.failed}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_S)
        starting.cancel()
        await asyncio.wait({starting})
        return not self.shell.failed.done()


def rows_in(cluster: MemoryCluster) -> Any:
    recovery = Recovery(STAGE.stage)  # type: ignore[arg-type]
    for key, value in dict(cluster.durable.changelogs).get(ROWS, ()):
        feed(recovery, [(key or b"", value)])
    return recovery.rows.snapshot()


def cluster_with(log: tuple[Happening, ...]) -> tuple[MemoryCluster, int]:
    """A cluster whose log begins with these events, and its first offset."""
    cluster = MemoryCluster()
    records = records_of(log)
    cluster.kafka.extend(cluster.source, records)
    return cluster, records[0].offset


def test_a_worker_goes_on_as_if_it_had_read_the_history() -> None:
    cluster, begin = cluster_with(AFTER)
    filled(cluster, begin)

    async def work() -> None:
        worker = Worker(cluster)
        assert await worker.started()
        (task,) = (task for task in worker.shell.tasks.values() if task.node == STAGE.name)
        assert (3, 0) == (task.pipeline.rows.count, task.pipeline.rows.dirty_count)
        times = batch_of(BEFORE).occurred_at_ms
        assert (times.min(), times.max()) == (task.pipeline.begun_ms, task.pipeline.watermark_ms)
        async with asyncio.timeout(PATIENCE_S):
            while task.committed < begin + len(AFTER):
                await asyncio.sleep(0.01)
                await worker.shell.checkpoint()
        await worker.ports.source.stop()

    asyncio.run(work())
    expected = MemoryRun(TOPOLOGY, None, ttl_ms=TTL_MS)
    expected.process(batch_of(BEFORE))
    expected.process(batch_of(AFTER, len(BEFORE)))
    wanted, found = expected.pipelines[STAGE.name].rows.snapshot(), rows_in(cluster)
    assert begin <= found["last_offset"].min()
    for rows in (wanted, found):  # where in its log an event lies is another matter
        rows["last_offset"], rows["last_index"] = 0, 0
    assert wanted.tobytes() == found.tobytes()
    assert [1, 2, 3, 5] == sorted(found["events"].tolist())


#: Headers of both changelogs, rows, commit, headers.
OPERATIONS = 6


@pytest.mark.parametrize("last", range(OPERATIONS + 1))
def test_interrupted_anywhere_no_worker_starts_on_what_is_half_done(last: int) -> None:
    cluster, begin = cluster_with(AFTER)
    assert last == filled(cluster, begin, last)

    async def start() -> Any:
        worker = Worker(cluster)
        return None if await worker.started() else worker.shell.failed.result()

    failure = asyncio.run(start())
    if last in {0, OPERATIONS}:
        assert failure is None
    else:
        assert isinstance(failure, UserError)
        assert "run `kozamori state warm` again (or `import`)" in str(failure)


def test_rows_are_durable_before_the_commit_and_told_of() -> None:
    cluster, begin = cluster_with(AFTER)
    told: list[tuple[int, int]] = []
    log = MemoryLog(cluster)
    asyncio.run(write_state(log, shares(begin), 77, lambda done, total: told.append((done, total))))
    assert OPERATIONS == log.done
    assert [(3, 3)] == told
    assert {(SETTINGS.account_events, begin)} == {(tp.topic, at) for tp, (at, _) in cluster.durable.commits}
