"""Reads parts of logs with a plain consumer outside the group, beside the worker's own consumer."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiokafka.structs import TopicPartition
from faust.types import TP

from detector.stream.columnar_fetch import ColumnConsumer
from detector.stream.ports import Span

log = structlog.get_logger(__name__)

POLL_MS = 1_000
#: Closing sockets takes no time; a stop that takes longer hangs.
STOP_S = 5.0


class LogReader:
    """Reads logs; `connection` holds aiokafka's keyword arguments for brokers and security, `make` makes a consumer."""

    def __init__(
        self, connection: Mapping[str, Any], make: Callable[..., Any] = ColumnConsumer, stop_s: float = STOP_S
    ) -> None:
        self._connection = connection
        self._make = make
        self._stop_s = stop_s

    async def first_offset(self, tp: TP, offset: int) -> int | None:
        """See `Reader`."""
        async with self.opened(max_poll_records=1, auto_offset_reset="earliest") as consumer:
            partition = TopicPartition(*tp)
            consumer.assign([partition])
            consumer.seek(partition, offset)
            found = await consumer.getmany(partition, timeout_ms=10 * POLL_MS)
        return found[partition][0].offset if found else None

    async def without_records(self, spans: Mapping[TP, Span]) -> set[TP]:
        """See `Reader`."""
        ends = {TopicPartition(*tp): end for tp, (_, end) in spans.items()}
        empty: set[TP] = set()
        async with self.opened(auto_offset_reset="earliest") as consumer:
            consumer.assign(list(ends))
            for tp, (begin, _) in spans.items():
                consumer.seek(TopicPartition(*tp), begin)
            while ends:
                found = await consumer.getmany(*ends, timeout_ms=POLL_MS)
                for tp, records in found.items():
                    if records.offset[0] >= ends[tp]:
                        empty.add(TP(*tp))
                    del ends[tp]
                passed = {tp for tp in ends if await consumer.position(tp) >= ends[tp]}
                empty |= {TP(*tp) for tp in passed}
                ends = {tp: end for tp, end in ends.items() if tp not in passed}
        return empty

    @asynccontextmanager
    async def opened(self, **options: Any) -> AsyncIterator[ColumnConsumer]:
        """A started consumer without a group. An error while it stops never replaces an error of the body."""
        options = {"group_id": None, "enable_auto_commit": False, "isolation_level": "read_committed", **options}
        consumer = self._make(**self._connection, **options)
        try:
            await consumer.start()
            yield consumer
        finally:
            await self._stop(consumer)

    async def _stop(self, consumer: ColumnConsumer) -> None:
        # A task of its own: aiokafka's stop awaits fetches that it cancelled itself, and where one was waiting to
        # retry, it raises their CancelledError.
        stopping = asyncio.ensure_future(consumer.stop())
        await asyncio.wait({stopping}, timeout=self._stop_s)
        if not stopping.done():
            stopping.cancel()
            log.warning("a reader did not stop in time", seconds=self._stop_s)
        elif not stopping.cancelled() and (error := stopping.exception()) is not None:
            log.warning("a reader did not stop in order", error=repr(error))
