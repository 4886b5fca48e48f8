"""Follows the messages of topics for a program: each once, in order, on from where a group stopped."""

import logging
import threading
import weakref
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

import msgspec
from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError

from detector.errors import UserError
from detector.kafka.clients import RECONNECT_MS
from detector.kafka.errors import explain, kafka_errors
from detector.kafka.membership import close, commit
from detector.kafka.watch import BrokerWatch

log = logging.getLogger(__name__)

#: Poll timeout, and so the longest delay of `stop`.
POLL_MS = 500
CONNECT_MS = 10_000
#: The broker answers nobody who leaves while the group gathers, and that can take as long as its slowest member.
CLOSE_MS = 3_000
#: Beyond that, kafka-python waits without bound for its own thread, which under load has gone on for ever.
CLOSE_S = 5.0


class _Schema(msgspec.Struct):
    schema: int


Message = TypeVar("Message")


class LogRecord(Protocol):
    """A record of a topic, as kafka-python's `ConsumerRecord`."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def value(self) -> bytes | None: ...


def readable(record: LogRecord, newest: int, noun: str, read: Callable[[bytes], Message]) -> Message | None:
    """The record's message; None, and a warning, where it is none, or of a schema above `newest`.

    `read` raises `msgspec.DecodeError` for anything that is no message.
    """
    position = f"{record.topic}, partition {record.partition}, offset {record.offset}"
    try:
        schema = msgspec.json.decode(record.value or b"", type=_Schema).schema
        if schema <= newest:
            return read(record.value or b"")
        text = "skipped %s of schema %d at %s: this release reads %d, upgrade"
        log.warning(text, noun, schema, position, newest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # the last: of what is nested very deeply
        log.warning("skipped a record that is no %s at %s", noun.rsplit(maxsplit=1)[-1], position)
    return None


class RecentIds:
    """The last `limit` ids."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ids: dict[str, None] = {}

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._ids

    def repeated(self, message_id: str) -> bool:
        """Whether the id is among the last; remembers it if not."""
        if message_id in self._ids:
            return True
        self._ids[message_id] = None
        if len(self._ids) > self._limit:
            del self._ids[next(iter(self._ids))]
        return False


class _Share(ConsumerRebalanceListener):  # type: ignore[misc]  # without types
    """A member's partitions of its group's; None before the group has given them, and while it gives them anew."""

    def __init__(self) -> None:
        self.partitions: list[TopicPartition] | None = None

    def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        """Wait for what comes next."""
        del revoked
        self.partitions = None

    def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        """Keep them."""
        self.partitions = list(assigned)


class Subscriber(Generic[Message]):
    """An endless iterable of the messages of topics; a context manager, and not thread-safe but for `stop`.

    See `detector.subscriber.AlertSubscriber` for the arguments. A subclass says how a message is read, its id, and
    which ones are wanted.
    """

    schema: int  # the newest that it reads
    noun: str

    def __init__(
        self,
        bootstrap: str | list[str],
        topics: Sequence[str],
        *,
        group: str | None,
        from_beginning: bool,
        until_end: bool,
        remembered_ids: int,
        connection: dict[str, Any],
    ) -> None:
        self.repeated = 0
        self.skipped = 0
        self._topics = topics
        self._group = group
        self._address = bootstrap if isinstance(bootstrap, str) else ",".join(bootstrap)
        self._remembered_ids = remembered_ids
        self._recent: dict[TopicPartition, RecentIds] = {}
        self._pending: deque[tuple[TopicPartition, ConsumerRecord]] = deque()
        self._done: dict[TopicPartition, int] = {}
        self._handed_out: tuple[TopicPartition, int] | None = None
        self._stopped = threading.Event()
        self._ends: dict[TopicPartition, int] | None = None
        self._share = _Share()
        with kafka_errors(self._address):
            self._consumer = KafkaConsumer(
                bootstrap_servers=bootstrap,
                group_id=group,
                enable_auto_commit=False,
                isolation_level="read_committed",
                auto_offset_reset="earliest" if from_beginning else "latest",
                bootstrap_timeout_ms=CONNECT_MS,
                allow_auto_create_topics=False,
                **{"reconnect_backoff_max_ms": RECONNECT_MS, **connection},
            )
            try:
                self._begin(from_beginning=from_beginning, until_end=until_end)
            except BaseException:
                self._consumer.close()
                raise
        reader = {"bootstrap_servers": bootstrap, **connection}
        self._watch = BrokerWatch(reader, f"{self.noun.split()[-1]}s wait for it", log.warning)
        weakref.finalize(self, self._watch.stop)  # of one that nobody closes
        self._watch.start()

    @abstractmethod
    def read(self, value: bytes) -> Message:
        """The message of a record's value; raises `msgspec.DecodeError` for anything else."""

    @abstractmethod
    def id_of(self, message: Message) -> str:
        """Its id, the same in every delivery."""

    @abstractmethod
    def wants(self, message: Message) -> bool:
        """Whether it is handed out."""

    def _begin(self, *, from_beginning: bool, until_end: bool) -> None:
        partitions = self._partitions()
        if missing := [topic for topic in self._topics if topic not in {tp.topic for tp in partitions}]:
            raise UserError(
                f"Kafka at {self._address} has no topic {', '.join(missing)}, or does not allow this: run"
                " `kozamori topics create`; `kozamori topics acls` says who needs which rights"
            )
        if self._group is not None:
            if until_end:
                self._ends = self._consumer.end_offsets(partitions, timeout_ms=CONNECT_MS)
            self._consumer.subscribe(list(self._topics), listener=self._share)
            return
        self._consumer.assign(partitions)
        ends = self._consumer.end_offsets(partitions, timeout_ms=CONNECT_MS)
        starts = self._consumer.beginning_offsets(partitions, timeout_ms=CONNECT_MS) if from_beginning else ends
        # Seek now: "from now on" starts here, not at the first poll.
        for tp in partitions:
            self._consumer.seek(tp, starts[tp])
        if until_end:
            self._ends = ends

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Message:
        self._finish_handed_out()
        while not self._stopped.is_set():
            while self._pending:
                tp, record = self._pending.popleft()
                message = self._decode(record)
                if message is not None and self._wanted(tp, message):
                    self._handed_out = (tp, record.offset)
                    return message
                self._done[tp] = record.offset + 1
            if self._at_end():
                break
            try:
                self._poll()
            except KafkaError as error:
                # Keep the client's log on here: a follower should see that it waits for a broker.
                raise UserError(explain(error, self._address)) from error
        raise StopIteration

    def stop(self) -> None:
        """End the iteration within half a second; may be called from another thread or a signal handler."""
        self._stopped.set()

    def close(self) -> None:
        """Stop, commit what was delivered (with a group) and leave. A second call does nothing."""
        self.stop()
        self._watch.stop()
        self._finish_handed_out()
        self._commit()
        close(self._consumer, self._address, CLOSE_MS, CLOSE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            # The last message was not finished.
            self._handed_out = None
        self.close()

    def _poll(self) -> None:
        # Before the poll, which may revoke partitions: only finished messages are committed.
        self._commit()
        self._take_added_partitions()
        for tp, records in self._consumer.poll(POLL_MS).items():
            end = None if self._ends is None else self._ends.get(tp)
            self._pending.extend((tp, record) for record in records if end is None or record.offset < end)

    def _finish_handed_out(self) -> None:
        if self._handed_out is not None:
            tp, offset = self._handed_out
            self._done[tp] = offset + 1
            self._handed_out = None

    def _wanted(self, tp: TopicPartition, message: Message) -> bool:
        if not self.wants(message):
            return False
        recent = self._recent.setdefault(tp, RecentIds(self._remembered_ids))
        if recent.repeated(self.id_of(message)):
            self.repeated += 1
            return False
        return True

    def _decode(self, record: ConsumerRecord) -> Message | None:
        message = readable(record, self.schema, self.noun, self.read)
        self.skipped += message is None
        return message

    def _commit(self) -> None:
        if self._group is not None:
            self._done = commit(self._consumer, self._group, self._done, CONNECT_MS)

    def _partitions(self) -> list[TopicPartition]:
        found = {topic: self._consumer.partitions_for_topic(topic) or () for topic in self._topics}
        return [TopicPartition(topic, partition) for topic, held in found.items() for partition in sorted(held)]

    def _take_added_partitions(self) -> None:
        """Partitions that the topic got meanwhile are read from their start; the client looks every five minutes."""
        if self._group is not None or self._ends is not None:
            return
        assigned = self._consumer.assignment()
        added = [tp for tp in self._partitions() if tp not in assigned]
        if added:
            self._consumer.assign([*assigned, *added])
            self._consumer.seek_to_beginning(*added)

    def _at_end(self) -> bool:
        if self._ends is None:
            return False
        own = self._share.partitions if self._group is not None else list(self._ends)
        return own is not None and all(self._consumer.position(tp) >= self._ends.get(tp, 0) for tp in own)
