"""SIGTERM and Ctrl-C of a worker, at any moment of its life.

A thread waits for them; all other threads block them. So they count while the main thread imports, compiles or waits
for Kafka. Blocked, they also reach process 1 of a container: the kernel drops what that one has no handler for.
"""

import os
import signal
import threading
from collections.abc import Callable

#: A second request ends the process before anything unfinished was acknowledged.
ASKED_TWICE = b"kozamori: asked to stop a second time: ends at once, what was not committed will be read again\n"


class StopSignals:
    """What a request to stop does: ends the process with status 0 until `orderly` says how to end in order."""

    def __init__(self) -> None:
        self._stop: Callable[[], None] | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Wait for requests from now on; call it on the main thread, before any other thread is started."""
        numbers = {signal.SIGTERM, signal.SIGINT}
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as under `nohup`
            numbers.remove(signal.SIGINT)
        signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        threading.Thread(target=self._wait, args=(numbers,), name="stop signals", daemon=True).start()

    def orderly(self, stop: Callable[[], None]) -> None:
        """From now on a request calls `stop`, on another thread; the process holds what an end gives back in order."""
        with self._lock:
            self._stop = stop

    def _wait(self, numbers: set[signal.Signals]) -> None:
        signal.sigwait(numbers)
        with self._lock:
            if self._stop is None:
                os._exit(0)
            self._stop()
        signal.sigwait(numbers)
        os.write(2, ASKED_TWICE)
        os._exit(1)


#: The process's own; only `detector.cli.main.main` starts it.
STOP_SIGNALS = StopSignals()
