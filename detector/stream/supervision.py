"""Runs a shell, its source and its watchers until one of them ends: the first cause ends the worker."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

import structlog

from detector.errors import WorkerError
from detector.stream.ports import Source
from detector.stream.shell import Shell

log = structlog.get_logger(__name__)

#: Runs until it is cancelled: one that ends, or raises, ends the worker.
Watcher = Callable[[], Coroutine[Any, Any, None]]


async def serve(
    source: Source, shell: Shell, watchers: Sequence[Watcher], stop: asyncio.Event, there: Watcher
) -> BaseException | None:
    """Start `source` with `shell` once `there()` returns; until `stop` is set or something fails.

    Returns what failed; the source is not stopped.
    """
    crashed = asyncio.ensure_future(source.crashed())
    stopping = asyncio.ensure_future(stop.wait())
    watching = {asyncio.ensure_future(watcher()): watcher for watcher in watchers}
    starting = asyncio.ensure_future(_start(source, shell, there))
    ends: set[asyncio.Future[Any]] = {crashed, stopping, shell.failed, *watching}
    await asyncio.wait({starting, *ends}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done() and starting.exception() is None:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    elif starting.done():
        shell.fail(starting.exception() or RuntimeError("the source did not start"))
    if crashed.done():
        shell.fail(crashed.exception() or crashed.result())
    for task, watcher in watching.items():
        if task.done():
            shell.fail(_why(task, watcher))
    if not shell.failed.done() and starting.done():
        log.info("worker drains")
        with suppress(Exception):  # kept in shell.failed
            await shell.drain()
    for each in (*watching, crashed, stopping, starting):
        each.cancel()
    return shell.failed.result() if shell.failed.done() else None


async def _start(source: Source, shell: Shell, there: Watcher) -> None:
    await there()
    await source.start(shell)


def _why(ended: "asyncio.Future[None]", watcher: Watcher) -> BaseException:
    """The cause for which a watcher, which never ends by itself, has ended."""
    error = None if ended.cancelled() else ended.exception()
    return error or WorkerError(f"{watcher.__qualname__} ended by itself")
