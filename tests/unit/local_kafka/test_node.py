import random
import socket
from pathlib import Path

import pytest

from detector.errors import UserError
from detector.local_kafka.broker import choose_ports
from detector.local_kafka.node import FREE_PORTS, HOST, Node, free_ports, new_cluster_id, port_is_free

PORTS = {"PLAINTEXT": 20001, "CONTROLLER": 20002, "SASL": 20003}


def test_every_listener_is_on_loopback_and_only_clients_are_told_of() -> None:
    found = Node(Path("/data"), {"SASL": "SASL_PLAINTEXT"}, PORTS).properties()
    assert found["listeners"] == "PLAINTEXT://127.0.0.1:20001,SASL://127.0.0.1:20003,CONTROLLER://127.0.0.1:20002"
    assert found["advertised.listeners"] == "PLAINTEXT://127.0.0.1:20001,SASL://127.0.0.1:20003"
    assert found["listener.security.protocol.map"] == "PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT"


def test_extra_properties_win() -> None:
    node = Node(Path("/data"), {}, PORTS, {"group.initial.rebalance.delay.ms": "7", "message.max.bytes": "10"})
    found = node.properties()
    assert (found["group.initial.rebalance.delay.ms"], found["message.max.bytes"]) == ("7", "10")


def test_the_properties_file_is_for_the_owner_alone(tmp_path: Path) -> None:
    node = Node(tmp_path / "new", {}, PORTS)
    node.write_properties()
    assert node.properties_file.stat().st_mode & 0o777 == 0o600
    assert "node.id=1\n" in node.properties_file.read_text()


def test_free_ports_are_distinct_and_below_the_ephemeral_ones() -> None:
    found = free_ports("abcde", random.Random(1))
    assert len(set(found.values())) == 5
    assert all(port in FREE_PORTS for port in found.values())


def test_a_port_somebody_listens_on_is_not_free_and_is_refused() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        assert not port_is_free(port)
        with pytest.raises(UserError, match=f"port {port} is in use"):
            choose_ports({}, port)
    assert choose_ports({}, port)["PLAINTEXT"] == port


def test_a_cluster_id_never_looks_like_an_option_of_the_tool() -> None:
    drawn = iter([bytes([0xF8]) + bytes(15), bytes(16)])
    assert new_cluster_id(lambda _: next(drawn)) == "A" * 22
