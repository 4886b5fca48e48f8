"""A constant load: events at a steady rate, straight to the broker, whatever happens to it."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import pyarrow as pa
from confluent_kafka import KafkaException, Producer
from support.scenes import BROKEN

from detector.settings import Settings
from producers.publish import messages_of

TICK_S = 0.02
#: After each so many messages one that becomes a dead letter.
EACH_BROKEN = 500
#: Topic, value, key, partition.
Message = tuple[str, bytes, bytes, int]


def messages_in(tables: Sequence[pa.Table], settings: Settings, *, broken: bool) -> Iterator[Message]:
    """The messages of events, table by table; where `broken`, with some among them that are none."""
    topics = (settings.account_events, settings.partitions), (settings.wallet_events, settings.partitions)
    for table in tables:
        found = messages_of(table, *topics)
        for number, message in enumerate(zip(found.topics, found.values, found.keys, found.partitions, strict=True)):
            yield message
            if broken and number % EACH_BROKEN == 0:
                topic, _, key, partition = message
                yield topic, BROKEN[number // EACH_BROKEN % len(BROKEN)], key, partition


class Load:
    """Sends `messages` at `rate` a second on a thread of its own; `sent` were confirmed by Kafka."""

    def __init__(self, settings: Settings, messages: Iterable[Message], rate: float) -> None:
        self._settings = settings
        self._rate = rate
        self._messages = messages
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.sent = 0
        self.error: BaseException | None = None
        self.begin = self._thread.start

    def finish(self) -> None:
        """Return when all is sent. Raises what Kafka did not take."""
        self._thread.join()
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        """Send no more."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._send(_producer(self._settings))
        except BaseException as error:  # noqa: BLE001 - raised by whoever waits for the load
            self.error = error

    def _send(self, producer: Producer) -> None:
        began = time.monotonic()
        for number, message in enumerate(self._messages):
            while number >= (time.monotonic() - began) * self._rate:
                producer.poll(TICK_S)
                if self._stopped.is_set():
                    return
            _produce(producer, message, self._confirmed)
        while producer.flush(1):
            if self._stopped.is_set():
                return

    def _confirmed(self, error: object, _message: object) -> None:
        if error is not None:
            raise KafkaException(error)
        self.sent += 1


def _producer(settings: Settings) -> Producer:
    return Producer(
        {
            "bootstrap.servers": settings.bootstrap[0],
            "enable.idempotence": True,
            "linger.ms": 5,
            "message.timeout.ms": 0,  # it waits for the broker as long as it takes
            "reconnect.backoff.max.ms": 500,
            "socket.timeout.ms": 10_000,
            "log_level": 0,
        }
    )


def _produce(producer: Producer, message: Message, done: Callable[[object, object], None]) -> None:
    topic, value, key, partition = message
    taken = False
    while not taken:
        try:
            producer.produce(topic, value, key, partition, on_delivery=done)
            taken = True
        except BufferError:
            producer.poll(0.1)
