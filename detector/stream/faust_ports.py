"""The shell's ports as a worker has them: Faust's consumer and producer, aiokafka's reader, kafka-python's admin."""

import asyncio
import secrets
import time
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any

from aiokafka.structs import OffsetAndMetadata
from faust.types import TP

from detector.core.topology import Topology
from detector.kafka.redrives import Redrives, read_redrives
from detector.kafka.topics import TopicFacts, delete_before, inspect, topic_ids
from detector.settings import Settings
from detector.stream.app import build_app
from detector.stream.aside import ask_aside
from detector.stream.packed import Record
from detector.stream.ports import Chunk, Listener, Ports, Presence, Reader
from detector.stream.same_model import Runs, another_model
from detector.stream.static_names import lost


class FaustKafka:
    """Source and producer in one: both are parts of one Faust app.

    `input_topics` by the name of their agent; `runs`: the worker's model; standbys follow the rows
    of those `with_rows`.
    """

    def __init__(
        self, settings: Settings, input_topics: Mapping[str, str], runs: Runs, with_rows: frozenset[str] = frozenset()
    ) -> None:
        self._app = build_app(
            settings,
            input_topics,
            topics_with_rows=with_rows,
            runs=runs,
            on_chunk=self._on_chunk,
            on_assigned=self._on_assigned,
            on_revoked=self._on_revoked,
        )
        self._settings = settings
        self._runs = runs
        self._listener: Listener | None = None
        self._lost: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self._named = False  # it has had its static name in the group

    @property
    def generation(self) -> int:
        """See `Source`."""
        return int(self._app.consumer_generation_id)

    @property
    def moving(self) -> bool:
        """See `Source`."""
        return self._app.chunk_consumer.moving

    async def start(self, listener: Listener) -> None:
        """See `Source`."""
        self._listener = listener
        await self._app.start()

    async def stop(self) -> None:
        """See `Source`."""
        await self._app.stop()

    async def crashed(self) -> BaseException:
        """See `Source`."""
        stopped: asyncio.Future[Any] = asyncio.ensure_future(self._app.wait_until_stopped())
        await asyncio.wait({stopped, self._lost}, return_when=asyncio.FIRST_COMPLETED)
        if self._lost.done():
            return self._lost.result()
        return self._app.crash_reason or RuntimeError("a service of the app crashed")

    def assignment(self) -> set[TP]:
        """See `Source`."""
        return set(self._app.consumer.assignment())

    @property
    def follows(self) -> frozenset[TP]:
        """See `Source`."""
        return self._app.chunk_consumer.follows

    def pause(self) -> None:
        """See `Source`."""
        self._app.consumer.stop_flow()
        self._app.flow_control.suspend()

    async def hold(self, partitions: Collection[TP]) -> None:
        """See `Source`."""
        await self._app.chunk_consumer.hold(partitions)

    async def begin_offset(self, tp: TP) -> int:
        """See `Source`."""
        return int((await self._app.consumer.earliest_offsets(tp))[tp])

    async def end_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """See `Source`."""
        return dict(await self._app.consumer.highwaters(*partitions))

    def withheld(self, tp: TP) -> int:
        """See `Source`."""
        return self._app.chunk_consumer.withheld(tp)

    async def position(self, tp: TP) -> int | None:
        """See `Source`."""
        return await self._app.consumer.position(tp)

    async def read_again(self, tp: TP, offset: int) -> None:
        """See `Source`."""
        await self._app.chunk_consumer.read_again(tp, offset)

    async def commit(self, positions: Mapping[TP, OffsetAndMetadata], generation: int) -> bool:
        """See `Source`."""
        return await self._app.chunk_consumer.commit_positions(positions, generation)

    async def committed(self, partitions: set[TP]) -> Mapping[TP, OffsetAndMetadata]:
        """See `Source`."""
        return await self._app.chunk_consumer.committed_positions(partitions)

    async def send_one(self, topic: str, key: bytes, value: bytes) -> "asyncio.Future[Any]":
        """See `Producer`."""
        return await self._app.record_producer.send_one(topic, key, value)

    async def send_batch(self, topic: str, partition: int, values: list[bytes]) -> "asyncio.Future[Any]":
        """See `Producer`."""
        return await self._app.record_producer.send_batch(topic, partition, values)

    async def send_records(
        self, topic: str, partition: int, records: Iterable[Record], *, compressed: bool = False
    ) -> "list[asyncio.Future[Any]]":
        """See `Producer`."""
        return await self._app.record_producer.send_records(topic, partition, records, compressed=compressed)

    async def _on_chunk(self, message: Any) -> None:
        assert self._listener is not None
        fetched = message.value
        await self._listener.on_chunk(Chunk(message.tp, fetched.records, message.generation_id, fetched.begin))

    async def _on_assigned(self) -> None:
        assert self._listener is not None
        if running := self._app.chunk_consumer.other_model:
            self._end(another_model(self._settings, self._runs, running))
            return
        self._named = bool(self._settings.static_member)
        await self._listener.begin()

    async def _on_revoked(self) -> None:
        assert self._listener is not None
        await self._listener.finish()
        # A member whose name was taken is told that nobody knows it, and would join again and take the name back.
        # Before it was assigned anything it never had the name: whoever died with it may still be in the group.
        if self._named and (error := await lost(self._settings, self._app.chunk_consumer.member_id)) is not None:
            self._end(error)
            await asyncio.Event().wait()

    def _end(self, error: BaseException) -> None:
        if not self._lost.done():
            self._lost.set_result(error)


class KafkaTopics:
    """Topics, through the admin client."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def facts(self) -> Mapping[str, TopicFacts]:
        """See `Topics`."""
        return await ask_aside(lambda: inspect(self._settings), "topic facts")

    def ids(self, names: list[str]) -> Mapping[str, str]:
        """See `Topics`."""
        return topic_ids(self._settings, names)

    async def redrives(self) -> Redrives:
        """See `Topics`."""
        return await ask_aside(lambda: read_redrives(self._settings), "redrives")

    def delete_before(self, offsets: Mapping[TP, int]) -> None:
        """See `Topics`."""
        delete_before(self._settings, offsets)


def faust_ports(settings: Settings, topology: Topology, runs: Runs, presence: Presence, reader: Reader) -> Ports:
    """The ports of a worker that runs all nodes of `topology`."""
    with_rows = frozenset(settings.input_topic(node) for node in topology.nodes if node.stage is not None)
    kafka = FaustKafka(settings, {node.name: settings.input_topic(node) for node in topology.nodes}, runs, with_rows)
    return Ports(kafka, kafka, reader, KafkaTopics(settings), presence, time.monotonic, partial(secrets.randbits, 64))
