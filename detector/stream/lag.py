"""Measures lag: how many records wait, by end offsets that the broker was asked for.

Not those of fetches: a consumer that silently stopped fetching would know of no new records.
"""

import asyncio
from collections.abc import Mapping

from aiokafka.errors import KafkaError
from faust.types import TP

from detector.stream.partition_task import PartitionTask
from detector.stream.ports import Reader, Source, Span
from detector.stream.reporting import Reporting

INTERVAL_S = 2.0
TIMEOUT_S = 10.0


class LagWatch:
    """Asks again and again; `waiting` is the sum over partitions as last known.

    A log may end with transaction markers, which no consumer is given: a position never passes them. Where the
    consumer has fetched all and the position does not move, the log itself is read: records that were fetched and
    then lost count as lag, markers do not.
    """

    def __init__(self, source: Source, reader: Reader, tasks: Mapping[TP, PartitionTask], reporting: Reporting) -> None:
        self.waiting = 0
        self.turns, self.rest_s = 0, INTERVAL_S + TIMEOUT_S
        self._source = source
        self._reader = reader
        self._tasks = tasks
        self._reporting = reporting
        self._positions: dict[TP, int] = {}  # at the last look
        self._empty: dict[TP, Span] = {}  # spans that hold nothing but markers

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
        self._empty = {tp: span for tp, span in self._empty.items() if spans.get(tp) == span}
        still = {tp: span for tp, span in spans.items() if await self._is_still(tp, span)}
        if still:
            self._empty |= {tp: still[tp] for tp in await self._reader.without_records(still)}
        self._positions = {tp: position for tp, (position, _) in spans.items()}
        self._note(spans)

    async def _is_still(self, tp: TP, span: Span) -> bool:
        """Whether everything was fetched, and the position still does not reach the end."""
        position, end = span
        if position >= end or tp in self._empty or self._positions.get(tp) != position:
            return False
        # Where it fetches next: markers before it are passed, records before it delivered.
        fetched = await self._source.position(tp)
        return fetched is not None and fetched >= end

    def _note(self, spans: Mapping[TP, Span]) -> None:
        self.waiting = 0
        for tp, (position, end) in spans.items():
            lag = 0 if tp in self._empty else max(0, end - position)
            self.waiting += lag
            if (task := self._tasks.get(tp)) is not None:
                task.lag = lag
                self._reporting.lag(task, lag)
