"""Ends a worker that has silently stopped: a thread outside the event loop checks for progress.

Consumers have stopped without an error while their process stayed alive; a supervisor only restarts what ends.
"""

import faulthandler
import os
import sys
import threading
import time
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

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
class Work:
    """Something that has to get on: `progress` changes whenever it does, `waiting` names what waits for it, "" nothing.

    `pause_s`: so much longer than the limit it may stand.
    """

    progress: Hashable
    waiting: str = ""
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Signs:
    """Signs of life of the worker, read from the watchdog's thread.

    `beat_s` is the time when the event loop last ran our callback. `works` by the name that people know. `away`: Kafka
    does not answer, which no restart mends.
    """

    beat_s: float
    works: Mapping[str, Work]
    away: bool = False


@dataclass(frozen=True, slots=True)
class Timers:
    """Times of the last check, beat and progress of each work, and the progress then; kept between checks."""

    checked_s: float
    beat_s: float
    moved: Mapping[str, tuple[float, Hashable]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stall:
    """`stalled_s`: the longest time without progress; `cause` names what stands, once half the limit has passed.

    `over`: beyond the limit.
    """

    stalled_s: float
    cause: str = ""
    over: bool = False


def check(timers: Timers, signs: Signs, now_s: float, limit_s: float) -> tuple[Timers, Stall]:
    """Whether the worker still works, `now_s` by a monotonic clock; pure.

    Fails when the event loop has not run for `limit_s`, or when something that has work has made no progress for
    `limit_s`, whatever moves beside it.
    """
    # The thread itself did not run: the whole process was paused (a suspended machine). All timers start again.
    paused = now_s - timers.checked_s > limit_s / 2
    beat_s = now_s if paused else max(timers.beat_s, signs.beat_s)
    moved: dict[str, tuple[float, Hashable]] = {}
    for name, work in signs.works.items():
        since_s, progress = timers.moved.get(name, (now_s, work.progress))
        moves = paused or signs.away or not work.waiting or progress != work.progress
        moved[name] = (now_s if moves else since_s, work.progress)
    silent_s = now_s - beat_s
    # The loop is always silent between two beats.
    stalls = [_stall(silent_s if silent_s > 4 * BEAT_S else 0.0, limit_s, "the event loop has not run")]
    for name, work in signs.works.items():
        still_s = now_s - moved[name][0]
        stalls.append(_stall(still_s, limit_s, f"{name} made no progress", f" with {work.waiting}", work.pause_s))
    return Timers(now_s, beat_s, moved), max(stalls, key=lambda stall: stall.stalled_s)


def _stall(still_s: float, limit_s: float, what: str, waiting: str = "", pause_s: float = 0.0) -> Stall:
    # What may rest stands that long without blame.
    stalled_s = max(0.0, still_s - pause_s)
    if stalled_s <= limit_s / 2:
        return Stall(stalled_s)
    cause = f"{what} for {still_s:.0f} s{waiting}, limit {limit_s + pause_s:g} s"
    return Stall(stalled_s, cause, over=stalled_s > limit_s)


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
    """A thread that checks `signs()` and calls `end(cause)` once, when the worker has stopped working.

    `note(stalled_s)` is called at every check, for a metric. `cause` is what `/healthz` shows: from half the limit on.
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
        self.cause = ""
        self._signs = signs
        self._limit_s = limit_s
        self._note = note
        self._end = end
        self._clock = clock
        self._ended = False
        self._timers = Timers(clock(), clock())
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Start the thread; all timers start now."""
        self._timers = Timers(self._clock(), self._clock())
        self._thread.start()

    def stop(self) -> None:
        """End the thread: an orderly shutdown may take longer than the limit."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def check(self) -> None:
        """Check once; ends the process, once, where something stalled too long."""
        self._timers, stall = check(self._timers, self._signs(), self._clock(), self._limit_s)
        self._note(stall.stalled_s)
        if self._ended:
            return
        self.cause = stall.cause
        if stall.over:
            self._ended = True
            self._end(stall.cause)

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
