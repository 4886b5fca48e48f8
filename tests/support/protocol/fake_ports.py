"""The shell's ports with a Kafka in memory behind them: what is asked and sent waits until the one behind it answers.

Behind them stands a worker of the model, which waits for actions, or a broker that answers at once
(`support.memory_kafka`): the conformance suite holds these very classes to what Faust and a real Kafka do.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple, Protocol, cast

import structlog
from aiokafka.structs import OffsetAndMetadata
from faust.types import TP
from support.changelogs import feed
from support.protocol.bus import Commit, KeyValue, Queue

from detector.core.rows import PackedRows
from detector.core.stage import Stage
from detector.kafka.declarations import declared, declared_config
from detector.kafka.redrives import Redrives
from detector.kafka.topics import TopicFacts
from detector.settings import Settings
from detector.stream.batch_writer import PRODUCER_BATCH_BYTES
from detector.stream.changelog import Recovery
from detector.stream.ports import Listener, Span
from detector.stream.reporting import Reporting

#: Two rows, so that tables grow and shrink in front of our eyes.
FIRST_CAPACITY = 2
#: No process has this name: what it commits is of a generation that is over.
NOBODY = 0


class Room(NamedTuple):
    """The producer waits for room."""


class Rows(NamedTuple):
    """Rows are read."""


class Look(NamedTuple):
    """A look into a log: where is the first record at or after this offset?"""

    tp: TP
    offset: int


class Backend(Protocol):
    """What the ports need of the one behind them; `name` stands for the process in this `generation` of the group."""

    name: int
    settings: Settings
    partitions: int
    waits_for_room: bool
    reads_rows: bool  # restoring takes time

    @property
    def generation(self) -> int:
        """Of the group, as this process knows."""

    @property
    def inputs(self) -> tuple[TP, ...]:
        """The partitions held."""

    @property
    def topics(self) -> set[str]:
        """Inputs of all nodes, and the changelogs of their rows."""

    @property
    def topic_ids(self) -> Mapping[str, str]:
        """Kafka's ids of topics."""

    @property
    def ends(self) -> Mapping[TP, tuple[int, int]]:
        """First offset and offset after the last."""

    @property
    def changelogs(self) -> Mapping[Queue, Any]:
        """The records of every changelog partition."""

    @property
    def followed(self) -> Mapping[Queue, Any]:
        """What a standby has read of every changelog partition."""

    @property
    def commits(self) -> Mapping[TP, tuple[int, str]]:
        """Committed offsets with metadata."""

    async def ask(self, ask: Any) -> Any:
        """Wait for the answer to a `Commit`, a `Look`, for `Room` or `Rows`."""

    def enqueue(self, queue: Queue, records: tuple[KeyValue, ...]) -> "asyncio.Future[Any]":
        """Hand over records as one batch."""

    def fetch_from(self, tp: TP, offset: int) -> None:
        """Hand over what is at `offset` next."""

    def fetches(self, tp: TP) -> int | None:
        """Where it fetches next."""


class FakeSource:
    """A member of a group. What is behind it calls the listener; `start` and `stop` belong to a broker."""

    moving = False

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @property
    def generation(self) -> int:
        return self._backend.generation

    async def start(self, listener: Listener) -> None:
        raise NotImplementedError

    async def stop(self) -> None:
        raise NotImplementedError

    async def crashed(self) -> BaseException:
        return cast(BaseException, await asyncio.get_running_loop().create_future())

    def assignment(self) -> set[TP]:
        return set(self._backend.inputs)

    @property
    def follows(self) -> frozenset[TP]:
        return frozenset()

    def pause(self) -> None:
        raise NotImplementedError

    async def hold(self, partitions: Collection[TP]) -> None:
        """Chunks come in any order, whatever is held."""

    async def begin_offset(self, tp: TP) -> int:
        return self._backend.ends[tp][0]

    async def end_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        return {tp: self._backend.ends[tp][1] for tp in partitions if tp in self._backend.ends}

    def withheld(self, tp: TP) -> int:
        return 0

    async def position(self, tp: TP) -> int | None:
        return self._backend.fetches(tp)

    async def read_again(self, tp: TP, offset: int) -> None:
        if tp in self._backend.inputs:
            self._backend.fetch_from(tp, offset)

    async def commit(self, positions: Mapping[TP, OffsetAndMetadata], generation: int) -> bool:
        asked = tuple((tp, mark.offset, mark.metadata) for tp, mark in sorted(positions.items()))
        name = self._backend.name if generation == self._backend.generation else NOBODY
        return bool(await self._backend.ask(Commit(asked, name)))

    async def committed(self, partitions: set[TP]) -> Mapping[TP, OffsetAndMetadata]:
        found = self._backend.commits
        return {tp: OffsetAndMetadata(*found[tp]) for tp in partitions if tp in found}


class FakeProducer:
    """Batches that are in the log once whoever is behind it says so."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def send_one(self, topic: str, key: bytes, value: bytes) -> "asyncio.Future[Any]":
        if self._backend.waits_for_room:
            await self._backend.ask(Room())
        return self._backend.enqueue((topic, 0), ((key, value),))

    async def send_batch(self, topic: str, partition: int, values: list[bytes]) -> "asyncio.Future[Any]":
        if sum(map(len, values)) > PRODUCER_BATCH_BYTES:
            raise ValueError(f"{len(values)} messages do not fit into a batch")
        return self._backend.enqueue((topic, partition), tuple((None, value) for value in values))

    async def send_records(
        self, topic: str, partition: int, records: Iterable[tuple[bytes, bytes | None]], *, compressed: bool = False
    ) -> "list[asyncio.Future[Any]]":
        # Batches are cut at any size: one record each is the most that can come between two of them.
        return [self._backend.enqueue((topic, partition), (record,)) for record in records]


class FakeReader:
    """Reads what is durable; `rows` and `recovery` are the classes that rows are restored into."""

    rows: Callable[..., PackedRows] = PackedRows
    recovery: Callable[[Stage], Recovery] = Recovery

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def restore(
        self, stages: Mapping[TP, Stage], still_wanted: Callable[[], bool], progressed: Callable[[], None]
    ) -> dict[TP, Recovery] | None:
        recoveries = {tp: type(self).recovery(stage) for tp, stage in stages.items()}
        if self._backend.reads_rows:
            await self._backend.ask(Rows())
        for tp, recovery in recoveries.items():
            recovery.rows = type(self).rows(stages[tp].row, FIRST_CAPACITY)
            # Record by record, the finest slices there are.
            queue = tp.topic, tp.partition
            followed = self._backend.followed.get(queue, ())
            for key, value in (*followed, *self._unread(self._backend.changelogs.get(queue, ()), followed)):
                feed(recovery, [(key or b"", value)])
                progressed()
        return recoveries if still_wanted() else None

    def _unread(self, log: Sequence[KeyValue], followed: Sequence[KeyValue]) -> Sequence[KeyValue]:
        """What lies behind all that was followed: compaction leaves the order as it is."""
        return log[next((index for index, record in enumerate(log) if record not in followed), len(log)) :]

    def follow(self, stages: Mapping[TP, Stage], ids: Mapping[str, str]) -> None:
        """Who is behind it says what was followed."""

    async def first_offset(self, tp: TP, offset: int) -> int | None:
        return cast("int | None", await self._backend.ask(Look(tp, offset)))

    async def without_records(self, spans: Mapping[TP, Span]) -> set[TP]:
        first = {tp: await self.first_offset(tp, begin) for tp, (begin, _) in spans.items()}
        return {tp for tp, (_, end) in spans.items() if (found := first[tp]) is None or found >= end}


class FakeTopics:
    """Every declared topic, and those that are read here; `delete` takes a partition and an offset."""

    def __init__(self, backend: Backend, delete: Callable[[TP, int], None] | None = None) -> None:
        self._backend = backend
        self._delete = delete

    async def facts(self) -> Mapping[str, TopicFacts]:
        backend = self._backend
        topics, ids = tuple(sorted(backend.topics)), tuple(sorted(backend.topic_ids.items()))
        return _facts(backend.settings, backend.partitions, topics, ids)

    def ids(self, names: list[str]) -> Mapping[str, str]:
        return {name: self._backend.topic_ids[name] for name in names if name in self._backend.topic_ids}

    async def redrives(self) -> Redrives:
        return Redrives()

    def delete_before(self, offsets: Mapping[TP, int]) -> None:
        assert self._delete is not None, "nothing is deleted here"
        for tp, offset in offsets.items():
            self._delete(tp, offset)


class Here:
    """A Kafka that answers."""

    away = ""

    async def look(self) -> bool:
        return True

    async def back(self) -> None:
        return

    async def gone(self) -> None:
        await asyncio.get_running_loop().create_future()


@cache
def _facts(
    settings: Settings, partitions: int, topics: tuple[str, ...], topic_ids: tuple[tuple[str, str], ...]
) -> Mapping[str, TopicFacts]:
    by_name = {topic.name(settings): topic for topic in declared(settings)}
    ids, facts = dict(topic_ids), dict[str, TopicFacts]()
    for name in {*topics, *by_name}:
        topic = by_name.get(name)
        count, config = (topic.partitions or partitions, declared_config(topic, 1)) if topic else (partitions, {})
        facts[name] = TopicFacts(name, ids.get(name, ""), count, 1, config)
    return facts


class _Silent:
    """Metrics that keep nothing."""

    def stage(self, _: str) -> "_Silent":
        return self

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def silent_reporting(nodes: list[str]) -> Reporting:
    """Reports to nobody."""
    return Reporting(cast(Any, _Silent()), nodes, burn_in_days=0)


@contextmanager
def silence() -> Iterator[None]:
    """Nothing is logged: workers die by the million."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
