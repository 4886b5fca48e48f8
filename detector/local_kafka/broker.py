"""A real Kafka as a context manager: `with LocalKafka() as kafka: ... kafka.bootstrap`."""

import atexit
import os
import random
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from detector import paths
from detector.errors import UserError
from detector.local_kafka import process
from detector.local_kafka.jars import KAFKA_VERSION, Progress, download, ensure_jars, pinned_jars
from detector.local_kafka.java import find_java
from detector.local_kafka.node import CONTROLLER, PLAIN, Node, format_logs, free_ports, port_is_free

NOTHING: Mapping[str, str] = {}


def silent(_text: str, _done: int, _total: int) -> None:
    """Progress that is not shown."""


def java_command(progress: Progress = silent, version: str = KAFKA_VERSION) -> list[str]:
    """The command that runs a class of Kafka of a pinned version, jars downloaded and verified.

    Raises UserError when there is no Java, or a jar cannot be had or is not the pinned one.
    """
    java = find_java(os.environ)
    jars = ensure_jars(paths.cache_dir() / f"kafka-{version}", pinned_jars(version), download, progress)
    return [str(java), *process.JAVA_OPTIONS, "-cp", os.pathsep.join(map(str, jars))]


class LocalKafka:
    """Apache Kafka on loopback, one node, that ends with this process at the latest, even if that is killed.

    `data_dir` keeps the data (None: a temporary folder, removed at the end); `port` is the client port (0: a free
    one); `extra` are server properties; `listeners` names further listeners and their protocol
    (`{"SASL": "SASL_PLAINTEXT"}`), see `address`; `scram_users` are created when the data folder is formatted;
    `version` is a pinned one.
    Not thread-safe. Raises UserError, from `start`, when Kafka cannot be had or does not come up.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        port: int = 0,
        extra: Mapping[str, str] = NOTHING,
        listeners: Mapping[str, str] = NOTHING,
        scram_users: Mapping[str, str] = NOTHING,
        progress: Progress = silent,
        version: str = KAFKA_VERSION,
    ) -> None:
        self._version = version
        self._temporary = data_dir is None
        self._process: process.Guarded | None = None
        self._scram_users = scram_users
        self._progress = progress
        folder = data_dir or Path(tempfile.mkdtemp(prefix="kozamori-kafka-"))
        self.node = Node(folder, listeners, choose_ports(listeners, port), extra)

    @property
    def bootstrap(self) -> str:
        """`host:port` of the plain listener; the same over restarts."""
        return self.node.address(PLAIN)

    def address(self, listener: str) -> str:
        """`host:port` of a listener named in `listeners`."""
        return self.node.address(listener)

    @property
    def pid(self) -> int:
        """Process id of the running broker."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the broker has been started and has not ended."""
        return self._process is not None and self._process.running()

    def start(self) -> None:
        """Bring the broker up and return when it answers; on the same data and ports after `stop` or `kill`."""
        command = prepare(self.node, self._scram_users, self._progress, self._version)
        self._progress("Starting Apache Kafka", 0, 0)
        remove = self.node.folder if self._temporary else None
        self._process = process.start_guarded(command, self.node.console, remove)
        atexit.register(self.close)
        try:
            process.wait_until_ready(self.node, self._process.running)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Shut the broker down cleanly; the data stays until `close`."""
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """End the broker as a crash would (SIGKILL); the data stays until `close`."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """Stop the broker and remove a temporary data folder. Does nothing the second time."""
        atexit.unregister(self.close)
        self.stop()
        if self._temporary:
            shutil.rmtree(self.node.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def choose_ports(listeners: Mapping[str, str], port: int) -> dict[str, int]:
    """A port for every listener: `port` for the plain one unless it is 0, free ones for the others.

    Raises UserError when `port` is in use.
    """
    ports = free_ports([PLAIN, CONTROLLER, *listeners], random.SystemRandom())
    if port and not port_is_free(port):
        raise UserError(f"port {port} is in use: give another with --port, or leave it out for a free one")
    return {**ports, PLAIN: port or ports[PLAIN]}


def prepare(node: Node, scram_users: Mapping[str, str], progress: Progress, version: str = KAFKA_VERSION) -> list[str]:
    """Write the configuration, format the data folder if it is new, return the command that runs the broker."""
    java = java_command(progress, version)
    node.write_properties()
    if not node.formatted:
        progress("Formatting the data folder", 0, 0)
        format_logs(node, java, scram_users)
    return [*java, "kafka.Kafka", str(node.properties_file)]
