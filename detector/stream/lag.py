"""Measures lag: how many records wait, by end offsets that the broker was asked for.

Not those of fetches: a consumer that silently stopped fetching would know of no new records.
"""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

import structlog
from aiokafka.errors import KafkaError
from faust.types import TP

from detector.stream.gaps import count_deleted
from detector.stream.partition_task import PartitionTask
from detector.stream.ports import Reader, Source, Span
from detector.stream.reporting import Reporting

log = structlog.get_logger(__name__)

INTERVAL_S = 2.0
TIMEOUT_S = 10.0
#: A transaction that is open at so many looks in a row is told. Producers keep theirs open for fractions of a second.
LOOKS = 5


class _Held(NamedTuple):
    """An end that an open transaction holds, and the looks at which it did."""

    end: int
    looks: int


class LagWatch:
    """Asks again and again; `waiting` is the sum over partitions as last known.

    A log may end with what no consumer is given: transaction markers, aborted records, or nothing, where all was
    deleted. No chunk takes the task's position past these. Where the consumer has fetched all and the position does
    not move, the log itself is read: records that were fetched and then lost count as lag; where there are none, the
    task goes on to the end. What lies behind an open transaction is no lag: nobody can read it yet. A task that is held
    back on purpose has lag and does not count as waiting.
    """

    def __init__(self, source: Source, reader: Reader, tasks: Mapping[TP, PartitionTask], reporting: Reporting) -> None:
        self.waiting = 0
        self.turns, self.rest_s = 0, INTERVAL_S + TIMEOUT_S
        self._source = source
        self._reader = reader
        self._tasks = tasks
        self._reporting = reporting
        self._positions: dict[TP, int] = {}  # at the last look
        self._held: dict[TP, _Held] = {}

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            try:
                await asyncio.wait_for(self.look(), TIMEOUT_S)
            except (TimeoutError, KafkaError):
                self.waiting = max(self.waiting, 1)  # unknown counts as lag: it matters only without progress
                for task in self._tasks.values():
                    task.lag = max(task.lag, 1)
            self.turns += 1

    async def look(self) -> None:
        """Ask once."""
        held = list(self._tasks)
        ends = await self._source.end_offsets(*held) if held else {}
        spans = {tp: (task.position, ends[tp]) for tp, task in list(self._tasks.items()) if tp in ends}
        still = {tp: span for tp, span in spans.items() if await self._is_still(tp, span)}
        for tp in await self._reader.without_records(still) if still else ():
            await self._pass_over(tp, still[tp])
        self._positions = {tp: position for tp, (position, _) in spans.items()}
        self._note(ends)

    async def _is_still(self, tp: TP, span: Span) -> bool:
        """Whether everything was fetched, and the position still does not reach the end."""
        position, end = span
        if position >= end or self._positions.get(tp) != position:
            return False
        # Where it fetches next: markers before it are passed, records before it delivered.
        fetched = await self._source.position(tp)
        return fetched is not None and fetched >= end

    async def _pass_over(self, tp: TP, span: Span) -> None:
        """Take the task to the end of a span without records, unless it has moved meanwhile."""
        task = self._tasks.get(tp)
        if task is None or task.position != span[0]:
            return
        await count_deleted(self._source, self._reporting, task, span[1])
        if task.position == span[0]:
            task.position = span[1]

    def _note(self, ends: Mapping[TP, int]) -> None:
        self.waiting = 0
        tasks = {tp: task for tp, task in self._tasks.items() if tp in ends}
        self._held = {tp: held for tp, held in self._held.items() if tp in tasks}
        for tp, task in tasks.items():
            lag = max(0, ends[tp] - task.position)
            task.lag = 0 if task.held else lag
            self.waiting += task.lag
            self._reporting.lag(task, lag, self._withheld(task, ends[tp]))

    def _withheld(self, task: PartitionTask, end: int) -> int:
        """Offsets behind a transaction that was open at the last look already; tells it where it stays so."""
        before, withheld = self._held.pop(task.tp, None), self._source.withheld(task.tp)
        if not withheld:
            return 0
        looks = before.looks + 1 if before is not None and before.end == end else 1
        self._held[task.tp] = _Held(end, looks)
        if looks == LOOKS:
            log.warning(
                "an open transaction holds a log back",
                stage=task.node,
                partition=task.tp.partition,
                offset=end,
                events=withheld,
                action="its producer must end it: kafka-transactions.sh names it",
            )
        return withheld if looks > 1 else 0
