"""The first event of every source partition: since when the log has the events, and whether keys lie as they ought."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from kafka import KafkaConsumer, TopicPartition
from kafka.partitioner.default import murmur2

from detector.contract.codec import decode_account_events, decode_wallet_events
from detector.contract.vocabulary import ACCOUNT_EVENTS, WALLET_EVENTS
from detector.core.topology import Topology
from detector.errors import UserError
from detector.kafka.reading import reader
from detector.ops.history import NEVER_MS
from detector.settings import Settings

#: Records looked at for the first that is an event: more bad ones in a row are no log of events.
RECORDS = 500
POLL_MS = 1_000

Bounds = Mapping[TopicPartition, tuple[int, int]]


class FirstEvent(NamedTuple):
    """The first valid event of a partition of the source topic with that code: its key, and its time in epoch ms."""

    source: int
    place: TopicPartition
    key: bytes
    occurred_at_ms: int


def first_events(settings: Settings, topology: Topology, bounds: Bounds) -> list[FirstEvent]:
    """Those of all source partitions that hold one among their first `RECORDS` records. Raises UserError."""
    codes = {settings.input_topic(node): node.source for node in topology.nodes if node.source is not None}
    places = {tp: codes[tp.topic] for tp, (begin, end) in bounds.items() if tp.topic in codes and begin < end}
    if not places:
        return []
    with reader(settings, max_poll_records=RECORDS) as consumer:
        firsts = (_first(consumer, tp, source, bounds[tp][0]) for tp, source in sorted(places.items()))
        return [found for found in firsts if found is not None]


def _first(consumer: KafkaConsumer, tp: TopicPartition, source: int, begin: int) -> FirstEvent | None:
    consumer.assign([tp])
    consumer.seek(tp, begin)
    end = consumer.end_offsets([tp])[tp]  # not that of the log, which lies behind an open transaction
    decode = decode_account_events if source == ACCOUNT_EVENTS else decode_wallet_events
    while consumer.position(tp) < min(end, begin + RECORDS):
        records = consumer.poll(POLL_MS).get(tp, [])
        offsets, stamps = (
            np.array([getattr(one, name) for one in records], np.int64) for name in ("offset", "timestamp")
        )
        batch = decode([one.value for one in records], [one.key for one in records], offsets, stamps).batch
        if batch.size:
            return FirstEvent(source, tp, records[int(batch.record[0])].key, int(batch.occurred_at_ms[0]))
    return None


def begins_ms(firsts: list[FirstEvent], partitions: int, *, reads: bool) -> dict[int, npt.NDArray[np.int64]]:
    """By source topic the time from which on each partition's log has the events; never, where nobody `reads` them."""
    found = {source: np.full(partitions, NEVER_MS, np.int64) for source in (ACCOUNT_EVENTS, WALLET_EVENTS)}
    for first in firsts if reads else ():
        found[first.source][first.place.partition] = first.occurred_at_ms
    return found


def check_partitions(firsts: list[FirstEvent], partitions: int) -> None:
    """Raise UserError where an event lies elsewhere than the contract's partitioner says: its row would too."""
    for first in firsts:
        expected = (murmur2(first.key) & 0x7FFFFFFF) % partitions
        if expected != first.place.partition:
            raise UserError(
                f"topic {first.place.topic} has an event of key {first.key.decode()} in partition"
                f" {first.place.partition}, expected {expected}: its producer does not use Kafka's own partitioner"
                " (murmur2), so that a history's rows would lie beside their events"
            )
