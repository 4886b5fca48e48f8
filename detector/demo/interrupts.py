"""Ctrl-C, a closed terminal and SIGTERM as one exception, deferred during clean-up."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

from detector.interrupt import interrupt

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """While entered, each of `SIGNALS` raises KeyboardInterrupt in the main thread, but not inside `held()`."""

    def __init__(self) -> None:
        self.asked = False
        self._held = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in SIGNALS:
            # `nohup` has it ignored, and so it stays.
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Defer signals until the block ends; `check` then raises for one that arrived."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    @contextmanager
    def tidy(self) -> Iterator[ExitStack]:
        """An exit stack whose clean-up is not interrupted."""
        stack = ExitStack()
        try:
            yield stack
        finally:
            with self.held():
                stack.close()

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal arrived, also if its exception was lost in a library's callback."""
        if self.asked:
            raise KeyboardInterrupt

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        if not self._held:
            interrupt()
