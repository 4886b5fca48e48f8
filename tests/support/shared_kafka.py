"""One Kafka for all processes of a test run: the first process of the run starts it when one of the others asks."""

import threading
from contextlib import suppress
from multiprocessing.connection import Client, Listener
from typing import NamedTuple

from support.brokers import local_kafka

from detector.errors import UserError
from detector.local_kafka.broker import LocalKafka

ADDRESS, END = "address", "end"


class Cluster(NamedTuple):
    """The broker that all tests share; nobody stops it."""

    bootstrap: str


class SharedKafka:
    """A broker that is started when it is first asked for, and ends with `close`; `socket` is where to ask."""

    def __init__(self) -> None:
        self._listener = Listener(family="AF_UNIX")
        self.socket = str(self._listener.address)
        self._broker: LocalKafka | None = None
        self._answering = threading.Thread(target=self._answer, daemon=True)
        self._answering.start()

    @property
    def running(self) -> bool:
        """Whether a broker runs."""
        return self._broker is not None and self._broker.running

    def _answer(self) -> None:
        while True:
            with self._listener.accept() as connection, suppress(EOFError, OSError):  # who asked may have been killed
                if connection.recv() == END:
                    return
                connection.send(self._started())

    def _started(self) -> Cluster | UserError:
        if self._broker is None:
            broker = local_kafka()
            try:
                broker.start()
            except UserError as error:
                broker.close()
                return error
            self._broker = broker
        return Cluster(self._broker.bootstrap)

    def close(self) -> None:
        """Stop the broker, if there is one, and answer no more."""
        with Client(self.socket) as connection:
            connection.send(END)
        self._answering.join()
        self._listener.close()
        if self._broker is not None:
            self._broker.close()


def ask(socket: str) -> Cluster:
    """The broker behind the socket. Raises UserError where it did not come up."""
    with Client(socket) as connection:
        connection.send(ADDRESS)
        answer = connection.recv()
    if isinstance(answer, UserError):
        raise answer
    assert isinstance(answer, Cluster)
    return answer
