"""Ends a worker that has silently stopped: a thread outside the event loop watches that something moves.

Consumers were seen to stop without an error while their process lived on; a supervisor can only restart what ends.
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

#: Distinct from 1 (the worker gave up by itself) and 2 (a person must change something).
END_STATUS = 3
#: The loop calls back this often; far below any sensible limit.
BEAT_S = 0.5
#: A last word may block for ever on a full pipe; the process must end all the same.
LAST_WORDS_S = 2.0
#: The limit is looked at this many times within itself, so that the end comes at most a tenth late.
LOOKS_PER_LIMIT = 10


@dataclass(frozen=True, slots=True)
class Signs:
    """What the worker shows of itself, read from the watchdog's thread.

    `beat_s` is the clock when the event loop last ran our callback. `progress` is any number that changes whenever
    work was done: chunks processed, rows restored. `lag` is the records waiting, from end offsets that the broker was
    *asked* for: a consumer that stopped fetching knows of no new ones. `restoring` says that partitions are assigned
    whose rows are not there yet: of them no lag is known, and all of it waits.
    """

    beat_s: float
    progress: int
    lag: int
    restoring: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What the watchdog remembers between two looks."""

    looked_s: float
    beat_s: float
    moved_s: float
    progress: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """`stalled_s`: how long nothing moved though something should have; `reason` is empty while that is bearable."""

    stalled_s: float
    reason: str = ""


def first_look(signs: Signs, now_s: float) -> Seen:
    """Nothing is held against a worker that was just started."""
    return Seen(looked_s=now_s, beat_s=now_s, moved_s=now_s, progress=signs.progress)


def judge(seen: Seen, signs: Signs, now_s: float, limit_s: float) -> tuple[Seen, Verdict]:
    """Whether the worker still works, `now_s` by a monotonic clock; pure.

    Fails when the event loop has not run for `limit_s`, or when records, or assigned partitions, have waited for
    `limit_s` without progress.
    """
    # The thread itself did not run: the whole process was paused (a suspended machine). It gets its time anew.
    paused = now_s - seen.looked_s > limit_s / 2
    beat_s = now_s if paused else max(seen.beat_s, signs.beat_s)
    idle = (signs.lag <= 0 and not signs.restoring) or signs.progress != seen.progress
    moved_s = now_s if paused or idle else seen.moved_s
    remembered = Seen(looked_s=now_s, beat_s=beat_s, moved_s=moved_s, progress=signs.progress)
    silent_s, still_s = now_s - beat_s, now_s - moved_s
    if silent_s > limit_s:
        return remembered, Verdict(silent_s, f"the event loop has not run for {silent_s:.0f} s, limit {limit_s:g} s")
    if still_s > limit_s:
        waits = "rows not restored" if signs.restoring else f"{signs.lag} records waiting"
        return remembered, Verdict(still_s, f"no progress for {still_s:.0f} s with {waits}, limit {limit_s:g} s")
    # The loop is silent between two beats even when all is well.
    return remembered, Verdict(max(still_s, silent_s if silent_s > 4 * BEAT_S else 0.0))


class Pulse:
    """Notes on the event loop that it still runs."""

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
    """The thread: looks at `signs()` and calls `end(reason)` once, when the worker has stopped working.

    `note(stalled_s)` is called at every look, for a metric. `failure` is what `/healthz` shows.
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
        self._seen = first_look(signs(), clock())
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._seen = first_look(self._signs(), self._clock())
        self._thread.start()

    def stop(self) -> None:
        """Watch no more: an orderly end may take longer than the limit."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """One look; ends the process, once, where the verdict is bad."""
        self._seen, verdict = judge(self._seen, self._signs(), self._clock(), self._limit_s)
        self._note(verdict.stalled_s)
        if verdict.reason and not self.failure:
            self.failure = verdict.reason
            self._end(verdict.reason)

    def _run(self) -> None:
        while not self._stopped.wait(self._limit_s / LOOKS_PER_LIMIT):
            self.look()


def end_process(reason: str) -> None:
    """Say why, show where every thread stands, and end the process with status 3, whatever hangs."""
    speaker = threading.Thread(target=_last_words, args=(reason,), daemon=True)
    speaker.start()
    speaker.join(LAST_WORDS_S)
    os._exit(END_STATUS)


def _last_words(reason: str) -> None:
    structlog.get_logger("detector.watchdog").critical("worker stopped by its watchdog", reason=reason)
    sys.stderr.flush()
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
