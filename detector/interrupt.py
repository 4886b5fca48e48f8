"""Ctrl-C that waits until numba has compiled what it compiles.

LLVM calls Python back while it compiles. An exception raised there is lost, and what is half compiled ends the process
later: with an error that is none of ours, or with a segmentation fault.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_waiting = threading.Event()


def interrupt(_number: int = signal.SIGINT, _frame: FrameType | None = None) -> None:
    """Raise KeyboardInterrupt: now, or as soon as the main thread compiles no more. A signal handler."""
    # Looked up and not imported: most commands compile nothing, and numba takes a while to import.
    lock = getattr(sys.modules.get("numba.core.compiler_lock"), "global_compiler_lock", None)
    if lock is None or not lock.is_locked():
        raise KeyboardInterrupt
    if not _waiting.is_set():
        _waiting.set()
        _raise_when_released(lock)


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C calls `interrupt` until the block ends; where it is ignored, as under `nohup`, it stays so."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _raise_when_released(lock: Any) -> None:
    from numba.core import event  # already loaded: the lock is numba's

    class Release(event.Listener):
        def on_start(self, _: Any) -> None:
            """A nested compilation begins."""

        def on_end(self, _: Any) -> None:
            """Raise when the outermost compilation has ended."""
            if threading.current_thread() is threading.main_thread() and not lock.is_locked():
                event.unregister("numba:compiler_lock", self)  # type: ignore[no-untyped-call]
                _waiting.clear()
                raise KeyboardInterrupt

    event.register("numba:compiler_lock", Release())  # type: ignore[no-untyped-call]
