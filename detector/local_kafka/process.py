"""The broker's process: started, watched until it answers, stopped."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from detector.errors import UserError
from detector.local_kafka.node import HOST, PLAIN, Node, complaint

#: A slow laptop takes 15 s; a broker that has said nothing for this long will not.
START_TIMEOUT_S = 90
#: Closing takes half a second with little data; the broker is killed after this.
STOP_TIMEOUT_S = 30
LOOK_EVERY_S = 0.05

#: A laptop's broker: 512 MB serve some thousand partitions, and G1 keeps pauses short.
JAVA_OPTIONS = ("-Xmx512m", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-Djava.awt.headless=true")


@dataclass(frozen=True, slots=True)
class Guarded:
    """A broker under a guard that ends it when this process ends; `pid` is the broker's own, 0 if it never started."""

    guard: subprocess.Popen[bytes]
    pid: int

    def running(self) -> bool:
        """Whether the broker has not ended."""
        return self.guard.poll() is None

    def terminate(self) -> None:
        """Ask it to close its logs and end; killed when that takes too long."""
        self._signal(signal.SIGTERM)
        try:
            self.guard.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._release()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._signal(signal.SIGKILL)
        self.guard.wait()
        self._release()

    def _signal(self, number: signal.Signals) -> None:
        # The guard reaps the broker and ends with it: while the guard runs, the id is the broker's. To a process
        # that never started nothing is sent: a signal to 0 would end our own process group.
        if self.pid and self.running():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _release(self) -> None:
        assert self.guard.stdin is not None
        self.guard.stdin.close()


def start_guarded(command: list[str], console: Path, remove: Path | None) -> Guarded:
    """Start `command` so that it ends with this process; if this one is killed, `remove` is deleted as well."""
    guard_script = Path(__file__).with_name("guard.py")
    with console.open("ab") as output:
        guard = subprocess.Popen(
            # -I -S: nothing of the person's Python settings, and no site-packages to load.
            [sys.executable, "-I", "-S", str(guard_script), str(remove or "-"), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            # Its own session: Ctrl-C reaches the owner alone, which may still need the broker to leave cleanly.
            start_new_session=True,
        )
    assert guard.stdout is not None
    with guard.stdout as answer:
        pid = int(answer.readline() or 0)
    return Guarded(guard, pid)


def start_detached(command: list[str], console: Path) -> int:
    """Start `command` in the background, to outlive this process; returns its process id."""
    with console.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    return process.pid


def wait_until_ready(node: Node, running: Callable[[], bool]) -> None:
    """Return when the broker answers a client's request.

    Raises UserError with the end of its log when it ends first or does not answer in time.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if not running():
            with node.console.open(encoding="utf-8", errors="replace") as said:
                raise UserError(f"Kafka ended while starting: {complaint(said)}")
        if answers(node):
            return
        time.sleep(LOOK_EVERY_S)
    raise UserError(f"Kafka did not answer on {node.address(PLAIN)} in {START_TIMEOUT_S} s: see {node.console}")


def answers(node: Node) -> bool:
    """Whether the node can be reached by a client and has joined its cluster."""
    # The client takes 30 s to give up on a closed port; a bare connection fails at once.
    try:
        socket.create_connection((HOST, node.ports[PLAIN]), timeout=1).close()
    except OSError:
        return False
    # Imported late: `status` and `stop` of a broker that is down need no client.
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    try:
        admin = KafkaAdminClient(bootstrap_servers=node.address(PLAIN), bootstrap_timeout_ms=2_000)
    except KafkaError:
        return False
    try:
        return len(admin.describe_cluster()["brokers"]) == 1
    except (KafkaError, KeyError):
        return False
    finally:
        admin.close()
