"""What a worker of the model is made of: the project's classes, and for a mutation another instead of one."""

from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import Any, NamedTuple

from support.protocol.fake_ports import FakeReader, FakeSource

from detector.core.pipeline import Pipeline
from detector.core.rows import PackedRows
from detector.stream import checkpoint
from detector.stream.assignment import Assignment
from detector.stream.checkpoint import Cuts, Log
from detector.stream.hop_sender import HopSender
from detector.stream.kept import Kept
from detector.stream.partition_task import PartitionTask
from detector.stream.shell import Shell


def new_writer(worker: Any) -> int:
    """A writer id nobody has had."""
    return int(worker.new_writer())


class Parts(NamedTuple):
    """The shell, which makes the others; and the ports that are not as usual."""

    shell: type[Shell] = Shell
    source: type[FakeSource] = FakeSource
    reader: type[FakeReader] = FakeReader
    writer: Callable[[Any], int] = new_writer


MakeDurable = Callable[[Cuts, Log], Awaitable[Cuts]]


def with_checkpoint(make: MakeDurable) -> Parts:
    """A shell whose checkpoints are made so."""

    class Other(Shell):
        async def checkpoint(self) -> Cuts:
            async with self._checkpointing:
                async with self._processing:
                    cuts = checkpoint.take_cuts(self.tasks.values())
                return await make(cuts, self)

    return Parts(shell=Other)


def ending_tasks(make: MakeDurable) -> MakeDurable:
    """A checkpoint that breaks off ends its tasks."""

    async def make_durable(cuts: Cuts, log: Log) -> Cuts:
        try:
            return await make(cuts, log)
        except BaseException:
            for task, _ in cuts:
                task.ended = True
            raise

    return make_durable


def with_assignment(kind: type[Assignment]) -> Parts:
    """A shell that begins its tasks so."""

    class Other(Shell):
        def _assignment(self, *args: Any) -> Assignment:
            usual = super()._assignment(*args)
            return kind(usual._settings, usual._wiring, usual._facts, usual._ports)

    return Parts(shell=Other)


def with_task(kind: type[PartitionTask]) -> Parts:
    """A shell whose tasks are of this kind."""

    class Other(Assignment):
        def _task(self, *args: Any) -> PartitionTask:
            usual = super()._task(*args)
            return kind(**{each.name: getattr(usual, each.name) for each in fields(usual) if each.init})

    return with_assignment(Other)


def with_pipeline(kind: type[Pipeline]) -> Parts:
    """A shell whose nodes are of this kind."""

    class Other(Assignment):
        def _pipeline(self, *args: Any) -> Pipeline:
            usual, wiring = super()._pipeline(*args), self._wiring
            given: dict[str, Any] = {"rows": usual.rows, "ttl_ms": usual.ttl_ms, "watermark_ms": usual.watermark_ms}
            given["begun_ms"] = usual.begun_ms
            return kind(wiring.topology, usual.node, wiring.model, **given)

    return with_assignment(Other)


def with_rows(kind: type[PackedRows]) -> Parts:
    """A worker whose rows are of this kind."""

    class Other(FakeReader):
        rows = kind

    return Parts(reader=Other)


def with_kept(kind: type[Kept]) -> Parts:
    """A shell that keeps tasks over a rebalance so."""

    class Other(Shell):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.membership.kept = kind()

    return Parts(shell=Other)


def with_sender(kind: type[HopSender]) -> Parts:
    """A shell that sends hop messages so."""

    class Other(Shell):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self._hops = kind(self._ports.producer.send_batch, self.fail)

    return Parts(shell=Other)
