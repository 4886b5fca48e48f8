"""A real shell over ports that a test sets: one partition, of which a task is made by hand."""

from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

from faust.types import TP
from support.protocol.bus import SETTINGS, Commit, topics_of
from support.protocol.fake_ports import FakeProducer, FakeReader, FakeSource, FakeTopics, Here, Look, silent_reporting
from support.protocol.scenes import AlertsOnAll, counting_topology

from detector.contract.records import Records
from detector.core.pipeline import Pipeline
from detector.jst import DAY_MS
from detector.stream.changelog import Superseded, no_pairs
from detector.stream.partition_task import PartitionTask
from detector.stream.ports import Chunk, Ports
from detector.stream.processor import Processor, Wiring
from detector.stream.shell import Shell

INPUT = TP(SETTINGS.account_events, 0)
Work = Callable[[], Coroutine[Any, Any, Any]]


async def nothing() -> None:
    """What is asked for is answered at once."""


class Backend:
    """Answers as the test wants; `read_again` has the offsets that were asked for again."""

    settings, partitions, waits_for_room, reads_rows = SETTINGS, 1, False, False
    generation = 1

    def __init__(self) -> None:
        self.inputs: tuple[TP, ...] = (INPUT,)
        self.name = 1
        self.topics = {INPUT.topic, *topics_of(counting_topology())[0]}
        self.ends = {INPUT: (0, 10_000)}
        self.topic_ids: dict[str, str] = {}
        self.changelogs: dict[Any, Any] = {}
        self.followed: dict[Any, Any] = {}
        self.commits: dict[TP, tuple[int, str]] = {}
        self.following = 0
        self.read_again: list[int] = []

    async def ask(self, ask: Any) -> Any:
        if isinstance(ask, Look):
            return self.following
        assert isinstance(ask, Commit)
        return True

    def enqueue(self, queue: Any, records: Any) -> Any:
        raise NotImplementedError

    def fetch_from(self, tp: TP, offset: int) -> None:
        self.read_again.append(offset)

    def fetches(self, tp: TP) -> int | None:
        raise NotImplementedError


class Source(FakeSource):
    """Awaits `asked` before an answer."""

    asked: Work = staticmethod(nothing)

    async def begin_offset(self, tp: TP) -> int:
        await self.asked()
        return await super().begin_offset(tp)

    async def commit(self, positions: Any, generation: int) -> bool:
        await self.asked()
        return await super().commit(positions, generation)


class Reader(FakeReader):
    """Awaits `restoring` before rows are there, which are `found`: None where the group moved on."""

    restoring: Work = staticmethod(nothing)
    found: Any = ()

    async def restore(self, *args: Any) -> Any:
        await self.restoring()
        return None if self.found is None else await super().restore(*args)


class Ported:
    """The shell, and what stands behind its ports: as given, or answering everything at once."""

    def __init__(self, backend: Backend | None = None, source: type[Source] = Source) -> None:
        self.backend = backend or Backend()
        self.source, self.reader, self.presence = source(self.backend), Reader(self.backend), Here()
        producer, topics = FakeProducer(self.backend), FakeTopics(self.backend)
        ports = Ports(self.source, producer, self.reader, topics, self.presence, lambda: 0.0, lambda: 1)
        topology = counting_topology()
        reporting = silent_reporting([node.name for node in topology.nodes])
        model: Any = AlertsOnAll(1)
        self.shell = Shell(SETTINGS, topology, model, reporting, ports)
        self._wiring = Wiring(topology, model, 1, (SETTINGS.account_events, SETTINGS.wallet_events))

    def take(self, *, position: int, committed: int | None = None) -> PartitionTask:
        """The shell holds the partition, and has read it up to `position`."""
        wiring = self._wiring
        node = wiring.topology.nodes[0]
        pipeline = Pipeline(wiring.topology, node, wiring.model, ttl_ms=DAY_MS)
        processor = Processor(wiring, 0, pipeline, wiring.marks(node))
        task = PartitionTask(INPUT, 1, processor, Superseded(no_pairs()), position, "", node.name)
        task.committed = position if committed is None else committed
        self.shell.tasks[INPUT] = task
        return task


def chunk_at(*offsets: int) -> Chunk:
    """Records that are no events."""
    records = [SimpleNamespace(offset=offset, key=b"", value=b"", timestamp=0) for offset in offsets]
    return Chunk(INPUT, Records.of(records), 1, offsets[0])
