"""Reads whole changelogs for `kozamori state`: live rows, their writers, and whether a worker could load them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from kafka import KafkaConsumer, TopicPartition

from detector.core.stage import Stage
from detector.errors import UserError
from detector.kafka.security import client_options
from detector.settings import Settings
from detector.stream.changelog import HEADER_KEY, Header, decode_header, no_pairs
from detector.stream.pairs import KEY

#: Of one poll: some thousand rows keep the client's overhead small.
SLICE_RECORDS = 20_000
SLICE_BYTES = 8 * 1024 * 1024
POLL_MS = 1_000
#: Records of a partition that are kept until they are merged: 8 MiB.
MOST_PENDING = 500_000

#: Called with records read so far and in all.
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Changelog:
    """What one changelog partition holds: the live record keys (row key and writer) and the header.

    `kinds` has the length, row version and kernel hash of every row met, as its bytes. It needs 16 bytes for each live
    record, and for each record met since it last forgot those that are not.
    """

    kinds: set[tuple[int, bytes, bytes]] = field(default_factory=set)
    header: Header | None = None
    readable: bool = True
    _live: npt.NDArray[Any] = field(default_factory=no_pairs)
    #: Record keys met since then, end to end, and whether each came with a row.
    _keys: bytearray = field(default_factory=bytearray)
    _alive: bytearray = field(default_factory=bytearray)

    def feed(self, key: bytes, value: bytes | None) -> None:
        """Take the next record of the log."""
        if key == HEADER_KEY:
            self._take_header(value or b"")
            return
        self._keys += key
        self._alive.append(value is not None)
        if value is not None:
            self.kinds.add((len(value), value[:2], value[4:8]))
        if len(self._alive) >= MOST_PENDING:
            self._forget()

    @property
    def rows(self) -> int:
        """Keys that have a row."""
        self._forget()
        return len(np.unique(self._live["key"]))

    @property
    def writers(self) -> int:
        """Writers whose rows are still in the log."""
        self._forget()
        return len(np.unique(self._live["writer"]))

    def _forget(self) -> None:
        """Of each key and writer only the last record counts, and only if it came with a row."""
        if not self._alive:
            return
        pairs = np.concatenate((self._live, np.frombuffer(bytes(self._keys), KEY)))
        alive = np.concatenate((np.ones(len(self._live), np.uint8), np.frombuffer(bytes(self._alive), np.uint8)))
        keys, writers = np.ascontiguousarray(pairs["key"]), np.ascontiguousarray(pairs["writer"])
        order = np.lexsort((writers, keys))  # stable: of equal pairs the last one met is the last
        keys, writers = keys[order], writers[order]
        last = np.ones(len(pairs), bool)
        last[:-1] = (keys[1:] != keys[:-1]) | (writers[1:] != writers[:-1])
        self._live = pairs[order[last & (alive[order] == 1)]]
        self._keys, self._alive = bytearray(), bytearray()

    def loads(self, stage: Stage) -> bool:
        """Whether every row met, superseded ones too, is one that this release reads for `stage`."""
        return self.kinds <= kinds_of(stage)

    def _take_header(self, value: bytes) -> None:
        try:
            self.header = decode_header(value)
        except UserError:
            self.readable = False


def kinds_of(stage: Stage) -> set[tuple[int, bytes, bytes]]:
    """The kinds of rows that this release reads for `stage`; both are at fixed bytes in every release."""
    kinds = stage.row_kinds
    return {(size, version.to_bytes(2, "little"), kernel.to_bytes(4, "little")) for version, kernel, size in kinds}


def read_changelogs(
    settings: Settings, topics: Mapping[str, int], progress: Progress
) -> dict[TopicPartition, Changelog]:
    """Every partition of rows topics (name → partitions), read from its first record to the end it has now.

    Raises KafkaError.
    """
    changelogs = {TopicPartition(topic, part): Changelog() for topic, count in topics.items() for part in range(count)}
    partitions = list(changelogs)
    consumer = KafkaConsumer(
        **client_options(settings),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=SLICE_BYTES,
        max_poll_records=SLICE_RECORDS,
    )
    try:
        consumer.assign(partitions)
        begins, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        total = sum(ends[tp] - begins[tp] for tp in partitions)
        unread = {tp for tp in partitions if begins[tp] < ends[tp]}
        while unread:
            for tp, records in consumer.poll(POLL_MS).items():
                for record in records:
                    changelogs[tp].feed(record.key, record.value)
            progress(sum(consumer.position(tp) - begins[tp] for tp in partitions), total)
            unread = {tp for tp in unread if consumer.position(tp) < ends[tp]}
    finally:
        consumer.close()
    return changelogs
