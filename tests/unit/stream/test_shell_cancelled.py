"""A cancellation that leaks out of a library is a failure; the task's own is not."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from support.shells import Ported, chunk_at

from detector.stream.shell import Shell

Work = Callable[[], Coroutine[Any, Any, Any]]


async def leaks() -> None:
    """As aiokafka's `stop` does."""
    raise asyncio.CancelledError


async def hangs() -> None:
    """As a read on a silent connection does."""
    await asyncio.Event().wait()


async def until_it_waits(task: "asyncio.Task[Any]") -> None:
    await asyncio.wait({task}, timeout=0.05)


def restores(work: Work) -> "tuple[Shell, asyncio.Task[None]]":
    ported = Ported()
    ported.reader.restoring = work
    return ported.shell, asyncio.ensure_future(ported.shell.begin())


def reads(work: Work) -> "tuple[Shell, asyncio.Task[None]]":
    ported = Ported()
    ported.take(position=100)
    ported.backend.following = 200
    ported.source.asked = work
    return ported.shell, asyncio.ensure_future(ported.shell.on_chunk(chunk_at(200)))


def finishes(work: Work) -> "tuple[Shell, asyncio.Task[None]]":
    ported = Ported()
    ported.take(position=100, committed=50)
    ported.source.asked = work
    return ported.shell, asyncio.ensure_future(ported.shell.finish())


@pytest.mark.parametrize("begins", [restores, reads, finishes])
async def test_a_cancellation_that_leaked_out_of_a_library_ends_the_worker(begins: Any) -> None:
    shell, task = begins(leaks)
    await until_it_waits(task)
    assert shell.failed.done()
    assert isinstance(shell.failed.result(), asyncio.CancelledError)
    task.cancel()


@pytest.mark.parametrize("begins", [restores, reads, finishes])
async def test_a_task_that_is_cancelled_is_no_failure(begins: Any) -> None:
    shell, task = begins(hangs)
    await until_it_waits(task)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert not shell.failed.done()


async def test_assigned_partitions_are_restoring_until_they_are_handed_back() -> None:
    ported = Ported()
    ported.reader.found = None  # the group moved on
    await ported.shell.begin()
    assert ported.shell.membership.restoring
    await ported.shell.finish()
    assert not ported.shell.membership.restoring
