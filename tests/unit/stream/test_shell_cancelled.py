"""A cancellation that leaks out of a library is a failure; the task's own is not."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import TP

from detector.settings import Settings
from detector.stream import shell as module
from detector.stream.shell import Shell

PLACE = TP("account-events", 0)


async def leaks() -> None:
    """As aiokafka's `stop` does."""
    raise asyncio.CancelledError


async def hangs() -> None:
    """As a read on a silent connection does."""
    await asyncio.Event().wait()


class World:
    """A shell with one partition assigned, whose work is `work`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, work: Any) -> None:
        self.shell = shell = cast(Any, object.__new__(Shell))
        shell._settings, shell._nodes, shell.tasks = Settings(), {PLACE.topic: object()}, {}
        shell._reporting = SimpleNamespace(worker=SimpleNamespace(rebalanced=lambda _: None, ready=lambda **_: None))
        shell._processing, shell._checkpointing = asyncio.Lock(), asyncio.Lock()
        shell.failed = asyncio.get_running_loop().create_future()
        shell.app = SimpleNamespace(consumer=SimpleNamespace(assignment=lambda: {PLACE}))
        shell.progress, shell.restoring = 0, False
        assignment = SimpleNamespace(stands=True, begin=lambda *_: work())
        monkeypatch.setattr(module, "Assignment", lambda *_: assignment)
        shell._topics_as_they_are, shell._wiring = self.facts, lambda _: None
        shell._wait_for_room = lambda _: work()
        shell.checkpoint = work

    async def facts(self) -> dict[str, Any]:
        return {}

    async def until_it_waits(self, task: "asyncio.Task[Any]") -> None:
        await asyncio.wait({task}, timeout=0.05)


TASKS = {
    "begin": lambda shell: shell.begin(),
    "chunk": lambda shell: shell.on_chunk(SimpleNamespace(tp=PLACE)),
    "last checkpoint": lambda shell: shell.finish(),
}


@pytest.mark.parametrize("name", TASKS)
async def test_a_cancellation_that_leaked_out_of_a_library_ends_the_worker(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    world = World(monkeypatch, leaks)
    task = asyncio.ensure_future(TASKS[name](world.shell))
    await world.until_it_waits(task)
    assert world.shell.failed.done()
    assert isinstance(world.shell.failed.result(), asyncio.CancelledError)
    task.cancel()


@pytest.mark.parametrize("name", TASKS)
async def test_a_task_that_is_cancelled_is_no_failure(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    world = World(monkeypatch, hangs)
    task = asyncio.ensure_future(TASKS[name](world.shell))
    await world.until_it_waits(task)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert not world.shell.failed.done()


async def test_assigned_partitions_are_restoring_until_they_are_handed_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none() -> list[Any]:  # the group moved on
        return []

    world = World(monkeypatch, none)
    await world.shell.begin()
    assert world.shell.restoring
    await world.shell.finish()
    assert not world.shell.restoring
