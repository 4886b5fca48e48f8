"""The project's code with one rule broken, each as a patch. Only tests for the model check use these."""

from collections.abc import Callable, Iterator
from itertools import chain
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from aiokafka.structs import OffsetAndMetadata

from detector.core import hop as hop_module
from detector.core import pipeline as pipeline_module
from detector.core.admission import admit
from detector.core.rows import PackedRows
from detector.errors import UserError
from detector.kafka.marks import Marks, encode_marks
from detector.stream import assignment as assignment_module
from detector.stream import checkpoint
from detector.stream import shell as shell_module
from detector.stream.assignment import Assignment
from detector.stream.changelog import Record, Recovery, encode_rows, encode_tombstones
from detector.stream.checkpoint import Cuts, Log
from detector.stream.hop_sender import HopSender
from detector.stream.partition_task import Cut, PartitionTask
from detector.stream.processor import DEAD_LETTERS, Output
from detector.stream.shell import Shell

Patch = pytest.MonkeyPatch


def order(steps: str, marks: str = "cut") -> Callable[[Patch], None]:
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

    return lambda patch: patch.setattr(checkpoint, "_make_durable", make_durable)


async def _all(futures: Any) -> None:
    for future in futures:
        await future


def _position(task: PartitionTask, cut: Cut, which: str) -> OffsetAndMetadata:
    marks = cut.marks
    if which == "none":
        marks = Marks(0, task.topic_id)
    elif which == "now":
        seen = tuple(task.processor.seen.marks.tolist())
        marks = Marks(task.pipeline.watermark_ms, task.topic_id, seen)
    return OffsetAndMetadata(cut.position, encode_marks(marks))


def next_cut_goes_on(patch: Patch) -> None:
    """Rule 2."""
    patch.setattr(shell_module, "make_durable", checkpoint._make_durable)


def nothing(patch: Patch) -> None:
    """What is broken is the world."""


def no_lock(patch: Patch) -> None:
    """Rule 3."""

    async def checkpoint_beside(self: Shell) -> Cuts:
        return await checkpoint.make_durable(checkpoint.take_cuts(self.tasks.values()), self)

    patch.setattr(Shell, "checkpoint", checkpoint_beside)


def cut_within_chunk(patch: Patch) -> None:
    """Rule 3: nothing keeps a cut out of a chunk, neither the lock nor the task's own mark."""

    async def checkpoint_at_once(self: Shell) -> Cuts:
        async with self._checkpointing:
            cuts = [(task, task.cut()) for task in self.tasks.values() if task.behind]
            return await checkpoint.make_durable(cuts, self)

    patch.setattr(Shell, "checkpoint", checkpoint_at_once)


def no_first_commit(patch: Patch) -> None:
    """Rule 5."""

    async def pretend(*_: Any) -> bool:
        return True

    patch.setattr(Assignment, "_commit_first", pretend)


def no_lanes(patch: Patch) -> None:
    """Rule 6: every message is sent at once, whatever became of those before it."""

    def send(self: HopSender, topic: str, partition: int, value: bytes) -> Any:
        sending: Any = self._send(topic, partition, [value])
        try:
            sending.send(None)  # the stand-in's producer never waits
        except StopIteration as sent:
            return sent.value
        raise AssertionError("the producer waited")

    patch.setattr(HopSender, "send", send)


def lanes_go_on(patch: Patch) -> None:
    """Rule 6: a batch that fails is dropped, and the next one sent."""

    async def pump(self: HopSender, place: tuple[str, int]) -> None:
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

    patch.setattr(HopSender, "_pump", pump)


def failures_ignored(patch: Patch) -> None:
    """Rule 6, and 4: what failed counts as durable, and nobody ends the process."""

    async def all_done(futures: Any) -> None:
        for future in futures:
            try:
                await future
            except Exception:  # noqa: BLE001 - the mutation
                continue

    patch.setattr(checkpoint, "_all_durable", all_done)
    patch.setattr(
        HopSender, "_give_up", lambda self, error, batch: [future.set_exception(error) for _, future in batch]
    )


def marks_unread(patch: Patch) -> None:
    """Rule 7."""
    patch.setattr(hop_module.Seen, "take", lambda self, slot, position: np.ones(len(slot), np.bool_))


def positions_unread(patch: Patch) -> None:
    """Rule 7: a row takes what it has taken already."""

    def admit_again(rows: Any, row_ids: Any, offsets: Any, indexes: Any, *rest: Any) -> Any:
        later = rows["last_offset"][row_ids] >= offsets
        np.minimum.at(rows["last_offset"], row_ids[later], offsets[later] - 1)
        return admit(rows, row_ids, offsets, indexes, *rest)

    patch.setattr(pipeline_module, "admit", admit_again)


def expires_uncommitted(patch: Patch) -> None:
    """Rule 7, with 8: while recovered rows are dirty, what is clean has been committed."""
    recovered_are_clean(patch)
    expire = PackedRows.expire
    patch.setattr(PackedRows, "expire", lambda self, watermark, ttl, _: expire(self, watermark, ttl, 2**62))


def expires_before_commit(patch: Patch) -> None:
    """Rule 7: rows are deleted once they are durable, whether or not the offset behind them is committed."""
    durable = PartitionTask.rows_durable

    def rows_durable(self: PartitionTask, cut: Cut) -> None:
        durable(self, cut)
        keys = self.pipeline.rows.expire(self.pipeline.watermark_ms, self.pipeline.ttl_ms, cut.position)
        self._bury(keys, np.full(len(keys), self.writer, np.uint64))

    patch.setattr(PartitionTask, "rows_durable", rows_durable)


def expires_dirty(patch: Patch) -> None:
    """Rule 7: a row that is in no checkpoint yet is deleted like any other."""
    expire = PackedRows.expire

    def expire_all(self: PackedRows, watermark_ms: int, ttl_ms: int, committed: int) -> Any:
        self.dirty.place[:] = 0
        self.dirty.size[0] = 0
        return expire(self, watermark_ms, ttl_ms, committed)

    patch.setattr(PackedRows, "expire", expire_all)


def watermark_of_chunk(patch: Patch) -> None:
    """Rule 7: time does not go on from chunk to chunk."""
    process = pipeline_module.Pipeline.process

    def process_afresh(self: Any, *args: Any) -> Any:
        before, self.watermark_ms = self.watermark_ms, 0
        outcome = process(self, *args)
        self.watermark_ms = max(before, self.watermark_ms)
        return outcome

    patch.setattr(pipeline_module.Pipeline, "process", process_afresh)


def tombstones_last(patch: Patch) -> None:
    """Rule 7: what is left of an expired row is deleted behind the row of the same key that is new."""

    def records(self: PartitionTask, cut: Cut) -> Iterator[Record]:
        garbage, self._garbage = self._garbage, []
        return chain(encode_rows(cut.rows, self.writer), *garbage)

    patch.setattr(PartitionTask, "records", records)


def one_writer(patch: Patch) -> None:
    """Rule 8."""
    patch.setattr(assignment_module, "secrets", SimpleNamespace(randbits=lambda _: 7))


def last_row_wins(patch: Patch) -> None:
    """Rule 8."""
    load = PackedRows.load

    def load_over(self: PackedRows, rows: Any) -> None:
        for row in rows.reshape(-1, 1):
            known = self.find(np.ascontiguousarray(row["key"]))
            self.rows["last_offset"][known[known >= 0]] = -1
            load(self, row)

    patch.setattr(PackedRows, "load", load_over)


def recovered_are_clean(patch: Patch) -> None:
    """Rule 8."""
    tenure_of = Assignment._task

    def tenure_with_clean_rows(*args: Any) -> PartitionTask:
        task = tenure_of(*args)
        task.pipeline.rows.take_dirty()
        return task

    patch.setattr(Assignment, "_task", tenure_with_clean_rows)


def tombstones_first(patch: Patch) -> None:
    """Rule 8."""
    records = PartitionTask.records

    def records_after_tombstones(self: PartitionTask, cut: Cut) -> Iterator[Record]:
        superseded = self.superseded.take(np.ascontiguousarray(cut.rows["key"]))
        return chain(encode_tombstones(*superseded), records(self, cut))

    patch.setattr(PartitionTask, "records", records_after_tombstones)


def any_log(patch: Patch) -> None:
    """Rule 9."""
    patch.setattr(assignment_module, "check_log", lambda *_: None)


def newer_skipped(patch: Patch) -> None:
    """Rule 10."""
    read = Recovery._read

    def read_or_skip(self: Recovery, version: int, values: list[bytes]) -> Any:
        try:
            return read(self, version, values)
        except UserError:
            return np.empty(0, self._stage.row)

    patch.setattr(Recovery, "_read", read_or_skip)


def letters_forgotten(patch: Patch) -> None:
    """Rule 11."""
    send = Shell._send

    async def send_and_forget(self: Shell, output: Output) -> Any:
        future = await send(self, output)
        return _done(future) if output.topic == DEAD_LETTERS else future

    patch.setattr(Shell, "_send", send_and_forget)


def _done(like: Any) -> Any:
    future = like.get_loop().create_future()
    future.set_result(None)
    return future


def ids_unread(patch: Patch) -> None:
    """Rule 12."""
    take: Any = admit

    def admit_any(*args: Any) -> Any:
        ids = np.zeros_like(args[5])
        return take(*args[:5], ids, *args[6:])

    patch.setattr(pipeline_module, "admit", admit_any)
