"""Sends dead letters beside the chunks: a flood of them waits for Kafka, and the events of others do not."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from detector.stream.packed import Record

#: Sends records in whole batches; a future each, which Kafka's answer resolves.
SendRecords = Callable[[Iterable[Record]], Awaitable["list[asyncio.Future[Any]]"]]


class LetterSender:
    """A queue of chunks' letters, sent in its order; how many wait is bounded by the chunks in flight.

    Letters that fail end the worker at its checkpoint, as every output does; those that wait behind them fail too.
    """

    def __init__(self, send: SendRecords) -> None:
        self._send = send
        self._waiting: deque[tuple[list[Record], asyncio.Future[Any]]] = deque()
        self._pump: asyncio.Task[None] | None = None

    def send(self, letters: list[Record]) -> "asyncio.Future[Any]":
        """Put the letters of a chunk behind those of others; their future."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((letters, future))
        if self._pump is None:
            self._pump = asyncio.create_task(self._send_waiting())
        return future

    async def _send_waiting(self) -> None:
        try:
            while self._waiting:
                letters, future = self._waiting[0]
                for confirmed in await self._send(letters):
                    await confirmed
                self._waiting.popleft()
                if not future.done():
                    future.set_result(None)
        except BaseException as error:  # noqa: BLE001 - whatever it was, none of these is durable
            for _, future in self._waiting:
                if not future.done():
                    future.set_exception(error)
                    # Its holder may have ended already, and asyncio logs an exception that was never retrieved.
                    future.exception()
            self._waiting.clear()
        finally:
            self._pump = None
