"""One record at a time of what a group has not finished, however long each takes; the group waits meanwhile."""

import logging
from collections import deque
from collections.abc import Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.structs import OffsetAndMetadata

from detector.errors import UserError
from detector.kafka.clients import TIMEOUT_S, admin_client, open_client
from detector.kafka.errors import address_of, kafka_errors
from detector.kafka.groups import active_members, all_offsets, store_offsets
from detector.kafka.membership import close, commit
from detector.kafka.reading import reader
from detector.kafka.security import client_options
from detector.settings import Settings

log = logging.getLogger(__name__)

POLL_MS = 200
#: Few: what is read and not worked on is read again after every rebalance.
POLL_RECORDS = 50
COMMIT_MS = 5_000
#: A member that was killed holds its partitions so long. Brokers allow no less than 6 s.
SESSION_MS = 10_000
#: A stopped service must be gone within 5 s.
CLOSE_S = 1.5


def begin_now(settings: Settings, group: str, topics: Sequence[str]) -> None:
    """Let a group that has no position begin at the ends of `topics`; nothing where it has one, or members.

    So what comes while its first member joins, or falls before its first commit, is not lost. Partitions that come
    later are read from their start. Raises UserError for a topic that is missing, and for whatever Kafka refuses.
    """
    with reader(settings) as consumer:
        held = {topic: consumer.partitions_for_topic(topic) or () for topic in topics}
        if missing := [topic for topic, numbers in held.items() if not numbers]:
            raise UserError(f"there is no topic {', '.join(missing)}, or this user may not describe it: let it read it")
        ends = consumer.end_offsets(
            [TopicPartition(topic, each) for topic, numbers in held.items() for each in numbers]
        )
    with admin_client(settings) as client:
        if active_members(client, group):
            return
        known = {tp.topic for tp in all_offsets(client, group)}
        new = {tp: OffsetAndMetadata(end, "", -1) for tp, end in ends.items() if tp.topic not in known}
        if new:
            store_offsets(client, group, new)
            log.info("group %s begins at the end of %s", group, ", ".join(sorted({tp.topic for tp in new})))


class KafkaInbox:
    """A member of `group`; used by one thread. Raises UserError where Kafka refuses, KafkaAwayError at the start alone.

    See `detector.notify.ports.Inbox`. Where no broker answers it waits, and says nothing of it.
    """

    def __init__(self, settings: Settings, group: str, topics: Sequence[str]) -> None:
        connection = client_options(settings)
        self._address = address_of(connection)
        self._group = group
        self._pending: deque[ConsumerRecord] = deque()
        self._held: TopicPartition | None = None
        self._done: dict[TopicPartition, int] = {}
        self._last: dict[TopicPartition, int] = {}  # offset of the last record read
        self._consumer: Any = open_client(
            KafkaConsumer,
            connection,
            TIMEOUT_S,
            group_id=group,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            max_poll_records=POLL_RECORDS,
            session_timeout_ms=SESSION_MS,
        )
        self._consumer.subscribe(list(topics))

    def next(self) -> ConsumerRecord | None:
        """The next record that is not finished; None where there was none for `POLL_MS`."""
        # Also before one read already: others join, and fifty slow ones take longer than a member may be silent.
        self._poll(0 if self._pending else POLL_MS, pause=bool(self._pending))
        if not self._pending:
            return None
        record = self._pending.popleft()
        self._held = _place(record)
        return record

    def stay(self, limit_s: float) -> bool:
        """Wait up to `limit_s` with the record handed out; False where its partition was taken away meanwhile."""
        self._poll(int(limit_s * 1000), pause=True)
        return self._held is not None

    def done(self, record: ConsumerRecord) -> None:
        """The record is finished; `commit` says so to Kafka."""
        if self._held is not None:
            self._done[self._held] = record.offset + 1
        self._held = None

    def commit(self) -> None:
        """Write down what is finished; where Kafka does not take it, it comes again."""
        self._done = commit(self._consumer, self._group, self._done, COMMIT_MS)

    def close(self) -> None:
        """Commit what is finished and leave the group."""
        self.commit()
        close(self._consumer, self._address, int(CLOSE_S * 1000), CLOSE_S)

    def _poll(self, limit_ms: int, *, pause: bool) -> None:
        self.commit()  # before partitions may be taken away
        with kafka_errors(self._address):
            if pause:
                self._consumer.pause(*self._consumer.assignment())
            else:
                self._consumer.resume(*self._consumer.paused())
            read = self._consumer.poll(limit_ms)
            self._forget(self._in_hand() - self._consumer.assignment())
        for tp, records in read.items():
            # A partition that stays over a rebalance is read on; one that was away meanwhile, from its commit.
            if records[0].offset <= self._last.get(tp, -1):
                self._forget({tp})
            self._last[tp] = records[-1].offset
            self._pending.extend(records)

    def _in_hand(self) -> set[TopicPartition]:
        return {*map(_place, self._pending), *self._done, *([] if self._held is None else [self._held])}

    def _forget(self, taken: set[TopicPartition]) -> None:
        """Others go on with these, or we from the last commit."""
        if taken:
            self._pending = deque(record for record in self._pending if _place(record) not in taken)
            self._done = {tp: offset for tp, offset in self._done.items() if tp not in taken}
            self._held = None if self._held in taken else self._held


def _place(record: ConsumerRecord) -> TopicPartition:
    return TopicPartition(record.topic, record.partition)
