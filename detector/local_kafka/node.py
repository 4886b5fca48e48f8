"""The one KRaft node: its ports, its properties file, its formatted log folder."""

import base64
import os
import random
import re
import socket
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from detector.errors import UserError

HOST = "127.0.0.1"

#: Name of the listener that is always there.
PLAIN = "PLAINTEXT"
#: Name of the listener the node's two roles talk over.
CONTROLLER = "CONTROLLER"

#: Below every system's range of ephemeral ports: from inside it, a client that reconnects while the broker is
#: down can be given the broker's own port and end up talking to itself.
FREE_PORTS = range(20_000, 32_000)

#: A Java error with its message; the frames of the stack below it have none.
MISTAKE = re.compile(r"(Exception|Error): |\bERROR\b")

#: One node replicates nothing, and a group of tests must not wait three seconds for members that never come.
SINGLE_NODE = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": CONTROLLER,
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    # 50 by default; each is a folder to create when the first consumer joins.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    # After a crash the node may not register again until its former session has run out: 9 s by default.
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "1000",
    # What a worker deletes of its hops is freed by this clock: every 5 minutes by default.
    "log.retention.check.interval.ms": "10000",
    # A missing topic must stay missing for a worker.
    "auto.create.topics.enable": "false",
}


@dataclass(frozen=True, slots=True)
class Node:
    """A node on loopback: where its data lies and which port each listener has.

    `listeners` maps the name of each further listener to its protocol (`SSL`, `SASL_PLAINTEXT`, `SASL_SSL`);
    `ports` has those names, `PLAINTEXT` and `CONTROLLER`. `extra` are server properties that win over ours.
    """

    folder: Path
    listeners: Mapping[str, str]
    ports: Mapping[str, int]
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def logs(self) -> Path:
        """Folder of the partitions."""
        return self.folder / "logs"

    @property
    def properties_file(self) -> Path:
        """The broker's configuration, written anew at each start."""
        return self.folder / "server.properties"

    @property
    def console(self) -> Path:
        """What the broker prints."""
        return self.folder / "kafka.log"

    def address(self, listener: str) -> str:
        """`host:port` of a listener."""
        return f"{HOST}:{self.ports[listener]}"

    def properties(self) -> dict[str, str]:
        """The server properties."""
        clients = {PLAIN: PLAIN, **self.listeners}
        protocols = {**clients, CONTROLLER: PLAIN}
        return {
            **SINGLE_NODE,
            "listeners": ",".join(f"{name}://{self.address(name)}" for name in protocols),
            "advertised.listeners": ",".join(f"{name}://{self.address(name)}" for name in clients),
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
            "inter.broker.listener.name": PLAIN,
            "controller.quorum.bootstrap.servers": self.address(CONTROLLER),
            "log.dirs": str(self.logs),
            **self.extra,
        }

    def write_properties(self) -> None:
        """Write the configuration file, creating the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [f"{key}={value}\n" for key, value in self.properties().items()]
        self.properties_file.write_text("".join(lines), encoding="utf-8")
        # Key stores and passwords may be in it.
        self.properties_file.chmod(0o600)

    @property
    def formatted(self) -> bool:
        """Whether the log folder has been formatted for a cluster."""
        return (self.logs / "meta.properties").exists()


def new_cluster_id(random_bytes: Callable[[int], bytes] = os.urandom) -> str:
    """A random UUID as Kafka writes it; none that begins with "-", which its tool would take for an option."""
    while (found := base64.urlsafe_b64encode(random_bytes(16)).decode().rstrip("=")).startswith("-"):
        pass
    return found


def format_logs(node: Node, java_command: list[str], scram_users: Mapping[str, str]) -> None:
    """Format the log folder as a new cluster of one node, with SCRAM-SHA-256 users (name to password).

    Raises UserError with Kafka's own words when it refuses.
    """
    cluster_id = new_cluster_id()
    users = [f"--add-scram=SCRAM-SHA-256=[name={name},password={word}]" for name, word in scram_users.items()]
    tool = ["kafka.tools.StorageTool", "format", "--standalone", "-t", cluster_id, "-c", str(node.properties_file)]
    with subprocess.Popen(
        [*java_command, *tool, *users], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as java:
        try:
            said, _ = java.communicate()
        except BaseException:
            # Ctrl-C: by itself, subprocess waits a quarter of a second for it to end, and leaves it.
            java.kill()
            java.wait()
            raise
    if java.returncode != 0:
        raise UserError(f"Kafka refused its configuration (status {java.returncode}): {complaint(said.splitlines())}")


def complaint(lines: Iterable[str]) -> str:
    """The last line in which Kafka names a mistake, else the last line there is."""
    said = [line.strip() for line in lines if line.strip()]
    mistakes = [line for line in said if MISTAKE.search(line)]
    return (mistakes or said or ["it said nothing"])[-1]


def free_ports(names: Iterable[str], chosen: random.Random) -> dict[str, int]:
    """A free loopback port for each name; `chosen` decides where the search starts.

    Raises UserError when the whole range is taken.
    """
    found: dict[str, int] = {}
    candidates = iter(chosen.sample(FREE_PORTS, len(FREE_PORTS)))
    for name in names:
        for port in candidates:
            if port_is_free(port):
                found[name] = port
                break
        else:
            raise UserError(f"no free port between {FREE_PORTS.start} and {FREE_PORTS.stop} on {HOST}: free some")
    return found


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        # As the broker does: a port whose last connections are still fading counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
