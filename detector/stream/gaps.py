"""Offsets without a record that a task passes over: most are of transactions, some were deleted unread."""

from detector.stream.partition_task import PartitionTask
from detector.stream.ports import Source
from detector.stream.reporting import Reporting


async def count_deleted(source: Source, reporting: Reporting, task: PartitionTask, until: int) -> None:
    """Count those between the task's position and `until` that lie before the log's first offset: they were deleted.

    Markers and aborted records stay in the log until then. Where they were deleted too, they count.
    """
    begin = min(until, await source.begin_offset(task.tp))
    deleted = begin - max(task.position, task.deleted_to)
    if deleted > 0:
        reporting.deleted(task, deleted)
        task.deleted_to = begin
