"""The events of the source topics as one log, from their beginning to the end they have now, in order of event time.

A partition's order is kept: an event that is late comes right after the one it followed. Events of one time are in the
order of their ids. So the log is the same however the brokers' clocks ran, and a file in this order that is produced
comes back as it was.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from kafka import KafkaConsumer, TopicPartition

from detector.contract.batch import Batch, concatenate
from detector.contract.codec import decode_account_events, decode_wallet_events
from detector.contract.vocabulary import ACCOUNT_EVENTS
from detector.core.topology import Topology
from detector.kafka.reading import reader
from detector.kafka.redrives import read_redrives
from detector.kafka.topics import topic_ids
from detector.settings import Settings

POLL_MS, POLL_RECORDS = 1_000, 20_000
#: Of one partition; one that has so many waits for the others.
MOST_WAITING = 200_000
#: Time of what no other partition is waited for with.
NEVER_MS = np.iinfo(np.int64).max

#: Called with records read so far and in all.
Progress = Callable[[int, int], None]


class Part(NamedTuple):
    """The next events: offsets count on from 0, `batch.record` is the index in `values`, the messages; the partition of
    each in its topic, int64 (n,)."""

    batch: Batch
    values: list[bytes]
    partition: npt.NDArray[np.int64]


class TopicLog:
    """The source topics that a topology reads. `ends` are known once it is opened: a worker goes on from there.

    `unreadable` counts records that are no events.
    """

    def __init__(self, settings: Settings, topology: Topology) -> None:
        self.unreadable = 0
        self.ends: dict[TopicPartition, int] = {}
        self._settings = settings
        self._redriven: dict[TopicPartition, list[int]] = {}  # offsets of messages that come again, as a worker skips
        self._codes = {settings.input_topic(node): node.source for node in topology.nodes if node.source is not None}

    def parts(self, progress: Progress = lambda _done, _total: None) -> Iterator[Part]:
        """All events, part by part. Raises UserError where Kafka fails."""
        noted = read_redrives(self._settings)
        for topic, topic_id in topic_ids(self._settings, self._codes).items():
            redriven = noted.offsets(topic, topic_id)
            self._redriven |= {TopicPartition(topic, part): offsets for part, offsets in redriven.items()}
        with reader(self._settings, max_poll_records=POLL_RECORDS) as consumer:
            yield from self._parts(consumer, progress)

    def _parts(self, consumer: KafkaConsumer, progress: Progress) -> Iterator[Part]:
        places = [
            TopicPartition(topic, part)
            for topic in self._codes
            for part in sorted(consumer.partitions_for_topic(topic) or ())
        ]
        consumer.assign(places)
        begins, self.ends = consumer.beginning_offsets(places), consumer.end_offsets(places)
        lanes = {tp: Lane() for tp in places}
        for tp in places:
            consumer.seek(tp, begins[tp])
        unread, first, total = set(places), 0, sum(self.ends[tp] - begins[tp] for tp in places)
        while True:
            unread = {tp for tp in unread if consumer.position(tp) < self.ends[tp]}
            progress(sum(min(consumer.position(tp), self.ends[tp]) - begins[tp] for tp in places), total)
            frontier = min((lanes[tp].newest_ms for tp in unread), default=NEVER_MS)
            if part := _merged([(tp, lane.take(frontier)) for tp, lane in lanes.items()], first):
                first += part.batch.size
                yield part
            if not unread:
                return
            consumer.pause(*places)
            consumer.resume(*(tp for tp in unread if lanes[tp].waiting < MOST_WAITING))
            for tp, records in consumer.poll(POLL_MS).items():
                self._take(lanes[tp], tp, [one for one in records if one.offset < self.ends[tp]])

    def _take(self, lane: "Lane", tp: TopicPartition, records: list[Any]) -> None:
        decode = decode_account_events if self._codes[tp.topic] == ACCOUNT_EVENTS else decode_wallet_events
        values = [one.value for one in records]
        numbers = [np.array([getattr(one, name) for one in records], np.int64) for name in ("offset", "timestamp")]
        batch, strings, rejected = decode(values, [one.key for one in records], *numbers)
        self.unreadable += len(rejected)
        first = np.flatnonzero(~np.isin(batch.offset, self._redriven.get(tp, [])))
        batch = batch.select(first)
        ids = [strings.event_id.text(i) for i in first.tolist()]
        lane.add(batch, [values[index] for index in batch.record.tolist()], ids)


class Taken(NamedTuple):
    """Events of one partition with their messages, and what they are ordered by, ascending: time, then id."""

    batch: Batch
    values: list[bytes]
    time_ms: npt.NDArray[np.int64]
    ids: list[str]


class Lane:
    """Events of one partition that wait for those of the others. `newest_ms`: time of the last one met, and no event
    that comes counts as before it."""

    def __init__(self) -> None:
        self.newest_ms = np.iinfo(np.int64).min
        self._last_id = ""
        self._taken: list[Taken] = []

    @property
    def waiting(self) -> int:
        """Number of events that wait."""
        return sum(taken.batch.size for taken in self._taken)

    def add(self, batch: Batch, values: list[bytes], ids: list[str]) -> None:
        """The next events of the partition."""
        if not batch.size:
            return
        time_ms = np.maximum(np.maximum.accumulate(batch.occurred_at_ms), self.newest_ms)
        before_ms = np.concatenate(([self.newest_ms], time_ms[:-1]))
        last, ordered = self._last_id, []
        for name, again in zip(ids, (time_ms == before_ms).tolist(), strict=True):
            last = max(last, name) if again else name
            ordered.append(last)
        self.newest_ms, self._last_id = int(time_ms[-1]), last
        self._taken.append(Taken(batch, values, time_ms, ordered))

    def take(self, before_ms: int) -> Taken | None:
        """The events before that time."""
        if not self._taken or self._taken[0].time_ms[0] >= before_ms:
            return None
        whole = Taken(
            concatenate([one.batch for one in self._taken]),
            [value for one in self._taken for value in one.values],
            np.concatenate([one.time_ms for one in self._taken]),
            [name for one in self._taken for name in one.ids],
        )
        end = int(np.searchsorted(whole.time_ms, before_ms))
        rest = _cut(whole, end, whole.batch.size)
        self._taken = [rest] if rest.batch.size else []
        return _cut(whole, 0, end) if end else None


def _cut(taken: Taken, begin: int, end: int) -> Taken:
    batch = taken.batch.select(np.arange(begin, end))
    return Taken(batch, taken.values[begin:end], taken.time_ms[begin:end], taken.ids[begin:end])


def _merged(found: list[tuple[TopicPartition, Taken | None]], first: int) -> Part | None:
    """The events of all partitions in order, offsets from `first` on."""
    taken = [(tp.partition, one) for tp, one in found if one is not None]
    if not taken:
        return None
    batch = concatenate([one.batch for _, one in taken])
    time_ms = np.concatenate([one.time_ms for _, one in taken])
    ids = np.array([name for _, one in taken for name in one.ids])
    order = np.lexsort((ids, time_ms))  # stable: what is equal stays in its partition's order
    values = [value for _, one in taken for value in one.values]
    partition = np.concatenate([np.full(one.batch.size, number, np.int64) for number, one in taken])
    batch = batch.select(order)._replace(
        offset=np.arange(first, first + batch.size), record=np.arange(batch.size, dtype=np.int32)
    )
    return Part(batch, [values[index] for index in order.tolist()], partition[order])
