"""The proxy does to connections what it says."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest
from support.proxy import CUT, DELAY, HALF_OPEN, SILENT, Proxy

#: Longer than an answer takes here, however busy the machine.
NOTHING_S = 0.3


class Echo:
    """A server that answers what it got; `got` is all of it."""

    def __init__(self) -> None:
        self.got = b""
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(1000):
                    self.got += data
                    connection.sendall(data)
            except OSError:
                pass

    def close(self) -> None:
        with suppress(OSError):  # closed before
            self._server.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self._server.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    with closing(Echo()) as server:
        yield server


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with Proxy(echo.address) as between:
        yield between


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with connected(proxy) as connection:
        assert b"first" == asked(connection, b"first")
        yield connection


def connected(proxy: Proxy) -> socket.socket:
    host, port = proxy.address.split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def asked(connection: socket.socket, data: bytes) -> bytes:
    connection.sendall(data)
    return connection.recv(1000)


def says_nothing(connection: socket.socket) -> bool:
    connection.settimeout(NOTHING_S)
    try:
        connection.recv(1000)
    except TimeoutError:
        return True
    finally:
        connection.settimeout(10)
    return False


def is_reset(connection: socket.socket) -> bool:
    try:
        return b"" == connection.recv(1000)
    except ConnectionResetError:
        return True


def test_a_delay_holds_up_what_is_sent_in_both_directions(proxy: Proxy, client: socket.socket) -> None:
    proxy.fail(DELAY, 0.1)
    began = time.monotonic()
    assert b"late" == asked(client, b"late")
    assert 0.2 <= time.monotonic() - began
    proxy.heal()
    assert b"more" == asked(client, b"more")


def test_a_cut_resets_connections_and_takes_none_until_it_is_healed(proxy: Proxy, client: socket.socket) -> None:
    proxy.fail(CUT)
    assert is_reset(client)
    with connected(proxy) as another:
        assert is_reset(another)
    proxy.heal()
    with connected(proxy) as another:
        assert b"again" == asked(another, b"again")


def test_a_half_open_connection_brings_the_request_and_no_answer(
    proxy: Proxy, client: socket.socket, echo: Echo
) -> None:
    proxy.fail(HALF_OPEN)
    client.sendall(b"second")
    assert says_nothing(client)
    assert b"firstsecond" == echo.got
    proxy.heal()
    assert is_reset(client), "an answer was lost: nothing may follow it"


def test_a_silent_one_brings_nothing_also_to_who_connects_meanwhile(
    proxy: Proxy, client: socket.socket, echo: Echo
) -> None:
    proxy.fail(SILENT)
    client.sendall(b"second")
    with connected(proxy) as another:
        another.sendall(b"third")
        assert says_nothing(client)
        assert says_nothing(another)
        assert b"first" == echo.got
        proxy.heal()
        assert is_reset(another)
    assert is_reset(client)


def test_a_connection_idle_during_a_fault_outlives_it(proxy: Proxy, client: socket.socket) -> None:
    proxy.fail(SILENT)
    proxy.heal()
    assert b"second" == asked(client, b"second")


def test_where_nobody_listens_a_connection_is_reset(proxy: Proxy, echo: Echo) -> None:
    echo.close()
    with connected(proxy) as connection:
        assert is_reset(connection)
