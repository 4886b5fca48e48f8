"""Sends hop messages so that none enters its partition past one that was lost (PROTOCOL rule 6)."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from detector.errors import WorkerError

#: Sends the messages to a partition of a topic as one record batch; returns a future that Kafka's answer resolves.
SendBatch = Callable[[str, int, list[bytes]], Awaitable["asyncio.Future[Any]"]]
#: What one record batch may hold: below the producer's own limit (`batch_writer.PRODUCER_BATCH_BYTES`).
BATCH_BYTES = 480 * 1024
#: Of a record around its value, at most.
RECORD_OVERHEAD_BYTES = 64

_Waiting = tuple[bytes, "asyncio.Future[Any]"]


class HopSender:
    """For every hop partition a queue, of which one record batch at most is sent and not yet confirmed.

    A batch is one unit for Kafka: it is in the log whole or not at all. The first batch that fails is the last that is
    sent, to any partition: everything waiting and everything later fails with it, and `fail` is called.
    """

    def __init__(self, send: SendBatch, fail: Callable[[BaseException], None]) -> None:
        self._send = send
        self._fail = fail
        self._lanes: dict[tuple[str, int], deque[_Waiting]] = {}
        self._pumps: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    def send(self, topic: str, partition: int, value: bytes) -> "asyncio.Future[Any]":
        """Put a message behind those of its partition; its future."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._failure is not None:
            _refuse(future, self._failure)
            return future
        target = topic, partition
        if target in self._lanes:
            self._lanes[target].append((value, future))
            return future
        self._lanes[target] = deque([(value, future)])
        pump = asyncio.create_task(self._pump(target))
        self._pumps.add(pump)
        pump.add_done_callback(self._pumps.discard)
        return future

    async def _pump(self, target: tuple[str, int]) -> None:
        lane = self._lanes[target]
        while lane and self._failure is None:
            batch = _next_batch(lane)
            try:
                confirmed = await self._send(*target, [value for value, _ in batch])
                await confirmed
            except BaseException as error:  # noqa: BLE001 - cancelled or refused: nothing may be sent past it
                self._give_up(error, batch)
                break
            for _, future in batch:
                if not future.done():
                    future.set_result(None)
        self._lanes.pop(target, None)

    def _give_up(self, error: BaseException, batch: list[_Waiting]) -> None:
        self._failure = WorkerError(f"a hop message was not taken by Kafka: {error!r}")
        for _, future in batch:
            _refuse(future, self._failure)
        for lane in self._lanes.values():
            while lane:
                _refuse(lane.popleft()[1], self._failure)
        self._fail(self._failure)


def _next_batch(lane: deque[_Waiting]) -> list[_Waiting]:
    batch = [lane.popleft()]
    size = len(batch[0][0]) + RECORD_OVERHEAD_BYTES
    while lane and size + len(lane[0][0]) + RECORD_OVERHEAD_BYTES <= BATCH_BYTES:
        size += len(lane[0][0]) + RECORD_OVERHEAD_BYTES
        batch.append(lane.popleft())
    return batch


def _refuse(future: "asyncio.Future[Any]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
        # Its holder may have ended already, and asyncio logs an exception that was never retrieved.
        future.exception()
