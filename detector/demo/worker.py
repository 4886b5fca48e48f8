"""A real `kozamori worker` process: started, polled for progress, and ended with this process."""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from detector.core.topology import FORWARDER
from detector.errors import UserError
from detector.local_kafka import process
from detector.settings import ENVIRONMENT_PREFIX, Settings

#: Its first start compiles every kernel, which takes a slow machine half a minute.
START_TIMEOUT_S = 180.0
LOOK_EVERY_S = 0.1
ASK_TIMEOUT_S = 5.0
#: Stages that read source topics: the others see the same events again.
SOURCES = ("account", FORWARDER)


@dataclass(frozen=True, slots=True)
class Sample:
    """What the worker's metrics say: events read, and the greatest event time among them."""

    events: int
    watermark_ms: int


class Worker:
    """One worker, with a metrics port of its own; ends with this process, even if that is killed."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._log = log
        self._host = settings.metrics_host
        self._port = 0
        self._process = process.start_guarded(command(settings), log, None)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.running()

    @property
    def metrics_url(self) -> str:
        """Where Prometheus finds its metrics."""
        return f"http://{self._host}:{self._port}/metrics"

    def wait_until_ready(self, check: Callable[[], None]) -> None:
        """Return when it reads its partitions; calls `check` meanwhile. UserError where it ends or is never ready."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            check()
            self.require_running()
            self._port = self._port or logged_port(self._log.read_text("utf-8", "replace"))
            if self._port and self._ask("/readyz")[0] == HTTPStatus.OK:
                return
            time.sleep(LOOK_EVERY_S)
        raise UserError(f"the worker was not ready after {START_TIMEOUT_S:.0f} s: run again on a less busy machine")

    def require_running(self) -> None:
        """Raise UserError with the last line of the worker's log if it has ended."""
        if not self.running:
            raise UserError(f"the worker ended: {last_words(self._log.read_text('utf-8', 'replace'))}")

    def sample(self) -> Sample | None:
        """Its metrics now; None where it does not answer in time."""
        status, text = self._ask("/metrics")
        return sample_of(text) if status == HTTPStatus.OK else None

    def close(self) -> None:
        """Let it finish, commit and leave."""
        self._process.terminate()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._process.kill()

    def _ask(self, path: str) -> tuple[int, str]:
        connection = HTTPConnection(self._host, self._port, timeout=ASK_TIMEOUT_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, HTTPException):
            return 0, ""
        finally:
            connection.close()


def command(settings: Settings) -> list[str]:
    """The command line of a worker with `settings`, and with nothing of this process's `KOZAMORI_…` variables."""
    without = [argument for name in os.environ if name.startswith(ENVIRONMENT_PREFIX) for argument in ("-u", name)]
    options: list[str] = []
    for name, value in settings.model_dump(exclude_unset=True).items():
        switch = value is True
        flag = f"--{name.replace('_', '-')}"
        options += [flag] if switch else [flag, ",".join(value) if isinstance(value, tuple) else str(value)]
    # -P: do not import from the current folder.
    return ["/usr/bin/env", *without, sys.executable, "-P", "-m", "detector.cli.main", "worker", *options]


def logged_port(log: str) -> int:
    """The metrics port that a worker's log names, 0 before it does."""
    return next((int(str(line["metrics_port"])) for line in _lines(log) if "metrics_port" in line), 0)


def last_words(log: str) -> str:
    """Why a worker ended, by its log."""
    errors = [str(line["error"]) for line in _lines(log) if "error" in line]
    said = [line for line in log.splitlines() if line.strip() and not line.startswith("{")]
    return [*said[-1:], *errors[-1:], "it gave no reason"][0]


def sample_of(text: str) -> Sample:
    """The figures in a page of metrics, as far as they are of the source topics."""
    events, watermark_s = 0.0, 0.0
    for family in text_string_to_metric_families(text):
        for found in family.samples:
            if found.labels.get("stage") not in SOURCES:
                continue
            if found.name == "kozamori_events_total":
                events += found.value
            elif found.name == "kozamori_watermark_timestamp_seconds":
                watermark_s = max(watermark_s, found.value)
    return Sample(int(events), int(watermark_s * 1000))


def _lines(log: str) -> list[dict[str, object]]:
    lines = []
    for line in log.splitlines():
        try:
            found = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(found, dict):
            lines.append(found)
    return lines
