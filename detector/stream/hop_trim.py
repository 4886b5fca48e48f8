"""Deletes from hops what their readers have committed, so that a hop holds only what is still to be read.

A deployment is one group, so the worker that holds a hop partition knows the commit of its only reader. Nothing before
a commit is ever read again (PROTOCOL rules 5 and 7). Where Kafka refuses, retention deletes it days later.
"""

import asyncio
from collections.abc import Callable, Mapping

import structlog
from faust.types import TP

from detector.errors import UserError
from detector.stream.aside import ANSWER_S, ask_aside
from detector.stream.partition_task import PartitionTask

log = structlog.get_logger(__name__)

#: Deletes the records before an offset of each partition; blocks. UserError where Kafka does not.
DeleteBefore = Callable[[Mapping[TP, int]], None]


class HopTrim:
    """Every `interval_s` deletes what `tasks` have committed of the topics in `hops`, of each partition once."""

    def __init__(
        self, delete: DeleteBefore, hops: frozenset[str], tasks: Mapping[TP, PartitionTask], interval_s: float
    ) -> None:
        self._delete = delete
        self._hops = hops
        self._tasks = tasks
        self.turns, self.rest_s = 0, interval_s + ANSWER_S
        self._interval_s = interval_s
        self._trimmed: dict[TP, int] = {}
        self._refused = ""

    async def run(self) -> None:
        """Delete until cancelled."""
        while True:
            await asyncio.sleep(self._interval_s)
            await self.trim()
            self.turns += 1

    async def trim(self) -> None:
        """Delete what was committed since the last time; a refusal of Kafka is logged once and tried again."""
        committed = {tp: task.committed for tp, task in self._tasks.items() if tp.topic in self._hops}
        fresh = {tp: offset for tp, offset in committed.items() if offset > self._trimmed.get(tp, 0)}
        if not fresh:
            return
        try:
            await ask_aside(lambda: self._delete(fresh), "hop trim")
        except UserError as error:
            if str(error) != self._refused:
                log.warning("what was read of a hop is not deleted, its retention will do it", error=str(error))
            self._refused = str(error)
            return
        self._refused = ""
        self._trimmed |= fresh
