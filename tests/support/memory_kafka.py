"""The model's small Kafka as a broker that answers at once: for the suite that holds it to a real one."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from faust.types import TP
from support.ports_suite import CHUNK, KeyValue
from support.protocol.bus import SETTINGS, Commit, Queue, Record, topics_of
from support.protocol.fake_ports import FakeProducer, FakeReader, FakeSource, FakeTopics, Here, Look
from support.protocol.judge import Lenient
from support.protocol.kafka import Durable, Kafka
from support.protocol.scenes import both_world
from support.protocol.world import Left

from detector.contract.records import Records
from detector.stream.ports import Chunk, Listener, Ports


class MemoryCluster:
    """A Kafka in memory, one partition a topic, and a group whose newest member holds everything."""

    def __init__(self) -> None:
        self.settings = SETTINGS.model_copy(update={"max_chunk_records": CHUNK})
        setup = both_world((), Left())
        self.inputs = setup.scene.inputs
        self.source = self.inputs[0]
        self.topics = {tp.topic for tp in self.inputs}.union(*topics_of(setup.scene.topology))
        self.kafka = Kafka(setup.scene, ((self.source, ()),), Lenient(), compacts=True)
        self.number = 0
        self.generation = 0
        self.owner: Member | None = None

    @property
    def durable(self) -> Durable:
        """What is durable."""
        return self.kafka.durables[self.number]

    def ports(self) -> Ports:
        """Those of one more process."""
        member = Member(self)
        source = MemorySource(member)
        topics = FakeTopics(member, self.kafka.delete_before)
        return Ports(source, FakeProducer(member), FakeReader(member), topics, Here(), lambda: 0.0, lambda: 1)

    def put(self, topic: str, records: Sequence[KeyValue], *, marked: bool = False) -> None:
        """Append records."""
        if topic != self.source.topic:
            self.number = self.kafka.append(self.number, (topic, 0), tuple(records))
            return
        _, end = self.kafka.ends(self.durable, self.source)
        new = [Record(end + index, key, value or b"") for index, (key, value) in enumerate(records)]
        self.kafka.extend(self.source, (*new, *([Record(end + len(new), None, b"", marker=True)] if marked else [])))


class Member:
    """What stands behind one process: see `Backend`."""

    waits_for_room = reads_rows = False
    partitions = 1

    def __init__(self, cluster: MemoryCluster) -> None:
        self.cluster = cluster
        self.settings = cluster.settings
        self.topics = cluster.topics
        self.name = 0
        self.listener: Listener | None = None
        self.paused = False
        self.held: set[TP] = set()
        self._next: dict[TP, int] = {}

    @property
    def generation(self) -> int:
        return self.name

    @property
    def inputs(self) -> tuple[TP, ...]:
        return self.cluster.inputs if self.cluster.owner is self else ()

    @property
    def topic_ids(self) -> Mapping[str, str]:
        return {tp.topic: f"id of {tp.topic}" for tp in self.cluster.inputs}

    @property
    def ends(self) -> Mapping[TP, tuple[int, int]]:
        return {tp: self.cluster.kafka.ends(self.cluster.durable, tp) for tp in self.cluster.inputs}

    @property
    def changelogs(self) -> Mapping[Queue, Any]:
        return dict(self.cluster.durable.changelogs)

    @property
    def followed(self) -> Mapping[Queue, Any]:
        return {}

    @property
    def commits(self) -> Mapping[TP, tuple[int, str]]:
        return dict(self.cluster.durable.commits)

    async def ask(self, ask: Any) -> Any:
        await asyncio.sleep(0)
        cluster = self.cluster
        if isinstance(ask, Look):
            return cluster.kafka.first_offset(cluster.number, *ask)
        assert isinstance(ask, Commit)
        if ask.name != cluster.generation or cluster.owner is not self:
            return False
        cluster.number = cluster.kafka.commit(cluster.number, ask)
        return True

    def enqueue(self, queue: Queue, records: tuple[KeyValue, ...]) -> "asyncio.Future[Any]":
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self.cluster.number = self.cluster.kafka.append(self.cluster.number, queue, records)
        loop.call_soon(future.set_result, None)
        return future

    def fetch_from(self, tp: TP, offset: int) -> None:
        self._next[tp] = offset

    def fetches(self, tp: TP) -> int | None:
        waiting = self._waiting(tp)
        return waiting[0].offset if waiting else self.ends[tp][1]

    async def hand_over(self) -> None:
        """Hand over chunk by chunk, until cancelled."""
        assert self.listener is not None
        while True:
            await asyncio.sleep(0.001)
            for tp in self.inputs:
                if not self.paused and tp not in self.held and (records := self._waiting(tp)[:CHUNK]):
                    begin, self._next[tp] = self._next.get(tp, records[0].offset), records[-1].offset + 1
                    begin = min(begin, records[0].offset)
                    await self.listener.on_chunk(Chunk(tp, Records.of(list(records)), self.name, begin))

    def _waiting(self, tp: TP) -> tuple[Record, ...]:
        return self.cluster.kafka.waiting(self.cluster.number, tp, self._next.get(tp, 0))


class MemorySource(FakeSource):
    """A member that joins and leaves."""

    def __init__(self, member: Member) -> None:
        super().__init__(member)
        self._member = member
        self._handing: asyncio.Task[None] | None = None

    async def start(self, listener: Listener) -> None:
        cluster, member = self._member.cluster, self._member
        if cluster.owner is not None and cluster.owner.listener is not None:
            await cluster.owner.listener.finish()
        cluster.generation += 1
        cluster.owner, member.name, member.listener = member, cluster.generation, listener
        await listener.begin()
        self._handing = asyncio.create_task(member.hand_over())

    async def stop(self) -> None:
        if self._member.cluster.owner is self._member:
            self._member.cluster.owner = None
        if self._handing is not None:
            self._handing.cancel()
            with suppress(asyncio.CancelledError):
                await self._handing

    async def hold(self, partitions: Collection[TP]) -> None:
        self._member.held = set(partitions)

    def pause(self) -> None:
        self._member.paused = True
