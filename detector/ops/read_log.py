"""Reads parts of many partitions to their end, one slice after the other."""

from collections.abc import Callable, Mapping
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from detector.kafka.reading import reader
from detector.settings import Settings

#: Of one poll: some thousand rows keep the client's overhead small.
SLICE_RECORDS = 20_000
SLICE_BYTES = 8 * 1024 * 1024
POLL_MS = 1_000

#: Called with records read so far and in all.
Progress = Callable[[int, int], None]
Bounds = Mapping[TopicPartition, tuple[int, int]]
#: Takes the next records of a partition.
Feed = Callable[[TopicPartition, list[Any]], None]


def read_log(settings: Settings, bounds: Bounds, feed: Feed, progress: Progress) -> None:
    """Give `feed` the records of every partition from the first bound on and before the second. Raises UserError."""
    with reader(settings, max_partition_fetch_bytes=SLICE_BYTES, max_poll_records=SLICE_RECORDS) as consumer:
        _read(consumer, bounds, feed, progress)


def _read(consumer: KafkaConsumer, bounds: Bounds, feed: Feed, progress: Progress) -> None:
    places = [tp for tp, (begin, end) in bounds.items() if begin < end]
    if not places:
        return
    consumer.assign(places)
    for tp in places:
        consumer.seek(tp, bounds[tp][0])
    total = sum(bounds[tp][1] - bounds[tp][0] for tp in places)
    unread = set(places)
    while unread:
        for tp, records in consumer.poll(POLL_MS).items():
            feed(tp, [one for one in records if one.offset < bounds[tp][1]])
        at = {tp: min(consumer.position(tp), bounds[tp][1]) for tp in places}
        progress(sum(at[tp] - bounds[tp][0] for tp in places), total)
        unread = {tp for tp in unread if at[tp] < bounds[tp][1]}
        if done := set(places) - unread:
            consumer.pause(*done)
