"""The protocol with one rule of rows, marks or identity broken, each as parts of a worker."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from support.protocol.bus import KeyValue
from support.protocol.fake_ports import FakeReader
from support.protocol.parts import Parts, with_assignment, with_pipeline, with_rows, with_task

from detector.contract.texts import Texts
from detector.core.events import Events
from detector.core.pipeline import Outcome, Pipeline
from detector.core.rows import PackedRows
from detector.errors import UserError
from detector.stream.assignment import Assignment
from detector.stream.changelog import Recovery, encode_rows, encode_tombstones
from detector.stream.high_water import HighWaterMarks
from detector.stream.packed import Packed
from detector.stream.partition_task import Cut, PartitionTask


def marks_unread() -> Parts:
    """Rule 7."""

    class Unread(HighWaterMarks):
        def take(self, slot: Any, position: Any) -> Any:
            return np.ones(len(slot), np.bool_)

    class Other(Assignment):
        def _task(self, *args: Any) -> PartitionTask:
            task = super()._task(*args)
            marks = task.processor.marks.marks
            task.processor.marks = Unread(len(marks), marks.tolist())
            return task

    return with_assignment(Other)


def positions_unread() -> Parts:
    """Rule 7: a row takes what it has taken already."""

    class Other(Pipeline):
        def process(self, events: Events) -> Outcome:
            if self.node.stage is not None:
                row_ids = self.rows.locate(self.node.stage.keys_of(events.batch))
                offsets, rows = events.batch.offset, self.rows.rows
                later = rows["last_offset"][row_ids] >= offsets
                np.minimum.at(rows["last_offset"], row_ids[later], offsets[later] - 1)
            return super().process(events)

    return with_pipeline(Other)


def expires_uncommitted() -> Parts:
    """Rule 7, with 8: while recovered rows are dirty, what is clean has been committed."""

    class Other(PackedRows):
        def expire(self, watermark_ms: int, ttl_ms: int, committed_offset: int) -> Any:
            return super().expire(watermark_ms, ttl_ms, 2**62)

    return recovered_are_clean()._replace(reader=with_rows(Other).reader)


def expires_before_commit() -> Parts:
    """Rule 7: rows are deleted once they are durable, whether or not the offset behind them is committed."""

    class Other(PartitionTask):
        __slots__ = ()

        def rows_durable(self, cut: Cut) -> None:
            super().rows_durable(cut)
            keys = self.pipeline.rows.expire(self.pipeline.watermark_ms, self.pipeline.ttl_ms, cut.position)
            self._bury(keys, np.full(len(keys), self.writer, np.uint64))

    return with_task(Other)


def expires_dirty() -> Parts:
    """Rule 7: a row that is in no checkpoint yet is deleted like any other."""

    class Other(PackedRows):
        def expire(self, watermark_ms: int, ttl_ms: int, committed_offset: int) -> Any:
            self.dirty.listed[:] = 0
            self.dirty.size[0] = 0
            return super().expire(watermark_ms, ttl_ms, committed_offset)

    return with_rows(Other)


def watermark_of_chunk() -> Parts:
    """Rule 7: time does not go on from chunk to chunk."""

    class Other(Pipeline):
        def process(self, events: Events) -> Outcome:
            before, self.watermark_ms = self.watermark_ms, 0
            outcome = super().process(events)
            self.watermark_ms = max(before, self.watermark_ms)
            return outcome

    return with_pipeline(Other)


def tombstones_last() -> Parts:
    """Rule 7: what is left of an expired row is deleted behind the row of the same key that is new."""

    class Other(PartitionTask):
        __slots__ = ()

        def records(self, cut: Cut) -> Packed:
            garbage, self._garbage = self._garbage, []
            return Packed.joined([encode_rows(cut.rows, self.writer), *garbage])

    return with_task(Other)


def one_writer() -> Parts:
    """Rule 8."""
    return Parts(writer=lambda _: 7)


def last_row_wins() -> Parts:
    """Rule 8."""

    class Other(PackedRows):
        def load(self, rows: Any) -> None:
            for row in rows.reshape(-1, 1):
                known = self.find(np.ascontiguousarray(row["key"]))
                self.rows["last_offset"][known[known >= 0]] = -1
                super().load(row)

    return with_rows(Other)


def recovered_are_clean() -> Parts:
    """Rule 8."""

    class Other(Assignment):
        def _task(self, *args: Any) -> PartitionTask:
            task = super()._task(*args)
            task.pipeline.rows.take_dirty()
            return task

    return with_assignment(Other)


def tombstones_first() -> Parts:
    """Rule 8."""

    class Other(PartitionTask):
        __slots__ = ()

        def records(self, cut: Cut) -> Packed:
            superseded = self.superseded.take(np.ascontiguousarray(cut.rows["key"]))
            return Packed.joined([encode_tombstones(*superseded), super().records(cut)])

    return with_task(Other)


def standby_reads_no_further() -> Parts:
    """Rule 8: a standby takes over with what it has read so far."""

    class Other(FakeReader):
        def _unread(self, log: Sequence[KeyValue], followed: Sequence[KeyValue]) -> Sequence[KeyValue]:
            return () if followed else log

    return Parts(reader=Other)


def any_log() -> Parts:
    """Rule 9."""

    class Other(Assignment):
        def _check(self, *_: Any) -> None:
            pass

    return with_assignment(Other)


def newer_skipped() -> Parts:
    """Rule 10."""

    class Skipping(Recovery):
        def _read(self, values: Texts, version: int, kernel: int, width: int) -> Any:
            try:
                return super()._read(values, version, kernel, width)
            except UserError:
                return np.empty(0, self._stage.row)

    class Other(FakeReader):
        recovery = Skipping

    return Parts(reader=Other)


def upgrade_forgets() -> Parts:
    """Rule 10: rows of another version begin at no position."""

    class Forgetting(Recovery):
        def _read(self, values: Texts, version: int, kernel: int, width: int) -> Any:
            rows = super()._read(values, version, kernel, width)
            if version != self._stage.version:
                rows["last_offset"] = -1
            return rows

    class Other(FakeReader):
        recovery = Forgetting

    return Parts(reader=Other)


def ids_unread() -> Parts:
    """Rule 12: every event passes for one with an id of its own."""

    class Other(Pipeline):
        def process(self, events: Events) -> Outcome:
            unique = events.batch.event_id + events.batch.offset.astype(np.uint64)
            return super().process(events._replace(batch=events.batch._replace(event_id=unique)))

    return with_pipeline(Other)
