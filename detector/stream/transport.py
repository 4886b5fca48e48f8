"""Faust's aiokafka transport with a chunk of records as the message, and commits that only a checkpoint makes.

Everything here is a subclass at an extension point of Faust; nothing of it is patched. Two of Faust's mechanisms
are replaced as a whole. *Per-message delivery*: the scheduler passes on the columns of records that one fetch returned
for a partition, and they become one `ConsumerMessage`. *Acknowledgement*: Faust derives the offset to commit
from acks and gaps, checks no generation, and its fast path acks without the consumer; here `ack` and the commit
timer change nothing, and `Consumer.commit_positions` is the one way an offset reaches the broker.
"""

import asyncio
import contextlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple, cast

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import (
    ConsumerStoppedError,
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust import Schema
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.transports import SchedulingStrategyT
from faust.types.tuples import ConsumerMessage, Message

from detector.contract.records import Records
from detector.stream.assignor import StickyAssignor
from detector.stream.columnar_fetch import fetch, read_by_columns
from detector.stream.producer import Producer

#: Between two attempts of a commit, as aiokafka waits.
COMMIT_AGAIN_S = 0.1
#: The group has rebalanced, or does.
REFUSED = UnknownMemberIdError, IllegalGenerationError, RebalanceInProgressError


class Fetched(NamedTuple):
    """Records of a partition; the log has none between offset `begin` and the first of them."""

    begin: int
    records: Records


class ChunkScheduler(SchedulingStrategyT):
    """Passes on the records of a fetch, one item a partition, instead of record by record."""

    def iterate(self, records: Mapping[TP, Any]) -> Iterator[tuple[TP, Any]]:
        """The fetch's partitions with their records, in the order of the fetch."""
        return iter(records.items())


class ChunkSchema(Schema[Any, Any]):
    """Leaves a message's value as it is: bytes are decoded by the contract, where bad ones become dead letters."""

    def loads_key(self, app: Any, message: Message, **kwargs: Any) -> Any:
        """None: a chunk has no key of its own."""
        return None

    def loads_value(self, app: Any, message: Message, **kwargs: Any) -> Any:
        """What was fetched, as it is."""
        return message.value


#: A full queue's partition is left out of a fetch, which waits a second for the others unless told otherwise.
LOOK_AGAIN_S = 0.01


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that owns the group membership; commits offsets together with their marks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fetched_to: dict[TP, int] = {}  # offset after the last record fetched, of partitions of `_assignment`
        self._assignment: object = None

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust fixes this at 1.5 s, and aiokafka has one fetch under way per broker: a record for a partition that
        # the fetch does not ask for would wait as long.
        consumer._fetch_max_wait_ms = cast(Any, self.app).fetch_max_wait_ms  # noqa: SLF001 - no public way
        self.assignor = StickyAssignor(
            lambda: int(consumer._coordinator.generation),  # noqa: SLF001 - no public way
            cast(Any, self.app).standby_replicas,
            cast(Any, self.app).topics_with_rows,
            cast(Any, self.app).runs,
        )
        consumer._partition_assignment_strategy = [self.assignor]  # noqa: SLF001 - Faust has its own
        # Faust reads committed records only where it writes in transactions itself, which it does not here.
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - no public way
        return consumer

    async def on_start(self) -> None:
        """Start the consumer, which is to give columns."""
        await super().on_start()
        app = cast(Any, self.app)
        read_by_columns(self._ensure_consumer(), app.conf.broker_max_poll_records, columnar=app.columnar_fetch)

    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP] | None,
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's
        max_records: int | None = None,
    ) -> Mapping[TP, Any]:
        """See Faust, which takes records where this takes columns."""
        if not self.consumer.flow_active:
            return {}
        if consumer._closed:  # noqa: SLF001 - no public way
            raise ConsumerStoppedError
        with consumer._subscription.fetch_context():  # noqa: SLF001
            found = await fetch(consumer, active_partitions, timeout or 0, max_records or 1)
        assignment = _assignment_of(consumer)
        if assignment is not self._assignment:
            self._assignment, self._fetched_to = assignment, {}
        return {tp: self._fetched(tp, records) for tp, records in found.items()}

    def _fetched(self, tp: TP, records: Records) -> Fetched:
        """The records with where they begin: where the last ones ended, or earlier where it went back since."""
        first = int(records.offset[0])
        begin = min(first, self._fetched_to.get(tp, first))
        self._fetched_to[tp] = int(records.offset[-1]) + 1
        return Fetched(begin, records)

    @property
    def member_id(self) -> str:
        """The group's id of this member, "" where it does not know it any more."""
        return str(self._ensure_consumer()._coordinator.member_id)  # noqa: SLF001 - no public way

    def withheld(self, tp: TP) -> int:
        """Offsets between the last stable one and the log's end, by the last fetch; 0 where it is not held.

        Called from another thread: the assignment is looked up once.
        """
        assignment = _assignment_of(self._ensure_consumer())
        state = None if assignment is None else assignment.state_value(TopicPartition(*tp))
        if state is None or state.highwater is None or state.lso is None:
            return 0
        return max(0, int(state.highwater - state.lso))

    async def hold(self, partitions: Collection[TP]) -> None:
        """Fetch of all partitions held but these; does not wait until it is so."""
        await self.cast_thread(self._hold, frozenset(TopicPartition(*tp) for tp in partitions))

    async def _hold(self, partitions: frozenset[TopicPartition]) -> None:
        # aiokafka's own pause, not Faust's: that drops what was fetched, as if it had been delivered.
        consumer = self._ensure_consumer()
        paused = consumer.paused()
        consumer.pause(*(partitions & consumer.assignment() - paused))
        consumer.resume(*(paused - partitions))

    async def commit_positions(self, positions: Mapping[TP, OffsetAndMetadata], generation: int) -> bool:
        """Commit `positions` in `generation`; False when the group is in another, so that the task is over."""
        return cast(bool, await self.call_thread(self._commit_positions, positions, generation))

    async def committed_positions(self, partitions: set[TP]) -> dict[TP, OffsetAndMetadata]:
        """Committed offset and metadata of each partition that has one."""
        return cast(dict[TP, OffsetAndMetadata], await self.call_thread(self._committed_positions, partitions))

    async def _commit_positions(self, positions: Mapping[TP, OffsetAndMetadata], generation: int) -> bool:
        if not positions.keys() <= self.assignment():
            return False
        offsets = {TopicPartition(*tp): mark for tp, mark in positions.items()}
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001 - the public way commits in any generation
        return await commit_in(coordinator, offsets, generation)

    async def _committed_positions(self, partitions: set[TP]) -> dict[TP, OffsetAndMetadata]:
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001 - the public way drops metadata
        found = await coordinator.fetch_committed_offsets([TopicPartition(*tp) for tp in partitions])
        return {TP(tp.topic, tp.partition): mark for tp, mark in found.items() if mark.offset >= 0}


async def commit_in(coordinator: Any, offsets: Mapping[TopicPartition, OffsetAndMetadata], generation: int) -> bool:
    """Commit `offsets` with aiokafka's coordinator of a group, in `generation` or not at all; whether Kafka took them.

    aiokafka repeats a commit that got no answer, and names the generation that the group is in by then: a late commit
    of a task that has ended would count for whoever has the partition now.
    """
    while True:
        await coordinator.ensure_coordinator_known()
        if coordinator.generation != generation:
            return False
        try:
            # The request is made before this awaits anything.
            await coordinator._do_commit_offsets(None, offsets)  # noqa: SLF001 - no public way
        except REFUSED:
            return False
        except KafkaError as error:
            if not error.retriable:
                raise
            await asyncio.sleep(COMMIT_AGAIN_S)
        else:
            return True


def _assignment_of(consumer: AIOKafkaConsumer) -> Any:
    """The partitions held, an object of its own after every rebalance; None before the first."""
    subscription = consumer._subscription.subscription  # noqa: SLF001 - no public way
    return None if subscription is None else subscription.assignment


class _NoOffsets(dict[TP, int | None]):
    """Holds no offset of any partition: Faust would drop a chunk that begins before it.

    Around a rebalance Faust may hold the offset of records it never delivered. The shell checks first offsets itself.
    """

    def __getitem__(self, tp: TP) -> None:
        return None


class Consumer(driver.Consumer):
    """A consumer of chunks whose acks commit nothing."""

    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = _NoOffsets()
        self.moving = False

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """See Faust, which may begin with an assignment when its partitions are being revoked already."""
        self.moving = True
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """See Faust."""
        self.moving = False
        await super().on_partitions_assigned(assigned, generation_id)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _to_message(self, tp: TP, fetched: Fetched) -> ConsumerMessage:
        records = fetched.records
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            int(records.offset[-1]),
            int(records.timestamp_ms[-1]) / 1000.0,
            0,
            None,
            None,
            cast(Any, fetched),
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def _wait_next_records(self, timeout: float) -> tuple[Any, set[TP] | None]:  # noqa: ASYNC109 - Faust's
        """See Faust, which sleeps for a second where the queue of every partition is full."""
        while self.flow_active and not self.should_stop and self.assignment() and not self._get_active_partitions():
            await self.sleep(LOOK_AGAIN_S)
        return await super()._wait_next_records(timeout)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Mapping[TP, Any]:  # noqa: ASYNC109 - Faust's
        """See Faust. A partition whose queue is taken meanwhile does not wait until the fetch of the others ends."""
        some_full = active_partitions is not None and len(active_partitions) < len(self.assignment())
        return await super()._getmany(active_partitions, LOOK_AGAIN_S if some_full else timeout)

    async def commit_positions(self, positions: Mapping[TP, OffsetAndMetadata], generation: int) -> bool:
        """Commit offsets with their marks; False when this member may no longer commit them."""
        return await self._thread.commit_positions(positions, generation)

    @property
    def member_id(self) -> str:
        """The group's id of this member, "" where it does not know it any more."""
        return self._thread.member_id

    async def committed_positions(self, partitions: set[TP]) -> dict[TP, OffsetAndMetadata]:
        """Committed offsets with their marks, for those of `partitions` that have any."""
        return await self._thread.committed_positions(partitions)

    def withheld(self, tp: TP) -> int:
        """Offsets behind the last stable one: what an open transaction holds back."""
        return self._thread.withheld(tp)

    @property
    def follows(self) -> frozenset[TP]:
        """Partitions whose rows this member shall follow."""
        return self._thread.assignor.follows

    @property
    def other_model(self) -> str:
        """The group's model, where it is not this member's; "" where it is."""
        return self._thread.assignor.other_model

    async def hold(self, partitions: Collection[TP]) -> None:
        """Fetch of all partitions held but these."""
        await self._thread.hold(partitions)

    async def read_again(self, tp: TP, offset: int) -> None:
        """Continue with the record at `offset`; does nothing where the partition is no longer held."""
        with contextlib.suppress(IllegalStateError):
            await self._thread.seek_wait({tp: offset})

    def ack(self, message: Message) -> bool:
        """Forget the message; only a checkpoint decides what is committed."""
        self._unacked_messages.discard(message)
        return False

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: FBT001, FBT002 - Faust's
        """Does nothing: Faust's timer and shutdown must not commit."""
        return False

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Does nothing: gaps matter only to Faust's own ack accounting."""


class Transport(driver.Transport):
    """The transport of the worker's app."""

    Consumer = Consumer
    Producer = Producer
