"""An event loop driven by hand: no clock, no sockets; what waits, waits until a test resolves it."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any


class Promise(asyncio.Future[Any]):
    """A future with a name, so that two states that wait for the same thing can be recognised as equal."""

    def __init__(self, loop: "HandLoop", label: object) -> None:
        super().__init__(loop=loop)
        self.label = label


class HandLoop(asyncio.AbstractEventLoop):
    """Runs callbacks on a call of `run`; a timer fires only when asked for by its delay. Time stands at 0."""

    def __init__(self) -> None:
        self._ready: deque[asyncio.Handle] = deque()
        self.timers: list[tuple[float, asyncio.TimerHandle]] = []
        self.tasks: list[asyncio.Task[Any]] = []

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Within, this is the running loop; on leaving, everything that can run has run."""
        asyncio._set_running_loop(self)
        try:
            yield
            while self._ready:
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()
        finally:
            asyncio._set_running_loop(None)

    def pending_timers(self) -> tuple[float, ...]:
        """Delays of the timers set and not cancelled."""
        self.timers = [(delay, timer) for delay, timer in self.timers if not timer.cancelled()]
        return tuple(delay for delay, _ in self.timers)

    def fire(self, delay: float) -> None:
        """Let the timer of this delay be due."""
        index = self.pending_timers().index(delay)
        _, timer = self.timers.pop(index)
        self._ready.append(timer)

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self.timers.append((when, timer))
        return timer

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        return self.call_at(delay, callback, *args, context=context)

    def create_task(self, coro: Coroutine[Any, Any, Any], **kwargs: Any) -> Any:  # type: ignore[override]
        self.tasks = [task for task in self.tasks if not task.done()]
        self.tasks.append(asyncio.Task(coro, loop=self, **kwargs))
        return self.tasks[-1]

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":  # type: ignore[override]
        future = self.create_future()
        future.set_result(func(*args))
        return future

    def time(self) -> float:
        return 0.0

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Nothing: workers are killed in the middle of things, and their tasks with them."""

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers are dropped when next looked at."""
