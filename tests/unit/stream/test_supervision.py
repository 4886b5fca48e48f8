"""Whatever ends beside the shell ends the worker, with its cause."""

import asyncio
import time
from typing import Any

import pytest
from support.shells import Ported

from detector.errors import WorkerError
from detector.observe.health import Report
from detector.stream.ports import Listener
from detector.stream.supervision import Watcher, serve
from detector.stream.worker import alive

AT_ONCE_S = 5.0


class Source:
    """Starts and crashes as the test wants."""

    def __init__(self, *, starts: BaseException | None = None, crash: BaseException | None = None) -> None:
        self._starts = starts
        self._crash = crash
        self.paused = False

    async def start(self, listener: Listener) -> None:
        if self._starts is not None:
            raise self._starts

    async def crashed(self) -> BaseException:
        if self._crash is None:
            await asyncio.Event().wait()
        assert self._crash is not None
        return self._crash

    def pause(self) -> None:
        self.paused = True


async def watches() -> None:
    await asyncio.Event().wait()


async def dies() -> None:
    await asyncio.sleep(0)
    raise KeyError("a bug")


async def ends() -> None:
    await asyncio.sleep(0)


async def is_cancelled() -> None:
    raise asyncio.CancelledError


async def is_there() -> None:
    """Kafka answers."""


async def served(
    source: Any, *watchers: Watcher, stop: bool = False, there: Watcher = is_there
) -> BaseException | None:
    shell, stopping = Ported().shell, asyncio.Event()
    shell._source = source
    if stop:
        asyncio.get_running_loop().call_later(0.01, stopping.set)
    async with asyncio.timeout(10):
        return await serve(source, shell, watchers, stopping, there)


async def test_a_watcher_that_dies_ends_the_worker_with_its_cause() -> None:
    error = await served(Source(), watches, dies, watches)
    assert isinstance(error, KeyError)


async def test_health_tells_why_a_worker_ends_until_the_process_is_gone() -> None:
    shell, began = Ported().shell, time.monotonic()
    shell._source = Source()  # type: ignore[assignment]
    assert Report(ok=True) == alive("", shell, {})
    error = await serve(shell._source, shell, [watches, dies], asyncio.Event(), is_there)
    told_s = time.monotonic() - began
    assert Report(False, {"cause": "the worker ends: KeyError('a bug')"}) == alive("", shell, {})
    assert told_s < AT_ONCE_S
    print(f"dead watcher: /healthz fails after {told_s:.2f} s: {error!r}")


async def test_what_the_watchdog_sees_is_what_health_tells() -> None:
    shell = Ported().shell
    assert Report(False, {"cause": "stage wallet made no progress"}) == alive(
        "stage wallet made no progress", shell, {}
    )


@pytest.mark.parametrize("watcher", [ends, is_cancelled])
async def test_a_watcher_that_ends_by_itself_is_named(watcher: Watcher) -> None:
    error = await served(Source(), watches, watcher)
    assert isinstance(error, WorkerError)
    assert f"{watcher.__name__} ended by itself" == str(error)


async def test_a_source_that_crashes_ends_the_worker_with_its_cause() -> None:
    cause = ConnectionError("Kafka is gone")
    assert cause is await served(Source(crash=cause), watches)


async def test_a_source_that_does_not_start_ends_the_worker_with_its_cause() -> None:
    cause = ConnectionError("Kafka is not there")
    assert cause is await served(Source(starts=cause), watches)


async def test_a_worker_that_is_asked_to_stop_drains_and_has_no_error() -> None:
    source = Source()
    assert await served(source, watches, stop=True) is None
    assert source.paused


async def test_a_source_starts_when_kafka_is_there_and_a_worker_that_waits_for_it_can_be_stopped() -> None:
    source = Source(starts=ConnectionError("it was started"))
    assert await served(source, watches, stop=True, there=watches) is None
    assert not source.paused, "there is nothing to drain"
