"""A TCP proxy that delays, cuts, falls silent or withholds answers: the network between a worker and its broker."""

import asyncio
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from detector.local_kafka.node import HOST

PASS, DELAY, CUT, HALF_OPEN, SILENT = "pass", "delay", "cut", "half-open", "silent"
FAULTS = (DELAY, CUT, HALF_OPEN, SILENT)
CHUNK_BYTES = 65_536


class Proxy:
    """Listens on a port of its own and passes bytes to `target` (host:port), as its fault allows.

    `delay` holds every piece back in both directions; `cut` resets connections and takes none; `half-open` brings
    requests to the broker and no answer back; `silent` passes nothing. A connection that lost bytes is reset when the
    fault ends. A context manager with a thread of its own; other methods may be called from any thread.
    """

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = host, int(port)
        self._fault, self._delay_s = PASS, 0.0
        self._healed = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, HOST, 0))
        self.address = f"{HOST}:{self._server.sockets[0].getsockname()[1]}"
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def fail(self, fault: str, delay_s: float = 0.0) -> None:
        """Begin a fault, one of `FAULTS`; `delay_s` is that of `delay`."""
        self._loop.call_soon_threadsafe(self._begin, fault, delay_s)

    def heal(self) -> None:
        """End the fault."""
        self._loop.call_soon_threadsafe(self._begin, PASS, 0.0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _begin(self, fault: str, delay_s: float) -> None:
        self._fault, self._delay_s = fault, delay_s
        # Whoever waits for the end of the fault before has this event, whatever begins now.
        self._healed.set()
        self._healed = asyncio.Event()
        if fault == CUT:
            for writer in self._open:
                writer.transport.abort()

    async def _close(self) -> None:
        self._server.close()
        for passing in list(self._passing):
            passing.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)
        sides = [writer]
        self._open.add(writer)
        try:
            if self._fault == CUT:
                return
            answers, requests = await asyncio.open_connection(*self._target)
            sides.append(requests)
            ways = {
                asyncio.ensure_future(self._pump(reader, requests, is_answer=False)),
                asyncio.ensure_future(self._pump(answers, writer, is_answer=True)),
            }
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError):  # no broker there; or the end
            pass
        finally:
            self._open.discard(writer)
            for side in sides:
                side.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, to: asyncio.StreamWriter, *, is_answer: bool) -> None:
        with suppress(OSError):
            while data := await source.read(CHUNK_BYTES):
                if self._fault == DELAY:
                    await asyncio.sleep(self._delay_s)
                if self._fault == SILENT or (self._fault == HALF_OPEN and is_answer):
                    await self._healed.wait()
                    return
                to.write(data)
                await to.drain()
