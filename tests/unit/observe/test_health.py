"""The health server, spoken to over real sockets."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from detector.errors import UserError
from detector.observe.health import MAX_CONNECTIONS, HealthServer, Report

#: Long enough for a slow machine, short enough for a test.
DEADLINE_S = 1.0


class Worker:
    """What the server asks."""

    def __init__(self) -> None:
        self.alive = Report(ok=True)
        self.ready: Report | Exception = Report(ok=True)

    def report_ready(self) -> Report:
        if isinstance(self.ready, Exception):
            raise self.ready
        return self.ready


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def server(worker: Worker) -> Iterator[HealthServer]:
    registry = CollectorRegistry()
    Counter("kozamori_things_total", "Things.", registry=registry).inc(3)
    with HealthServer(
        host="127.0.0.1",
        port=0,
        registry=registry,
        alive=lambda: worker.alive,
        ready=worker.report_ready,
        deadline_s=DEADLINE_S,
    ) as server:
        yield server


def ask(server: HealthServer, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection(server.host, server.port, timeout=10)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def open_socket(server: HealthServer) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=10)


def read_all(client: socket.socket) -> bytes:
    parts = []
    try:
        while part := client.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/healthz?verbose=1"])
def test_a_worker_that_is_well_answers_200(server: HealthServer, path: str) -> None:
    response, body = ask(server, path)
    assert (response.status, json.loads(body)) == (200, {"status": "ok"})
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"


def test_a_worker_that_failed_answers_503_and_why(server: HealthServer, worker: Worker) -> None:
    worker.alive = Report(ok=False, detail={"reason": "no progress"})
    response, body = ask(server, "/healthz")
    assert (response.status, json.loads(body)) == (503, {"status": "failing", "reason": "no progress"})
    assert ask(server, "/readyz")[0].status == 200


def test_a_report_that_raises_is_500_and_the_server_lives_on(server: HealthServer, worker: Worker) -> None:
    worker.ready = RuntimeError("secret")
    response, body = ask(server, "/readyz")
    assert (response.status, b"secret" in body) == (500, False)
    assert ask(server, "/healthz")[0].status == 200


def test_metrics_come_in_the_plain_format(server: HealthServer) -> None:
    response, body = ask(server, "/metrics")
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b"kozamori_things_total 3.0" in body


def test_metrics_come_as_openmetrics_when_asked_for(server: HealthServer) -> None:
    response, body = ask(server, "/metrics", Accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert response.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    families = text_string_to_metric_families(body.decode())  # type: ignore[no-untyped-call]
    assert [family.name for family in families] == ["kozamori_things"]


def test_metrics_are_zipped_when_the_client_takes_it(server: HealthServer) -> None:
    response, body = ask(server, "/metrics", Accept_Encoding="gzip")
    assert response.headers["Content-Encoding"] == "gzip"
    assert b"kozamori_things_total 3.0" in gzip.decompress(body)


def test_head_gets_the_length_but_no_body(server: HealthServer) -> None:
    response, body = ask(server, "/healthz", "HEAD")
    assert (200, b"", str(len(ask(server, "/healthz")[1]))) == (
        response.status,
        body,
        response.headers["Content-Length"],
    )


@pytest.mark.parametrize("path", ["/", "/metricsx", "/metrics/", "/../etc/passwd"])
def test_anything_else_is_404(server: HealthServer, path: str) -> None:
    assert ask(server, path)[0].status == 404


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
def test_other_methods_are_405(server: HealthServer, method: str) -> None:
    response, _ = ask(server, "/metrics", method)
    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /healthz\r\n\r\n", b"400"),
        (b"\xff\xfe \xff\r\n\r\n", b"400"),
        (b"GET /healthz HTTP/1.1\r\nno colon\r\n\r\n", b"200"),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", b"431"),
    ],
)
def test_a_malformed_request_gets_its_status(server: HealthServer, sent: bytes, status: bytes) -> None:
    with open_socket(server) as client:
        client.sendall(sent)
        assert status == read_all(client)[9:12]


def test_a_client_that_dribbles_is_cut_off_at_the_deadline_and_others_are_served_meanwhile(
    server: HealthServer,
) -> None:
    with open_socket(server) as slow:
        started = time.monotonic()
        slow.sendall(b"GET /heal")
        assert ask(server, "/healthz")[0].status == 200
        assert read_all(slow) == b""
        assert 0.5 * DEADLINE_S < time.monotonic() - started < 10 * DEADLINE_S


def test_connections_beyond_the_bound_are_turned_away_and_room_is_made_again(server: HealthServer) -> None:
    held = [open_socket(server) for _ in range(MAX_CONNECTIONS)]
    for client in held:
        client.sendall(b"GET")
    with open_socket(server) as one_more:
        one_more.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
        assert read_all(one_more) == b""
    for client in held:
        assert read_all(client) == b""  # the deadline has passed
        client.close()
    assert ask(server, "/healthz")[0].status == 200


def test_a_port_in_use_is_one_line_that_names_it_and_the_settings(server: HealthServer) -> None:
    with pytest.raises(UserError) as caught:
        HealthServer(
            host="127.0.0.1",
            port=server.port,
            registry=CollectorRegistry(),
            alive=lambda: Report(ok=True),
            ready=lambda: Report(ok=True),
        )
    message = str(caught.value)
    assert f"127.0.0.1:{server.port}" in message
    assert "metrics_port" in message
    assert "\n" not in message


def test_an_address_that_does_not_exist_is_refused_likewise() -> None:
    with pytest.raises(UserError, match="metrics_host"):
        HealthServer(
            host="no.such.host.invalid",
            port=0,
            registry=CollectorRegistry(),
            alive=lambda: Report(ok=True),
            ready=lambda: Report(ok=True),
        )


def test_stopping_frees_the_port_and_ends_the_thread_even_with_a_client_waiting(server: HealthServer) -> None:
    with open_socket(server) as waiting:
        waiting.sendall(b"GET /healthz HTTP/1.1\r\n")
        server.stop()
        server.stop()
    assert "health" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(OSError, match="refused"):
        open_socket(server)
