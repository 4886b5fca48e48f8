"""Workers under a supervisor: whoever ends is started again, as systemd or Kubernetes would."""

import random
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self

from support import crash_points
from support.scrapes import get
from support.workers import WorkerProcess, wait_until

from detector.settings import Settings

#: As small as they may be: partitions of the killed move soon, and there are many chunks and checkpoints to disturb.
QUICK = {
    "session_timeout_s": 6,
    "heartbeat_s": 1,
    "rebalance_timeout_s": 10,
    "checkpoint_interval_ms": 100,
    "max_chunk_records": 200,
}
LOOK_S = 0.1
#: Within which a named point is reached; a worker that never gets there is killed where it is.
POINT_S = 8.0
#: To start, and to end in order, on a machine that has much to do.
PATIENCE_S = 60.0


class CrashingWorker(WorkerProcess):
    """A worker that is killed where the file `crash_at` says."""

    def __init__(self, settings: Settings, log: Path, crash_at: Path, **changes: object) -> None:
        self.program = (crash_points.__file__, str(crash_at))
        super().__init__(settings, log, **changes)


class EarlierWorker(WorkerProcess):
    """A worker of another release, from its checkout."""

    def __init__(self, settings: Settings, log: Path, checkout: str, **changes: object) -> None:
        self.environment = {"PYTHONPATH": checkout}
        super().__init__(settings, log, **changes)

    def listens(self) -> bool:
        """Earlier releases do not block the signal."""
        return self.started()


class Member:
    """One member of the crew: its settings stay, its process is another one after each end.

    `kills` counts SIGKILLs; `left` has the status of each end that was asked for, `ended` of all others.
    """

    def __init__(
        self, settings: Settings, log: Path, earlier: str, draw: random.Random, options: Mapping[str, object]
    ) -> None:
        self.log = log
        self.kills = 0
        self.left: list[int] = []
        self.ended: list[int] = []
        self._settings = settings
        self._crash_at = log.with_suffix(".crash")
        self._earlier = earlier
        self._draw = draw
        self._options = options
        self._wanted = True
        self._lock = threading.Lock()
        self.process = self._start()

    def look(self) -> None:
        """Start it again where it ended."""
        with self._lock:
            if self._wanted and not self.process.running:
                self._ended(self.process.process.returncode)
                self.process.close()
                self.process = self._start()

    def kill(self, point: str) -> None:
        """Kill it at a named point, or where it is."""
        process = self.process
        if point:
            self._crash_at.write_text(point, "utf-8")
            deadline = time.monotonic() + POINT_S
            while process.running and time.monotonic() < deadline:
                time.sleep(0.02)
        with self._lock:
            if process is self.process and process.running:
                process.kill()

    def freeze(self, seconds: float) -> None:
        """Stop it, its connections open, and let it go on `seconds` later."""
        process = self.process.process
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)

    def rest(self, seconds: float) -> None:
        """Let it leave in order, and join again `seconds` later."""
        self.leave()
        time.sleep(seconds)
        self.begin()

    def begin(self) -> None:
        """Start it again after it was let go."""
        with self._lock:
            self.process.close()
            self.process, self._wanted = self._start(), True

    def ready(self) -> bool:
        """Whether the process that runs now says that it reads all it was given."""
        with suppress(OSError):  # the port may be that of the process before
            return self.process.running and get(self.process.port(), "/readyz")[0] == HTTPStatus.OK
        return False

    def let_go(self) -> None:
        """Do not start it again when it ends."""
        with self._lock:
            self._wanted = False

    def leave(self) -> None:
        """Let it end in order."""
        wait_until(lambda: self.process.running and self.process.listens(), "the worker can be stopped")
        with self._lock:
            self._wanted = False
            running = self.process.running
            status = self.process.stop()
            if running:
                self.left.append(status)
            else:
                self._ended(status)

    def close(self) -> None:
        """End it, frozen or not."""
        with self._lock:
            self._wanted = False
            self.process.close()

    def _ended(self, status: int) -> None:
        if status == -signal.SIGKILL:
            self.kills += 1
        else:
            self.ended.append(status)

    def _start(self) -> WorkerProcess:
        self._crash_at.unlink(missing_ok=True)
        if self._earlier and self._draw.random() < 1 / 2:
            return EarlierWorker(self._settings, self.log, self._earlier, **self._options)
        return CrashingWorker(self._settings, self.log, self._crash_at, **self._options)


class Crew:
    """The members, each with the address by which it reaches Kafka; `earlier` is the checkout of another release."""

    def __init__(
        self,
        settings: Settings,
        addresses: Sequence[str],
        folder: Path,
        seed: int,
        *,
        earlier: str = "",
        options: Mapping[str, object] = QUICK,
    ) -> None:
        self.members = []
        for number, address in enumerate(addresses):
            own = settings.model_copy(update={"bootstrap": (address,)})
            # The first one is static: what it had waits for it. Of another release it may not say who it is.
            named = {"static_member": "first"} if number == 0 and not earlier else {}
            log = folder / f"worker-{number}.log"
            self.members.append(Member(own, log, earlier, random.Random(f"{seed} {number}"), {**options, **named}))
        self._done = threading.Event()
        self._looking = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._done.wait(LOOK_S):
            for member in self.members:
                member.look()

    def finish(self) -> None:
        """Let all leave in order."""
        for member in self.members:
            member.leave()

    def __enter__(self) -> Self:
        self._looking.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._looking.join()
        for member in self.members:
            member.close()
