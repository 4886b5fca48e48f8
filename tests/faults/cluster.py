"""A real Kafka of one's own, behind a proxy for each worker, on a disk that can be filled."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from support.brokers import local_kafka
from support.proxy import Proxy

#: A broker that cannot write to its only disk ends; one that has not after this is killed.
NOTICES_S = 10.0
#: Cleaned as soon as there is anything to clean: what tests write in minutes would otherwise be left as it is.
COMPACTION = {"log.cleaner.backoff.ms": "500"}
COMPACTED = {"segment.ms": "2000", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "2000"}


class Disk:
    """A folder of so many bytes where mounting is allowed, else one that is never full."""

    def __init__(self, size_bytes: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="kozamori-faults-"))
        self._ballast = self.folder / "ballast"
        options = f"size={size_bytes}"
        mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)]
        self.is_limited = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0

    def fill(self) -> None:
        """Leave not a byte."""
        with self._ballast.open("wb") as file, suppress(OSError):
            size = 0
            while free := shutil.disk_usage(self.folder).free:
                os.posix_fallocate(file.fileno(), size, free)
                size += free

    def empty(self) -> None:
        """As it was before."""
        self._ballast.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove it with all that is on it."""
        if self.is_limited:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)


class FaultyKafka:
    """The broker, and how workers reach it: `addresses` has one a worker, `bootstrap` goes around all proxies.

    `away` are the times (monotonic, s) between which no broker answered.
    """

    def __init__(self, workers: int, disk_bytes: int) -> None:
        self.away: list[tuple[float, float]] = []
        self.disk = Disk(disk_bytes)
        names = [f"WORKER{worker}" for worker in range(workers)]
        extra = dict(COMPACTION)
        self.broker = local_kafka(data_dir=self.disk.folder, extra=extra, listeners=dict.fromkeys(names, "PLAINTEXT"))
        self.bootstrap = self.broker.bootstrap
        self.proxies = [Proxy(self.broker.address(name)) for name in names]
        self.addresses = [proxy.address for proxy in self.proxies]
        # What the broker tells a client to connect to; it is asked for its properties when it starts.
        found = {"PLAINTEXT": self.bootstrap, **dict(zip(names, self.addresses, strict=True))}
        extra["advertised.listeners"] = ",".join(f"{name}://{address}" for name, address in found.items())
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with self._open:
            self._open.callback(self.disk.close)
            for proxy in self.proxies:
                self._open.enter_context(proxy)
            self._open.enter_context(self.broker)
            self._open = self._open.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def crash(self, seconds: float) -> None:
        """Kill the broker, and start it `seconds` later."""
        began = time.monotonic()
        self.broker.kill()
        time.sleep(seconds)
        self._start(began)

    def freeze(self, seconds: float) -> None:
        """Stop the broker for `seconds`, its connections open."""
        began = time.monotonic()
        os.kill(self.broker.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(self.broker.pid, signal.SIGCONT)
        self.away.append((began, time.monotonic()))

    def fill_disk(self, seconds: float) -> None:
        """Let the broker run out of disk, and start it on one with room `seconds` later."""
        self.disk.fill()
        began = time.monotonic()
        while self.broker.running and time.monotonic() < began + NOTICES_S:
            time.sleep(0.1)
        self.broker.kill()
        time.sleep(seconds)
        self.disk.empty()
        self._start(began)

    def _start(self, began: float) -> None:
        self.broker.start()
        self.away.append((began, time.monotonic()))
