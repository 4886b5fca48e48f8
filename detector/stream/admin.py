"""An admin connection to Kafka for commands: opened with a bounded wait, errors turned into one line for people."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient
from kafka.net.compat import KafkaNetClient

from detector.settings import Settings
from detector.stream.kafka_errors import kafka_errors
from detector.stream.security import client_options

#: A broker on the other side of the world answers within a second; a command that waits longer looks hung.
TIMEOUT_S = 10.0


@contextmanager
def admin_client(settings: Settings, timeout_s: float = TIMEOUT_S) -> Iterator[KafkaAdminClient]:
    """An admin client, closed on leaving; used from one thread.

    Raises UserError when no broker answers within `timeout_s`, refuses the credentials or the request.
    """
    with kafka_errors(",".join(settings.bootstrap)):
        client = _open(settings, timeout_s)
        try:
            yield client
        finally:
            client.close()


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
