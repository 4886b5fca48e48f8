"""A pipeline and a log of ten lines each, to watch the order in which a checkpoint makes things durable."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from aiokafka.structs import OffsetAndMetadata
from faust.types import TP

from detector.core.stage import HEADER
from detector.stream.changelog import Superseded
from detector.stream.high_water import HighWaterMarks
from detector.stream.packed import Record
from detector.stream.pairs import KEY
from detector.stream.partition_task import PartitionTask
from detector.stream.processor import Processed

ROW = np.dtype([*HEADER], align=True)
INPUT = TP("account-events", 0)


class Rows:
    """Dirty rows to take, expired keys to give."""

    def __init__(self) -> None:
        self.dirty: dict[int, int] = {}
        self.expired: list[int] = []

    @property
    def dirty_count(self) -> int:
        return len(self.dirty)

    def take_dirty(self) -> npt.NDArray[Any]:
        rows = np.zeros(len(self.dirty), ROW)
        rows["key"], rows["last_offset"] = list(self.dirty), list(self.dirty.values())
        self.dirty = {}
        return rows

    def expire(self, watermark_ms: int, ttl_ms: int, committed: int) -> npt.NDArray[np.uint64]:
        keys, self.expired = np.array(self.expired, np.uint64), []
        return keys


@dataclass
class Pipeline:
    """Watermark, time to live and rows."""

    rows: Rows = field(default_factory=Rows)
    watermark_ms: int = 0
    begun_ms: int = 0
    ttl_ms: int = 1000


class Processor:
    """A pipeline, and the marks of two upstream partitions."""

    def __init__(self) -> None:
        self.pipeline: Any = Pipeline()
        self.marks = HighWaterMarks(2)

    def process(self, records: list[Any]) -> Processed:
        raise NotImplementedError("tests say what became of a chunk")


class RecordingLog:
    """Writes down what reaches it; its futures are done when the test says so, at once by default."""

    def __init__(self, *, accepts: bool = True) -> None:
        self.steps: list[str] = []
        self.records: list[Record] = []
        self.committed: dict[TP, OffsetAndMetadata] = {}
        self.rows_future: asyncio.Future[Any] | None = None
        self._accepts = accepts

    async def write_rows(self, tp: TP, records: Iterable[Record]) -> "list[asyncio.Future[Any]]":
        self.steps.append("rows")
        self.records += list(records)
        return [self.rows_future or done()]

    async def commit(self, positions: Mapping[TP, OffsetAndMetadata]) -> bool:
        self.steps.append("commit")
        if self._accepts:
            self.committed.update(positions)
        return self._accepts


def done() -> "asyncio.Future[Any]":
    """A future that is done."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


def task(*, committed: int = 0, superseded: tuple[tuple[int, int], ...] = ()) -> PartitionTask:
    """A task with writer id 7 that knows of these (key, writer) pairs."""
    return PartitionTask(
        INPUT, 7, cast(Any, Processor()), Superseded(np.array(list(superseded), KEY)), committed, "id-1"
    )
