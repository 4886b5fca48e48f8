"""The project's code with one rule broken, each as parts of a worker. Only tests for the model check use these."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import fields
from itertools import chain
from typing import Any

import numpy as np
from aiokafka.structs import OffsetAndMetadata
from faust.types import TP
from support.protocol.fake_ports import FakeReader, FakeSource
from support.protocol.parts import Parts

from detector.core.events import Events
from detector.core.pipeline import Outcome, Pipeline
from detector.core.rows import PackedRows
from detector.errors import UserError
from detector.kafka.marks import Marks, encode_marks
from detector.stream import checkpoint
from detector.stream.assignment import Assignment
from detector.stream.changelog import Record, Recovery, encode_rows, encode_tombstones
from detector.stream.checkpoint import Cuts, Log
from detector.stream.high_water import HighWaterMarks
from detector.stream.hop_sender import HopSender
from detector.stream.partition_task import Cut, PartitionTask
from detector.stream.processor import DEAD_LETTERS, Output
from detector.stream.shell import Shell

MakeDurable = Callable[[Cuts, Log], Awaitable[Cuts]]


def _checkpoint(make: MakeDurable) -> Parts:
    """A shell whose checkpoints are made so."""

    class Other(Shell):
        async def checkpoint(self) -> Cuts:
            async with self._checkpointing:
                async with self._processing:
                    cuts = checkpoint.take_cuts(self.tasks.values())
                return await make(cuts, self)

    return Parts(shell=Other)


def _ending(make: MakeDurable) -> MakeDurable:
    """A checkpoint that breaks off ends its tasks."""

    async def make_durable(cuts: Cuts, log: Log) -> Cuts:
        try:
            return await make(cuts, log)
        except BaseException:
            for task, _ in cuts:
                task.ended = True
            raise

    return make_durable


def _assigned(kind: type[Assignment]) -> Parts:
    """A shell that begins its tasks so."""

    class Other(Shell):
        def _assignment(self, facts: Any) -> Assignment:
            usual = super()._assignment(facts)
            return kind(usual._settings, usual._wiring, usual._facts, usual._ports)

    return Parts(shell=Other)


def _with_task(kind: type[PartitionTask]) -> Parts:
    """A shell whose tasks are of this kind."""

    class Other(Assignment):
        def _task(self, *args: Any) -> PartitionTask:
            usual = super()._task(*args)
            return kind(**{each.name: getattr(usual, each.name) for each in fields(usual) if each.init})

    return _assigned(Other)


def _with_pipeline(kind: type[Pipeline]) -> Parts:
    """A shell whose nodes are of this kind."""

    class Other(Assignment):
        def _pipeline(self, *args: Any) -> Pipeline:
            usual, wiring = super()._pipeline(*args), self._wiring
            given: dict[str, Any] = {"rows": usual.rows, "ttl_ms": usual.ttl_ms, "watermark_ms": usual.watermark_ms}
            return kind(wiring.topology, usual.node, wiring.model, **given)

    return _assigned(Other)


def _with_rows(kind: type[PackedRows]) -> Parts:
    """A worker whose rows are of this kind."""

    class Other(FakeReader):
        rows = kind

    return Parts(reader=Other)


def _with_sender(kind: type[HopSender]) -> type[Shell]:
    """A shell that sends hop messages so."""

    class Other(Shell):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self._hops = kind(self._ports.producer.send_batch, self.fail)

    return Other


def order(steps: str, marks: str = "cut") -> Parts:
    """The checkpoint with its steps in another order, or one left out; its marks those of another moment."""

    async def make_durable(cuts: Cuts, log: Log) -> Cuts:
        futures: list[Any] = []
        for step in steps.split():
            if step == "outputs":
                await _all(future for _, cut in cuts for future in cut.outputs)
            elif step == "send":
                for task, cut in cuts:
                    futures += await log.write_rows(task.tp, task.records(cut))
            elif step == "rows":
                await _all(futures)
                for task, cut in cuts:
                    task.rows_durable(cut)
            elif not cuts or not await log.commit({task.tp: _position(task, cut, marks) for task, cut in cuts}):
                return []
        for task, cut in cuts:
            task.offset_committed(cut)
        return cuts

    return _checkpoint(_ending(make_durable))


async def _all(futures: Any) -> None:
    for future in futures:
        await future


def _position(task: PartitionTask, cut: Cut, which: str) -> OffsetAndMetadata:
    marks = cut.marks
    if which == "none":
        marks = Marks(0, task.topic_id)
    elif which == "now":
        high_water = tuple(task.processor.marks.marks.tolist())
        marks = Marks(task.pipeline.watermark_ms, task.topic_id, high_water, task.upstreams_crc)
    return OffsetAndMetadata(cut.position, encode_marks(marks))


def next_cut_goes_on() -> Parts:
    """Rule 2."""
    return _checkpoint(checkpoint._make_durable)


def any_chunk() -> Parts:
    """Rule 2: where a chunk begins is not looked at."""

    class Other(Shell):
        async def _is_next(self, task: PartitionTask, offset: int) -> bool:
            return True

    return Parts(shell=Other)


def not_read_again() -> Parts:
    """Rule 2: a chunk that is not the next is left out, and that is all."""

    class Other(FakeSource):
        async def read_again(self, tp: TP, offset: int) -> None:
            pass

    return Parts(source=Other)


def no_lock() -> Parts:
    """Rule 3."""

    class Other(Shell):
        async def checkpoint(self) -> Cuts:
            return await checkpoint.make_durable(checkpoint.take_cuts(self.tasks.values()), self)

    return Parts(shell=Other)


def cut_within_chunk() -> Parts:
    """Rule 3: nothing keeps a cut out of a chunk, neither the lock nor the task's own mark."""

    class Other(Shell):
        async def checkpoint(self) -> Cuts:
            async with self._checkpointing:
                cuts = [(task, task.cut()) for task in self.tasks.values() if task.behind]
                return await checkpoint.make_durable(cuts, self)

    return Parts(shell=Other)


def no_first_commit() -> Parts:
    """Rule 5."""

    class Other(FakeSource):
        async def commit(self, positions: Mapping[TP, OffsetAndMetadata]) -> bool:
            if all(mark.offset == self._backend.ends[tp][0] for tp, mark in positions.items()):
                return True
            return await super().commit(positions)

    return Parts(source=Other)


def no_lanes() -> Parts:
    """Rule 6: every message is sent at once, whatever became of those before it."""

    class Other(HopSender):
        def send(self, topic: str, partition: int, value: bytes) -> Any:
            sending: Any = self._send(topic, partition, [value])
            try:
                sending.send(None)  # the fake producer never waits
            except StopIteration as sent:
                return sent.value
            raise AssertionError("the producer waited")

    return Parts(shell=_with_sender(Other))


def lanes_go_on() -> Parts:
    """Rule 6: a batch that fails is dropped, and the next one sent."""

    class Other(HopSender):
        async def _pump(self, place: tuple[str, int]) -> None:
            lane = self._lanes[place]
            while lane:
                value, future = lane.popleft()
                try:
                    await (await self._send(*place, [value]))
                except ConnectionError as error:
                    future.set_exception(error)
                else:
                    future.set_result(None)
            del self._lanes[place]

    return Parts(shell=_with_sender(Other))


def failures_ignored() -> Parts:
    """Rule 6, and 4: what failed counts as durable, and nobody ends the process."""

    class Ignoring(HopSender):
        def _give_up(self, error: BaseException, batch: Any) -> None:
            for _, future in batch:
                future.set_result(None)

    return Parts(shell=_with_sender(Ignoring))


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

    return _assigned(Other)


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

    return _with_pipeline(Other)


def expires_uncommitted() -> Parts:
    """Rule 7, with 8: while recovered rows are dirty, what is clean has been committed."""

    class Other(PackedRows):
        def expire(self, watermark_ms: int, ttl_ms: int, committed_offset: int) -> Any:
            return super().expire(watermark_ms, ttl_ms, 2**62)

    return recovered_are_clean()._replace(reader=_with_rows(Other).reader)


def expires_before_commit() -> Parts:
    """Rule 7: rows are deleted once they are durable, whether or not the offset behind them is committed."""

    class Other(PartitionTask):
        __slots__ = ()

        def rows_durable(self, cut: Cut) -> None:
            super().rows_durable(cut)
            keys = self.pipeline.rows.expire(self.pipeline.watermark_ms, self.pipeline.ttl_ms, cut.position)
            self._bury(keys, np.full(len(keys), self.writer, np.uint64))

    return _with_task(Other)


def expires_dirty() -> Parts:
    """Rule 7: a row that is in no checkpoint yet is deleted like any other."""

    class Other(PackedRows):
        def expire(self, watermark_ms: int, ttl_ms: int, committed_offset: int) -> Any:
            self.dirty.listed[:] = 0
            self.dirty.size[0] = 0
            return super().expire(watermark_ms, ttl_ms, committed_offset)

    return _with_rows(Other)


def watermark_of_chunk() -> Parts:
    """Rule 7: time does not go on from chunk to chunk."""

    class Other(Pipeline):
        def process(self, events: Events) -> Outcome:
            before, self.watermark_ms = self.watermark_ms, 0
            outcome = super().process(events)
            self.watermark_ms = max(before, self.watermark_ms)
            return outcome

    return _with_pipeline(Other)


def tombstones_last() -> Parts:
    """Rule 7: what is left of an expired row is deleted behind the row of the same key that is new."""

    class Other(PartitionTask):
        __slots__ = ()

        def records(self, cut: Cut) -> Iterator[Record]:
            garbage, self._garbage = self._garbage, []
            return chain(encode_rows(cut.rows, self.writer), *garbage)

    return _with_task(Other)


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

    return _with_rows(Other)


def recovered_are_clean() -> Parts:
    """Rule 8."""

    class Other(Assignment):
        def _task(self, *args: Any) -> PartitionTask:
            task = super()._task(*args)
            task.pipeline.rows.take_dirty()
            return task

    return _assigned(Other)


def tombstones_first() -> Parts:
    """Rule 8."""

    class Other(PartitionTask):
        __slots__ = ()

        def records(self, cut: Cut) -> Iterator[Record]:
            superseded = self.superseded.take(np.ascontiguousarray(cut.rows["key"]))
            return chain(encode_tombstones(*superseded), super().records(cut))

    return _with_task(Other)


def any_log() -> Parts:
    """Rule 9."""

    class Other(Assignment):
        def _check(self, *_: Any) -> None:
            pass

    return _assigned(Other)


def newer_skipped() -> Parts:
    """Rule 10."""

    class Skipping(Recovery):
        def _read(self, version: int, values: list[bytes]) -> Any:
            try:
                return super()._read(version, values)
            except UserError:
                return np.empty(0, self._stage.row)

    class Other(FakeReader):
        recovery = Skipping

    return Parts(reader=Other)


def letters_forgotten() -> Parts:
    """Rule 11."""

    class Other(Shell):
        async def _send(self, output: Output) -> "asyncio.Future[Any]":
            future = await super()._send(output)
            if output.topic != DEAD_LETTERS:
                return future
            done: asyncio.Future[Any] = future.get_loop().create_future()
            done.set_result(None)
            return done

    return Parts(shell=Other)


def ids_unread() -> Parts:
    """Rule 12: every event passes for one with an id of its own."""

    class Other(Pipeline):
        def process(self, events: Events) -> Outcome:
            unique = events.batch.event_id + events.batch.offset.astype(np.uint64)
            return super().process(events._replace(batch=events.batch._replace(event_id=unique)))

    return _with_pipeline(Other)
