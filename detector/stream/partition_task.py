"""What one worker holds for one partition from an assignment to the next rebalance (PROTOCOL rule 2).

No clock, no I/O: chunks in, outputs to send out; a checkpoint takes a `Cut` and reports what became durable.
"""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from faust.types import TP

from detector.core.pipeline import Pipeline
from detector.kafka.marks import Marks
from detector.stream.changelog import Rows, Superseded, encode_rows, encode_tombstones
from detector.stream.packed import Packed
from detector.stream.processor import Processor

#: Expired rows are removed each time that event time has advanced by this part of the time to live.
SWEEPS_PER_TTL = 50


@dataclass(frozen=True, slots=True)
class Cut:
    """A checkpoint's content, taken between chunks; it never changes afterwards."""

    position: int  # to commit: the offset after the last processed event
    marks: Marks
    outputs: tuple["asyncio.Future[Any]", ...]
    rows: Rows
    chunks: int  # in flight until this is committed


@dataclass(slots=True)
class PartitionTask:
    """Rows, outputs and positions of one partition under one writer id."""

    tp: TP
    writer: int
    processor: Processor
    superseded: Superseded
    committed: int  # offset the group holds for the partition
    topic_id: str = ""  # of the input, kept in every commit
    node: str = ""  # whose input the partition is of
    upstreams_crc: int = 0  # whose high-water marks it has
    changelog: tuple[str, str] = ("", "")  # name and id of the topic of its rows, if it has any
    partitions: int = 0  # of its input, as of every other
    marks: Marks = field(default_factory=Marks)  # committed with the offset
    position: int = field(init=False)  # offset of the next event to process
    ended: bool = False
    held: bool = False  # not fetched for now: it waits for partitions that are behind in event time
    deleted_to: int = 0  # where what was deleted of its log before it was read is counted up to
    read_again_from: int = -1  # the last position that was asked for again, because a chunk was not delivered
    #: A chunk is being processed, or failed half-way: rows include events whose outputs are not all registered.
    torn: bool = False
    outputs: list["asyncio.Future[Any]"] = field(default_factory=list)
    lag: int = 0  # records that wait, as last measured
    in_flight: int = 0  # chunks processed but in no committed checkpoint
    _garbage: list[Packed] = field(default_factory=list)
    _expired: int = 0
    _swept_ms: int = field(init=False)

    def __post_init__(self) -> None:
        self.position = self.committed
        self._swept_ms = self.pipeline.watermark_ms

    @property
    def pipeline(self) -> Pipeline:
        """The rows and the watermark."""
        return self.processor.pipeline

    @property
    def behind(self) -> bool:
        """Whether a checkpoint has something to do."""
        return self.position > self.committed or self.pipeline.rows.dirty_count > 0

    @property
    def settled(self) -> bool:
        """Whether rows and marks are those of the committed offset, and all of them durable."""
        return not (self.ended or self.torn or self.outputs or self.behind)

    def continued(self) -> "PartitionTask":
        """A new task with the rows, marks and writer of this one, which has ended settled."""
        return replace(self, ended=False, held=False, lag=0, in_flight=0, read_again_from=-1, outputs=[])

    def cut(self) -> Cut:
        """Take what was processed since the last cut; only between chunks, every output registered (rule 3)."""
        outputs, self.outputs = tuple(self.outputs), []
        high_water = tuple(self.processor.marks.marks.tolist())
        pipeline = self.pipeline
        marks = Marks(pipeline.watermark_ms, self.topic_id, high_water, self.upstreams_crc, pipeline.begun_ms)
        return Cut(self.position, marks, outputs, self.pipeline.rows.take_dirty(), self.in_flight)

    def records(self, cut: Cut) -> Packed:
        """Changelog records of a cut, before them the tombstones that earlier checkpoints made safe.

        Before them: a key that expired may have a new row, which the old one's tombstone must not delete.
        """
        garbage, self._garbage = self._garbage, []
        return Packed.joined([*garbage, encode_rows(cut.rows, self.writer)])

    def rows_durable(self, cut: Cut) -> None:
        """The cut's rows are in the changelog: other writers' rows of the same keys may be deleted."""
        self._bury(*self.superseded.take(np.ascontiguousarray(cut.rows["key"])))

    def offset_committed(self, cut: Cut) -> None:
        """The cut is committed: rows expired by now and older than the commit may be deleted."""
        self.committed, self.marks = cut.position, cut.marks
        self.in_flight -= cut.chunks
        watermark_ms, ttl_ms = self.pipeline.watermark_ms, self.pipeline.ttl_ms
        if watermark_ms - self._swept_ms < ttl_ms // SWEEPS_PER_TTL:
            return
        self._swept_ms = watermark_ms
        keys = self.pipeline.rows.expire(watermark_ms, ttl_ms, self.committed)
        self._expired += len(keys)
        self._bury(keys, np.full(len(keys), self.writer, np.uint64))
        self._bury(*self.superseded.take(keys))

    def take_expired(self) -> int:
        """Number of rows expired since the last call."""
        expired, self._expired = self._expired, 0
        return expired

    def _bury(self, keys: npt.NDArray[np.uint64], writers: npt.NDArray[np.uint64]) -> None:
        if len(keys):
            self._garbage.append(encode_tombstones(keys, writers))
