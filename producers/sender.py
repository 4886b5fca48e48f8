"""Messages to Kafka with kafka-python: acknowledged by all replicas, without duplicates, every one confirmed."""

import logging
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError

from detector.errors import UserError
from detector.kafka.clients import open_client
from detector.kafka.errors import address_of, explain, quiet
from detector.kafka.watch import BrokerWatch

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 1_000_000  # what a broker takes by default, with room for headers
#: Messages not yet confirmed. kafka-python holds whatever it is given, so the bound on memory is ours.
MAX_OUTSTANDING = 20_000
BATCH_BYTES = 131_072  # some four hundred events; larger ones gain nothing
LINGER_MS = 20  # less makes smaller batches, and each costs a request
DELIVERY_TIMEOUT_S = 120.0  # Kafka's default
REQUEST_TIMEOUT_S = 30.0  # Kafka's default
GRACE_S = 10.0  # for the client to report its own time-out
CLOSE_S = 1.0  # for its thread to end


class DeliveryError(UserError):
    """Kafka did not take a message; `confirmed` messages before it were taken."""

    def __init__(self, message: str, confirmed: int) -> None:
        super().__init__(message)
        self.confirmed = confirmed


class Sender:
    """Sends messages in order and counts those confirmed, in order; a context manager, used by one thread.

    `connection`: keyword arguments of kafka-python's clients. Where no broker answers any more, a warning is logged
    within 3 s, and another one when one does again. Raises UserError where none answers at first.
    """

    def __init__(
        self,
        connection: Mapping[str, Any],
        *,
        max_bytes: int = MAX_MESSAGE_BYTES,
        delivery_timeout_s: float = DELIVERY_TIMEOUT_S,
    ) -> None:
        self.confirmed = 0
        self._connection = connection
        self._max_bytes = max_bytes
        self._timeout_s = delivery_timeout_s + GRACE_S
        self._outstanding: deque[Any] = deque()
        with ExitStack() as stack:
            stack.enter_context(quiet())
            self._producer = open_client(
                KafkaProducer,
                connection,
                acks="all",
                enable_idempotence=True,
                allow_auto_create_topics=False,
                batch_size=BATCH_BYTES,
                linger_ms=LINGER_MS,
                # Room for the record's headers, and for several batches in a request.
                max_request_size=max(max_bytes + 10_000, 8 * BATCH_BYTES),
                max_block_ms=int(delivery_timeout_s * 1000),  # of a topic that it has not met
                request_timeout_ms=int(min(REQUEST_TIMEOUT_S, delivery_timeout_s) * 1000),
                delivery_timeout_ms=int(delivery_timeout_s * 1000) + LINGER_MS,
                metrics_enabled=False,
            )
            watch = BrokerWatch(connection, f"it is waited for, {delivery_timeout_s:g} s at most", log.warning)
            watch.start()
            stack.callback(watch.stop)
            self._until_closed = stack.pop_all()

    def send(self, topic: str, value: bytes, key: bytes, partition: int | None = None) -> None:
        """Queue a message, by default for the partition of its key; waits while too many are unconfirmed.

        Raises UserError for a message of more than `max_bytes`, DeliveryError where Kafka did not take this one or
        one before it.
        """
        if len(value) + len(key) > self._max_bytes:
            raise UserError(
                f"message {self.confirmed + len(self._outstanding) + 1} has {len(value) + len(key):,} bytes, at most"
                f" {self._max_bytes:,} are sent: remove it"
            )
        if len(self._outstanding) >= MAX_OUTSTANDING:
            self._confirm_oldest()
        try:
            self._outstanding.append(self._producer.send(topic, value, key, None, partition))
        except KafkaError as error:
            raise self._failure(error) from error

    def confirm(self) -> int:
        """Count what was confirmed meanwhile, without waiting; returns `confirmed`."""
        while self._outstanding and self._outstanding[0].is_done:
            self._confirm_oldest()
        return self.confirmed

    def settle(self) -> int:
        """Wait until everything sent is confirmed; returns `confirmed`."""
        while self._outstanding:
            self._confirm_oldest()
        return self.confirmed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._producer.close()
        else:
            # After a failure nothing more may follow, or the order of a key would break. `close` alone waits for what
            # is under way, and raises where that takes longer than its time-out.
            self._producer._sender.force_close()  # noqa: SLF001  # no public way does it
            with suppress(KafkaError):
                self._producer.close(timeout=CLOSE_S)
        self._until_closed.close()

    def _confirm_oldest(self) -> None:
        oldest = self._outstanding[0]
        # Check first: `get` starts a timer even for a future that is done.
        if not (oldest.is_done and oldest.exception is None):
            try:
                oldest.get(self._timeout_s)
            except KafkaError as error:
                raise self._failure(error) from error
        self._outstanding.popleft()
        self.confirmed += 1

    def _failure(self, error: KafkaError) -> DeliveryError:
        text = f"{explain(error, address_of(self._connection))}; {self.confirmed:,} messages were confirmed before"
        return DeliveryError(text, self.confirmed)
