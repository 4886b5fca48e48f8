"""The one order of a log that a worker saw in several partitions, and what lies in its hops."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from support.replays import read, read_all

from detector.contract.alerts import Position
from detector.contract.batch import origin_of
from detector.core.events import Events
from detector.core.topology import Node, Topology
from detector.settings import Settings
from detector.stream.processor import Wiring

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sources:
    """All source records, numbered partition by partition: their JSON and the offsets of each origin."""

    values: list[bytes]
    first: dict[int, int]  # number of the first record of an origin
    offsets: dict[int, Numbers]
    topics: tuple[str, str]

    def numbers_of(self, events: Events) -> Numbers:
        """The numbers of the source records of events."""
        origin, offset = events.batch.origin, events.batch.origin_offset
        found = np.empty(len(origin), np.int64)
        for one in np.unique(origin).tolist():
            of_it = origin == one
            indices = np.searchsorted(self.offsets[one], offset[of_it])
            assert np.array_equal(self.offsets[one][indices], offset[of_it]), "a hop names a record that is not there"
            found[of_it] = self.first[one] + indices
        return found

    def number_of(self, position: Position) -> int:
        """The number of the record at a position, which names its topic."""
        origin = origin_of(self.topics.index(position.topic), position.partition)
        index = int(np.searchsorted(self.offsets[origin], position.offset))
        assert position.offset == self.offsets[origin][index], "an alert names a record that is not there"
        return self.first[origin] + index

    def sequences(self) -> list[Numbers]:
        """Each partition's records in their order."""
        return [self.first[origin] + np.arange(len(offsets)) for origin, offsets in self.offsets.items()]


def sources(settings: Settings, topology: Topology) -> Sources:
    """The source records that the nodes of a topology read."""
    found = Sources([], {}, {}, (settings.account_events, settings.wallet_events))
    for node in topology.nodes:
        if node.source is None:
            continue
        for partition, records in read_all(settings, settings.input_topic(node)).items():
            origin = origin_of(node.source, partition)
            found.first[origin] = len(found.values)
            found.offsets[origin] = np.array([record.offset for record in records], np.int64)
            found.values.extend(record.value for record in records)
    return found


def hopped(settings: Settings, wiring: Wiring, node: Node, partition: int) -> Iterator[Events]:
    """What lies in a partition of a node's hop, in order, a chunk at a time; each event once."""
    marks = wiring.marks(node)
    for records in read(settings, settings.input_topic(node), partition):
        messages, offsets = [record.value for record in records], [record.offset for record in records]
        yield wiring.codecs[node.name].decode(messages, offsets, marks).events


def log_order(settings: Settings, wiring: Wiring, found: Sources) -> Numbers:
    """An order of all source records that keeps every source partition's order and that of every partition of a hop.

    The hops that count are those a stage keeps state from. Fails where there is none. One worker fills the partitions
    of the second stage's hop in the order in which it reads its sources, so that there is one; several workers may fill
    them in orders that contradict each other, and so may the second stage those of the third.
    """
    sequences = found.sequences()
    for node in wiring.topology.nodes:
        if node.source is None and node.edges:
            for partition in range(wiring.partitions):
                parts = [found.numbers_of(hop) for hop in hopped(settings, wiring, node, partition)]
                sequences.append(_without_repeats(np.concatenate([np.empty(0, np.int64), *parts])))
    return merge(sequences, len(found.values))


def merge(sequences: Sequence[Numbers], n: int) -> Numbers:
    """The numbers 0 … n-1 in an order that keeps that of every sequence, each with distinct numbers."""
    waits = np.bincount(np.concatenate(sequences), minlength=n).tolist()
    heads: dict[int, list[Iterator[int]]] = {}
    order: list[int] = []
    moving = [iter(sequence.tolist()) for sequence in sequences]
    while moving:
        sequence = moving.pop()
        number = next(sequence, None)
        if number is None:
            continue
        waiting = heads.setdefault(number, [])
        waiting.append(sequence)
        if len(waiting) == waits[number]:
            order.append(number)
            moving += heads.pop(number)
    assert n == len(order), f"no order keeps that of all partitions: stuck after {len(order)} of {n} records"
    return np.array(order, np.int64)


def _without_repeats(numbers: Numbers) -> Numbers:
    """Both sides of a transfer, one behind the other where both wallets are of one partition, are one record."""
    kept: Numbers = numbers[np.diff(numbers, prepend=-1) != 0]
    return kept


def differing_bits(one: Any, other: Any) -> int:
    """Bits in which two arrays of floats of one type differ."""
    assert one.shape == other.shape
    assert one.dtype == other.dtype
    whole = {4: np.uint32, 8: np.uint64}[one.dtype.itemsize]
    apart = np.ascontiguousarray(one).view(whole) ^ np.ascontiguousarray(other).view(whole)
    return int(np.bitwise_count(apart).sum())
