"""Ends a worker that has silently stopped: a thread outside the event loop checks for progress.

Consumers have stopped without an error while their process stayed alive; a supervisor only restarts what ends.
"""

import faulthandler
import os
import sys
import threading
import time
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from dataclasses import dataclass

import structlog

#: Distinct from 1 (the worker failed) and 2 (a person must change something).
END_STATUS = 3
#: Interval of callbacks on the event loop; far below any sensible limit.
BEAT_S = 0.5
#: Logging may block for ever on a full pipe; the process must end all the same.
FINAL_LOG_S = 2.0
#: Checks within one limit, so that the process ends at most a tenth of it late.
CHECKS_PER_LIMIT = 10


@dataclass(frozen=True, slots=True)
class Signs:
    """Signs of life of the worker, read from the watchdog's thread.

    `beat_s` is the time when the event loop last ran our callback. `progress` is any number that changes whenever
    work was done: chunks processed, rows restored. `lag` is the records waiting, from end offsets that the broker was
    *asked* for: a consumer that stopped fetching knows of no new ones. `restoring`: partitions are assigned whose rows
    are not restored yet; their lag is unknown, and counts as some.
    """

    beat_s: float
    progress: int
    lag: int
    restoring: bool = False


@dataclass(frozen=True, slots=True)
class Timers:
    """Times of the last check, beat and progress, and the progress then; kept from one check to the next."""

    checked_s: float
    beat_s: float
    moved_s: float
    progress: int


@dataclass(frozen=True, slots=True)
class Stall:
    """`stalled_s`: time without progress although there was work; `reason` is empty while within the limit."""

    stalled_s: float
    reason: str = ""


def initial_timers(signs: Signs, now_s: float) -> Timers:
    """Initial state: all timers start now."""
    return Timers(checked_s=now_s, beat_s=now_s, moved_s=now_s, progress=signs.progress)


def check(timers: Timers, signs: Signs, now_s: float, limit_s: float) -> tuple[Timers, Stall]:
    """Whether the worker still works, `now_s` by a monotonic clock; pure.

    Fails when the event loop has not run for `limit_s`, or when records, or assigned partitions, have waited for
    `limit_s` without progress.
    """
    # The thread itself did not run: the whole process was paused (a suspended machine). All timers start again.
    paused = now_s - timers.checked_s > limit_s / 2
    beat_s = now_s if paused else max(timers.beat_s, signs.beat_s)
    idle = (signs.lag <= 0 and not signs.restoring) or signs.progress != timers.progress
    moved_s = now_s if paused or idle else timers.moved_s
    timers = Timers(checked_s=now_s, beat_s=beat_s, moved_s=moved_s, progress=signs.progress)
    silent_s, still_s = now_s - beat_s, now_s - moved_s
    if silent_s > limit_s:
        return timers, Stall(silent_s, f"the event loop has not run for {silent_s:.0f} s, limit {limit_s:g} s")
    if still_s > limit_s:
        waits = "rows not restored" if signs.restoring else f"{signs.lag} records waiting"
        return timers, Stall(still_s, f"no progress for {still_s:.0f} s with {waits}, limit {limit_s:g} s")
    # The loop is always silent between two beats.
    return timers, Stall(max(still_s, silent_s if silent_s > 4 * BEAT_S else 0.0))


class Pulse:
    """Records the time on the event loop, as a sign that it runs."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._timer: TimerHandle | None = None
        self.beat_s = clock()

    def start(self, loop: AbstractEventLoop) -> None:
        """Beat on `loop` from now on; call it on the loop's thread."""
        self.beat_s = self._clock()
        self._timer = loop.call_later(BEAT_S, self.start, loop)

    def stop(self) -> None:
        """Beat no more; call it on the loop's thread."""
        if self._timer is not None:
            self._timer.cancel()


class Watchdog:
    """A thread that checks `signs()` and calls `end(reason)` once, when the worker has stopped working.

    `note(stalled_s)` is called at every check, for a metric. `failure` is what `/healthz` shows.
    """

    def __init__(
        self,
        signs: Callable[[], Signs],
        *,
        limit_s: float,
        note: Callable[[float], None],
        end: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.failure = ""
        self._signs = signs
        self._limit_s = limit_s
        self._note = note
        self._end = end
        self._clock = clock
        self._timers = initial_timers(signs(), clock())
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._timers = initial_timers(self._signs(), self._clock())
        self._thread.start()

    def stop(self) -> None:
        """End the thread: an orderly shutdown may take longer than the limit."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def check(self) -> None:
        """Check once; ends the process, once, where it stalled too long."""
        self._timers, stall = check(self._timers, self._signs(), self._clock(), self._limit_s)
        self._note(stall.stalled_s)
        if stall.reason and not self.failure:
            self.failure = stall.reason
            self._end(stall.reason)

    def _run(self) -> None:
        while not self._stopped.wait(self._limit_s / CHECKS_PER_LIMIT):
            self.check()


def end_process(reason: str) -> None:
    """Log the reason and every thread's stack, and end the process with status 3, whatever hangs."""
    logger = threading.Thread(target=_final_log, args=(reason,), daemon=True)
    logger.start()
    logger.join(FINAL_LOG_S)
    os._exit(END_STATUS)


def _final_log(reason: str) -> None:
    structlog.get_logger("detector.watchdog").critical("worker stopped by its watchdog", reason=reason)
    sys.stderr.flush()
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
