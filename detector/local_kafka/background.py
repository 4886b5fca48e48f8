"""The broker that `kozamori kafka start` leaves running: found again through a state file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from detector import paths
from detector.local_kafka import process
from detector.local_kafka.broker import choose_ports, prepare
from detector.local_kafka.jars import Progress
from detector.local_kafka.node import PLAIN, Node


@dataclass(frozen=True, slots=True)
class Background:
    """A broker in the background. `started_at_s` distinguishes it from a later process with the same id."""

    pid: int
    started_at_s: float
    bootstrap: str
    data_dir: str


def start(data_dir: Path | None, port: int, extra: Mapping[str, str], progress: Progress) -> Background:
    """Start a broker that outlives this process; where one already runs, that one.

    `data_dir` None is a folder below the data folder, so that topics outlive a restart; `port` 0 is a free one.
    Raises UserError when Kafka cannot be had or does not come up.
    """
    if found := status():
        return found
    folder = _home() / "default" if data_dir is None else data_dir.absolute()
    node = Node(folder, {}, choose_ports({}, port), extra)
    command = prepare(node, {}, progress)
    progress("Starting Apache Kafka", 0, 0)
    broker = psutil.Process(process.start_detached(command, node.console))
    found = Background(broker.pid, broker.create_time(), node.address(PLAIN), str(folder))
    _state_file().parent.mkdir(parents=True, exist_ok=True)
    _state_file().write_bytes(msgspec.json.encode(found))
    try:
        process.wait_until_ready(node, lambda: status() is not None)
    except BaseException:
        stop()
        raise
    return found


def status() -> Background | None:
    """The broker in the background, None where there is none."""
    try:
        found = msgspec.json.decode(_state_file().read_bytes(), type=Background)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return found if _process(found) else None


def stop() -> Background | None:
    """Stop the broker in the background and return what it was; None where there is none."""
    found = status()
    if found is not None and (broker := _process(found)):
        broker.terminate()
        _, alive = psutil.wait_procs([broker], process.STOP_TIMEOUT_S)
        for stubborn in alive:
            stubborn.kill()
    _state_file().unlink(missing_ok=True)
    return found


def _process(found: Background) -> psutil.Process | None:
    try:
        broker = psutil.Process(found.pid)
        if broker.create_time() == found.started_at_s and broker.status() != psutil.STATUS_ZOMBIE:
            return broker
    except psutil.NoSuchProcess:
        pass
    return None


def _home() -> Path:
    return paths.data_dir() / "kafka"


def _state_file() -> Path:
    return _home() / "running.json"
