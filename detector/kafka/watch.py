"""Whether Kafka answers, for programs that wait for it: said once when no broker does, once when one does again.

kafka-python's clients connect again by themselves for as long as it takes, and say so in a line for every attempt; or,
while they wait for a broker that has stopped answering, nothing. So it is asked by a connection of its own.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from kafka import KafkaAdminClient

from detector.errors import UserError
from detector.kafka.clients import open_client
from detector.kafka.errors import address_of, kafka_errors, quiet

#: With an answer that does not come, and an attempt to connect anew, less than the 3 s within which people hear of it.
INTERVAL_S = 0.5
LIMIT_S = 1.0
#: Options of a client that a look decides for itself.
OWN_OPTIONS = {"bootstrap_timeout_ms", "kafka_client", "reconnect_backoff_max_ms", "request_timeout_ms"}


class BrokerWatch:
    """Asks in a thread of its own from `start` to `stop`, and calls `tell` there with a line for people.

    `connection`: keyword arguments of kafka-python's clients; those that an admin client does not take, and how long
    to wait, are left out.
    `waiting`: what waits for Kafka, in a few words.
    """

    def __init__(self, connection: Mapping[str, Any], waiting: str, tell: Callable[[str], None]) -> None:
        known = KafkaAdminClient.DEFAULT_CONFIG.keys() - OWN_OPTIONS
        self._connection = {name: value for name, value in connection.items() if name in known}
        self._waiting = waiting
        self._tell = tell
        self._away_since_s: float | None = None
        self._client: KafkaAdminClient | None = None
        self._ending = threading.Event()
        self._silent = ExitStack()
        self._thread = threading.Thread(target=self._run, name="watch brokers", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Tell nothing more; the thread ends by itself, since an answer that it waits for may not come."""
        self._ending.set()

    def _run(self) -> None:
        with self._silent:
            while not self._ending.wait(INTERVAL_S):
                self._look()
            self._close()

    def _look(self) -> None:
        cause = self._cause()
        if self._ending.is_set():
            return
        now_s = time.monotonic()
        if cause and self._away_since_s is None:
            self._away_since_s = now_s
            self._silent.enter_context(quiet())
            self._tell(f"{cause}; {self._waiting}")
        elif not cause and self._away_since_s is not None:
            away_s, self._away_since_s = now_s - self._away_since_s, None
            self._silent.close()
            self._tell(f"Kafka at {address_of(self._connection)} answers again, after {away_s:.1f} s")

    def _cause(self) -> str:
        """Why no broker answers, "" where one does: one that was asked before, or else any of the first addresses."""
        try:
            if self._client is not None:
                self._ask(self._client)
                return ""
        except UserError:
            self._close()
        try:
            # A client that has lost its brokers waits longer with every attempt; a new one does not.
            self._client = open_client(
                KafkaAdminClient, self._connection, LIMIT_S, request_timeout_ms=int(LIMIT_S * 1000)
            )
        except UserError as error:
            return str(error)
        return ""

    def _ask(self, client: KafkaAdminClient) -> None:
        with kafka_errors(address_of(self._connection)):
            client.describe_cluster()

    def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()
