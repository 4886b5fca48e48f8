"""Clients of kafka-python that fail cleanly: a bounded wait, nothing left behind, errors turned into one line."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from kafka import KafkaAdminClient
from kafka.errors import UnknownTopicOrPartitionError, for_code
from kafka.net.compat import KafkaNetClient

from detector.kafka.errors import address_of, kafka_errors

if TYPE_CHECKING:
    from detector.settings import Settings

#: A broker on the other side of the world answers within a second; a command that waits longer looks hung.
TIMEOUT_S = 10.0
#: Longest wait of a client between two attempts to connect again; by default it grows to half a minute.
RECONNECT_MS = 1_000
#: Between two attempts of a request that Kafka cannot serve yet.
PAUSE_S = 0.2

_Client = TypeVar("_Client")


def open_client(
    make: Callable[..., _Client], connection: Mapping[str, Any], timeout_s: float = TIMEOUT_S, **options: Any
) -> _Client:
    """A client made by `make`; `connection` has its `bootstrap_servers`, and what TLS and SASL need.

    Raises KafkaAwayError where no broker answers within `timeout_s`, another UserError where it refuses us.
    """
    opened: list[KafkaNetClient] = []

    def network(**config: Any) -> KafkaNetClient:
        opened.append(KafkaNetClient(**config))
        return opened[-1]

    with kafka_errors(address_of(connection)):
        try:
            return make(
                **connection,
                **options,
                bootstrap_timeout_ms=int(timeout_s * 1000),
                reconnect_backoff_max_ms=RECONNECT_MS,
                kafka_client=network,
            )
        except BaseException:
            # The constructors leave thread and sockets behind when no broker answers.
            for client in opened:
                client.close()
            raise


@contextmanager
def admin_of(connection: Mapping[str, Any], timeout_s: float = TIMEOUT_S) -> Iterator[KafkaAdminClient]:
    """An admin client, closed on leaving; used from one thread. Raises UserError for whatever Kafka refuses."""
    client = open_client(KafkaAdminClient, connection, timeout_s, request_timeout_ms=int(TIMEOUT_S * 1000))
    with kafka_errors(address_of(connection)):
        try:
            yield client
        finally:
            client.close()


@contextmanager
def admin_client(settings: "Settings", timeout_s: float = TIMEOUT_S) -> Iterator[KafkaAdminClient]:
    """The same, for the brokers that the settings name."""
    from detector.kafka.security import client_options  # and pydantic, which a subscriber does not load

    with admin_of(client_options(settings), timeout_s) as client:
        yield client


def existing(client: KafkaAdminClient, names: Iterable[str]) -> dict[str, Any]:
    """What Kafka says of the topics of these names that exist. Raises KafkaError, also where it may not say."""
    found = {}
    for topic in client.describe_topics(list(names)):
        if topic["error_code"] == UnknownTopicOrPartitionError.errno:
            continue
        if topic["error_code"]:
            raise for_code(topic["error_code"])(topic["name"])
        found[topic["name"]] = topic
    return found


def attempts(limit_s: float) -> Iterator[None]:
    """At once and then after every pause until `limit_s` have passed: attempts of what Kafka cannot do yet."""
    deadline = time.monotonic() + limit_s
    yield
    while time.monotonic() < deadline:
        time.sleep(PAUSE_S)
        yield
