"""The protocol with one rule of reading, order, sending or committing broken, each as parts of a worker."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from aiokafka.structs import OffsetAndMetadata
from faust.types import TP
from support.protocol.fake_ports import FakeSource
from support.protocol.parts import Parts, ending_tasks, with_checkpoint, with_kept, with_sender

from detector.kafka.marks import Marks, encode_marks
from detector.stream import checkpoint
from detector.stream.checkpoint import Cuts, Log
from detector.stream.hop_sender import HopSender
from detector.stream.kept import Kept
from detector.stream.partition_task import Cut, PartitionTask
from detector.stream.ports import Chunk
from detector.stream.processor import Output
from detector.stream.shell import Shell


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

    return with_checkpoint(ending_tasks(make_durable))


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
    return with_checkpoint(checkpoint._make_durable)


def any_chunk() -> Parts:
    """Rule 2: where a chunk begins is not looked at."""

    class Other(Shell):
        async def _is_next(self, task: PartitionTask, offset: int) -> bool:
            return True

    return Parts(shell=Other)


def begins_trusted_too_far() -> Parts:
    """Rule 2: a chunk counts as fetched right behind the last one whenever something is missing before it."""

    class Other(Shell):
        async def on_chunk(self, chunk: Chunk) -> None:
            await super().on_chunk(chunk._replace(begin=0))

    return Parts(shell=Other)


def not_read_again() -> Parts:
    """Rule 2: a chunk that is not the next is left out, and that is all."""

    class Other(FakeSource):
        async def read_again(self, tp: TP, offset: int) -> None:
            pass

    return Parts(source=Other)


class _AnyCommit(Kept):
    def _as_left(self, task: PartitionTask, found: OffsetAndMetadata | None) -> bool:
        return True


def kept_over_commits() -> Parts:
    """Rule 2: a task goes on whatever was committed while it was away."""
    return with_kept(_AnyCommit)


def kept_over_generations() -> Parts:
    """Rule 2: a task goes on whatever generations it has not seen; nor is the commit looked at, its second guard."""

    class Other(_AnyCommit):
        def _follows(self, generation: int) -> bool:
            return True

    return with_kept(Other)


def kept_unsettled() -> Parts:
    """Rule 2: a task goes on whose last checkpoint did not end; nor is the commit looked at, its second guard."""

    class Other(Shell):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.membership.kept = _AnyCommit()

        async def _last_checkpoint(self, end: Callable[[], None]) -> bool:
            tasks = list(self.tasks.values())
            try:
                return await super()._last_checkpoint(end)
            finally:
                for task in tasks:
                    task.ended, task.outputs, task.committed = False, [], task.position
                self.membership.kept.keep(tasks, self.membership.generation)

    return Parts(shell=Other)


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
        async def commit(self, positions: Mapping[TP, OffsetAndMetadata], generation: int) -> bool:
            if all(mark.offset == self._backend.ends[tp][0] for tp, mark in positions.items()):
                return True
            return await super().commit(positions, generation)

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

    return with_sender(Other)


def lanes_go_on() -> Parts:
    """Rule 6: a batch that fails is dropped, and the next one sent."""

    class Other(HopSender):
        async def _pump(self, target: tuple[str, int]) -> None:
            lane = self._lanes[target]
            while lane:
                value, future = lane.popleft()
                try:
                    await (await self._send(*target, [value]))
                except ConnectionError as error:
                    future.set_exception(error)
                else:
                    future.set_result(None)
            del self._lanes[target]

    return with_sender(Other)


def failures_ignored() -> Parts:
    """Rule 6, and 4: what failed counts as durable, and nobody ends the process."""

    class Ignoring(HopSender):
        def _give_up(self, error: BaseException, batch: Any) -> None:
            for _, future in batch:
                future.set_result(None)

    return with_sender(Ignoring)


def letters_forgotten() -> Parts:
    """Rule 11."""

    class Other(Shell):
        def _send_letters(self, letters: list[Output]) -> "asyncio.Future[Any]":
            sent = super()._send_letters(letters)
            done: asyncio.Future[Any] = sent.get_loop().create_future()
            done.set_result(None)
            return done

    return Parts(shell=Other)
