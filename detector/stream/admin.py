"""An admin connection to Kafka for commands: opened with a bounded wait, errors turned into one line for people."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import AuthorizationError, KafkaError, SaslAuthenticationFailedError
from kafka.net.compat import KafkaNetClient

from detector.errors import UserError
from detector.settings import Settings
from detector.stream.security import client_options

#: A broker on the other side of the world answers within a second; a command that waits longer looks hung.
TIMEOUT_S = 10.0


@contextmanager
def admin_client(settings: Settings, timeout_s: float = TIMEOUT_S) -> Iterator[KafkaAdminClient]:
    """An admin client, closed on leaving; used from one thread.

    Raises UserError when no broker answers within `timeout_s`, refuses the credentials or the request.
    """
    with quiet("kafka"), kafka_errors(settings):
        client = _open(settings, timeout_s)
        try:
            yield client
        finally:
            client.close()


@contextmanager
def kafka_errors(settings: Settings) -> Iterator[None]:
    """Turn whatever kafka-python raises inside into a UserError that names the broker and what to do."""
    try:
        yield
    except KafkaError as error:
        raise UserError(explain(error, ",".join(settings.bootstrap))) from error


@contextmanager
def quiet(name: str) -> Iterator[None]:
    """Silence a library's logger for a while: what it reports is raised as well, and people get that one line."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def explain(error: KafkaError, address: str) -> str:
    """One line on what Kafka refused, with the address asked and the next step."""
    detail = type(error).__name__
    if isinstance(error, SaslAuthenticationFailedError):
        return f"Kafka at {address} refused the credentials ({detail}): check the sasl_… and tls_… settings"
    if isinstance(error, AuthorizationError):
        return f"Kafka at {address} does not allow this ({detail}): give the user of sasl_username the right to do it"
    if error.retriable:
        return (
            f"Kafka at {address} does not answer ({detail}): check that it runs, that --bootstrap names it"
            " and that the tls_… settings fit its listener"
        )
    return f"Kafka at {address} refused: {detail}: {_first_line(error)}"


def _first_line(error: KafkaError) -> str:
    return (str(error).splitlines() or [""])[0][:300]


def _open(settings: Settings, timeout_s: float) -> KafkaAdminClient:
    opened: list[KafkaNetClient] = []

    def connect(**config: Any) -> KafkaNetClient:
        opened.append(KafkaNetClient(**config))
        return opened[-1]

    try:
        return KafkaAdminClient(
            **client_options(settings),
            bootstrap_timeout_ms=int(timeout_s * 1000),
            request_timeout_ms=int(timeout_s * 1000),
            kafka_client=connect,
        )
    except BaseException:
        # The constructor leaves its thread and sockets behind when no broker answers.
        for client in opened:
            client.close()
        raise
