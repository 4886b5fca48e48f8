"""Clients of kafka-python that fail cleanly: a bounded wait, nothing left behind, one line for people."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from kafka import KafkaAdminClient
from kafka.errors import AuthorizationError, KafkaError, SaslAuthenticationFailedError, UnknownTopicOrPartitionError
from kafka.net.compat import KafkaNetClient

from detector.errors import UserError

#: Keyword arguments of kafka-python's clients: `bootstrap_servers`, and what TLS and SASL need.
Connection = Mapping[str, Any]
CONNECT_TIMEOUT_S = 10.0  # a broker on the other side of the world answers within a second

_Client = TypeVar("_Client")


def open_client(make: Callable[..., _Client], connection: Connection, **options: Any) -> _Client:
    """A client made by `make`; raises UserError where no broker answers or it refuses us."""
    opened: list[KafkaNetClient] = []

    def network(**config: Any) -> KafkaNetClient:
        opened.append(KafkaNetClient(**config))
        return opened[-1]

    timeout_ms = int(CONNECT_TIMEOUT_S * 1000)
    try:
        return make(**connection, **options, bootstrap_timeout_ms=timeout_ms, kafka_client=network)
    except BaseException as error:
        # The constructors leave thread and sockets behind when no broker answers.
        for client in opened:
            client.close()
        if isinstance(error, KafkaError):
            raise UserError(explain(error, connection)) from error
        raise


def partition_counts(connection: Connection, topics: list[str]) -> dict[str, int]:
    """Partitions of each topic; raises UserError where one is missing or no broker answers."""
    client = open_client(KafkaAdminClient, connection, request_timeout_ms=int(CONNECT_TIMEOUT_S * 1000))
    try:
        found = {topic["name"]: topic for topic in client.describe_topics(topics)}
    except KafkaError as error:
        raise UserError(explain(error, connection)) from error
    finally:
        client.close()
    unknown = UnknownTopicOrPartitionError.errno
    missing = [name for name in topics if name not in found or found[name]["error_code"] == unknown]
    if missing:
        raise UserError(
            f"Kafka at {address_of(connection)} has no topic {' and no '.join(missing)}:"
            " run `kozamori topics create`, or choose another --prefix"
        )
    return {name: len(found[name]["partitions"]) for name in topics}


@contextmanager
def quiet() -> Iterator[None]:
    """Silence kafka-python's logger: what it reports is raised as well, and people get that one line."""
    logger = logging.getLogger("kafka")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def explain(error: KafkaError, connection: Connection) -> str:
    """One line on what Kafka refused, with the address asked and the next step."""
    address, detail = address_of(connection), type(error).__name__
    if isinstance(error, SaslAuthenticationFailedError):
        return f"Kafka at {address} refused the credentials ({detail}): check the sasl_… and tls_… settings"
    if isinstance(error, AuthorizationError):
        return f"Kafka at {address} does not allow this ({detail}): give the user the right to write"
    if error.retriable:
        return f"Kafka at {address} does not answer ({detail}): check that it runs and that --bootstrap names it"
    return f"Kafka at {address} refused: {detail}: {(str(error).splitlines() or [''])[0][:300]}"


def address_of(connection: Connection) -> str:
    """The brokers asked, for messages."""
    servers = connection["bootstrap_servers"]
    return servers if isinstance(servers, str) else ",".join(servers)
