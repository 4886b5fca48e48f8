"""Who waits for Kafka is told within 3 s, once, whatever it is that does not answer."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from detector.kafka.watch import INTERVAL_S, LIMIT_S, BrokerWatch


@contextmanager
def nothing() -> Iterator[int]:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    yield port


@contextmanager
def silent() -> Iterator[int]:
    """One that takes connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("there", [nothing, silent])
def test_a_broker_that_does_not_answer_is_told_within_three_seconds_and_once(
    there: Callable[[], AbstractContextManager[int]],
) -> None:
    told: list[tuple[float, str]] = []
    heard = threading.Event()
    began = time.monotonic()

    def tell(line: str) -> None:
        told.append((time.monotonic() - began, line))
        heard.set()

    with there() as port:
        patient = {"request_timeout_ms": 90_000, "reconnect_backoff_max_ms": 30_000}
        watch = BrokerWatch({"bootstrap_servers": f"127.0.0.1:{port}", **patient}, "the test waits", tell)
        watch.start()
        assert heard.wait(10)
        time.sleep(INTERVAL_S + LIMIT_S + 0.2)  # another look
        watch.stop()
    ((after_s, line),) = told
    assert after_s < 3
    assert line.startswith(f"Kafka at 127.0.0.1:{port} cannot be reached")
    assert line.endswith("; the test waits")


def test_of_what_it_is_given_it_takes_what_an_admin_client_takes() -> None:
    given = {"bootstrap_servers": "127.0.0.1:1", "max_poll_records": 5, "request_timeout_ms": 90_000}
    watch = BrokerWatch(given, "", lambda _: None)
    assert {"bootstrap_servers": "127.0.0.1:1"} == watch._connection
