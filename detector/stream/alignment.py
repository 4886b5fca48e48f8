"""Reads a backlog as it was live: of the source partitions none gets far ahead of the others in event time.

Live, account and wallet events meet in the hops within seconds. A worker that reads a backlog would take each log as
fast as it can: a wallet's payout of next week would be judged before the charge that paid for it.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

import structlog
from aiokafka.errors import KafkaError
from faust.types import TP

from detector.stream.gate import Gate
from detector.stream.partition_task import PartitionTask

log = structlog.get_logger(__name__)

#: An event a minute behind others counts as late already (`LATE_MS` of the metrics).
BOUND_MS = 60_000
#: What is unread for longer than this is a backlog: live events are read within a fraction of it.
INTERVAL_S = 1.0
TIMEOUT_S = 10.0
#: Looks at which the hindmost partition may stand while others wait for it; then it is waited for no more until it
#: moves. It may hold nothing but dead letters.
PATIENCE_LOOKS = 10
#: Kafka cannot be reached. The next look will do.
UNKNOWN = (TimeoutError, KafkaError)


class Read(NamedTuple):
    """How far a source partition was read: offset, and greatest event time, epoch ms, 0 before the first event."""

    position: int
    watermark_ms: int


def ahead(read: Mapping[TP, Read], ends: Mapping[TP, int], bound_ms: int) -> tuple[set[TP], int]:
    """Partitions with a backlog that wait for the hindmost of those, and its event time, −1 where there is no backlog.

    `ends`: offsets up to which there was something to read a while ago; who has read that has no backlog, waits for
    nobody, and nobody for it.
    """
    behind = {tp: each.watermark_ms for tp, each in read.items() if each.position < ends.get(tp, 0)}
    hindmost_ms = min(behind.values(), default=-1)
    return {tp for tp, watermark_ms in behind.items() if watermark_ms > hindmost_ms + bound_ms}, hindmost_ms


class Alignment:
    """Holds back those of `tasks` that are ahead of the others of this worker.

    Other workers are not waited for: what they committed is known once a second, and a group that reads its backlog at
    that pace may never be done.
    """

    def __init__(self, gate: Gate, topics: tuple[str, ...], tasks: Mapping[TP, PartitionTask]) -> None:
        self.turns, self.rest_s = 0, INTERVAL_S + TIMEOUT_S
        self._gate = gate
        self._topics = topics
        self._tasks = tasks
        self._begun = asyncio.Event()
        self._ends: Mapping[TP, int] = {}  # at the look before the last, or at the first since the assignment
        self._last_ends: Mapping[TP, int] = {}
        self._held: set[TP] = set()
        self._hindmost_ms = self._given_up_ms = -1
        self._stood = 0

    async def begin(self) -> None:
        """Tasks were begun; nothing of them is held back, and nothing read yet."""
        self._ends, self._last_ends, self._held = {}, {}, set()
        self._hindmost_ms = self._given_up_ms = -1
        with suppress(*UNKNOWN):
            async with asyncio.timeout(TIMEOUT_S):
                await self.look()
        self._begun.set()

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    await self.look()
                    self._compare()
                    # Said at every look: an assignment at the same moment may have lost it.
                    await self._gate.hold(self._held)
            except UNKNOWN as error:
                log.debug("event times were not compared", error=repr(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._begun.wait(), INTERVAL_S)
            self._begun.clear()
            self.turns += 1

    async def look(self) -> None:
        """Ask how long the logs are."""
        read = [tp for tp in self._tasks if tp.topic in self._topics]
        if len(read) < 2:  # nobody to wait for
            return
        ends = await self._gate.end_offsets(*read)
        self._ends, self._last_ends = self._last_ends or ends, ends
        self._stood = self._stood + 1 if self._held else 0
        if self._stood > PATIENCE_LOOKS:
            self._given_up_ms = self._hindmost_ms

    async def align(self) -> None:
        """Hold back who is ahead, and let go who is no longer; after every chunk of a source topic."""
        if self._ends and self._compare():
            await self._gate.hold(self._held)

    def _compare(self) -> bool:
        """Find who is ahead; whether it is others than before."""
        tasks = {tp: task for tp, task in self._tasks.items() if tp.topic in self._topics}
        read = {tp: Read(task.position, task.pipeline.watermark_ms) for tp, task in tasks.items()}
        found, hindmost_ms = ahead(read, self._ends, BOUND_MS)
        if hindmost_ms != self._hindmost_ms:
            self._hindmost_ms, self._stood = hindmost_ms, 0
        held = set() if hindmost_ms == self._given_up_ms else found
        for tp, task in tasks.items():
            task.held = tp in held
        changed, self._held = held != self._held, held
        return changed
