"""The checkpoint: outputs durable, then rows durable, then the offset committed — in this order (PROTOCOL rule 4)."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from aiokafka.structs import OffsetAndMetadata
from faust.types import TP

from detector.kafka.marks import encode_marks
from detector.stream.packed import Record
from detector.stream.partition_task import Cut, PartitionTask


class Log(Protocol):
    """Where a checkpoint makes things durable."""

    async def write_rows(self, tp: TP, records: Iterable[Record]) -> "list[asyncio.Future[Any]]":
        """Send changelog records of the partition; their futures."""

    async def commit(self, positions: Mapping[TP, OffsetAndMetadata]) -> bool:
        """Commit offsets with marks; False when the group has rebalanced and refuses."""


Cuts = list[tuple[PartitionTask, Cut]]


def take_cuts(tasks: Iterable[PartitionTask]) -> Cuts:
    """Cut every task that has something to make durable, except torn ones: part of a chunk must not become durable.

    Call it between chunks.
    """
    return [(task, task.cut()) for task in tasks if task.behind and not (task.ended or task.torn)]


async def make_durable(cuts: Cuts, log: Log) -> Cuts:
    """Make the cuts durable and commit them; those that were committed.

    Processing continues meanwhile. A task that ends is left out of all later steps. A failed send is raised, before
    the commit: nothing was acknowledged then, and the process must end. Any error or cancellation
    ends the tasks: a later cut would not hold what this one took, and would commit past it.
    """
    try:
        return await _make_durable(cuts, log)
    except BaseException:
        for task, _ in cuts:
            task.ended = True
        raise


async def _make_durable(cuts: Cuts, log: Log) -> Cuts:
    await _all_durable(future for _, cut in cuts for future in cut.outputs)
    cuts = _standing(cuts)
    futures: list[asyncio.Future[Any]] = []
    for task, cut in cuts:
        futures += await log.write_rows(task.tp, task.records(cut))
    await _all_durable(futures)
    cuts = _standing(cuts)
    for task, cut in cuts:
        task.rows_durable(cut)
    positions = {task.tp: OffsetAndMetadata(cut.position, encode_marks(cut.marks)) for task, cut in cuts}
    if not positions or not await log.commit(positions):
        return []
    cuts = _standing(cuts)
    for task, cut in cuts:
        task.offset_committed(cut)
    return cuts


async def _all_durable(futures: Iterable["asyncio.Future[Any]"]) -> None:
    for future in futures:
        await future


def _standing(cuts: Cuts) -> Cuts:
    return [(task, cut) for task, cut in cuts if not task.ended]
