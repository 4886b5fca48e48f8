"""Events to Kafka: account events to their topic by account, wallet events by service and wallet, in given order."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import UnknownTopicOrPartitionError

from detector.contract.vocabulary import ACCOUNT_KINDS
from detector.errors import UserError
from detector.kafka.clients import admin_of, open_client
from detector.kafka.errors import address_of, kafka_errors
from producers.batches import to_batches
from producers.columns import at_service, text
from producers.messages import values_of
from producers.pace import Clock, Pace, Schedule, SystemClock
from producers.partitions import partitions_of
from producers.sender import Sender

ACCOUNT_TOPIC = "account-events"
WALLET_TOPIC = "wallet-events"
CHUNK_ROWS = 8_192  # turned into messages at once
BURST = 500  # messages between two reads of the clock: about 20 ms
NAP_S = 0.05  # longest sleep, so the longest delay of a stop


class Messages(NamedTuple):
    """`n` messages: columns of what `Sender.send` takes, and the event time they are paced by."""

    topics: list[str]
    values: list[bytes]
    keys: list[bytes]
    partitions: list[int]
    occurred_at_ms: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Published:
    """Progress of a run: `confirmed` counts events from the start of the input, skipped ones included."""

    confirmed: int
    complete: bool
    seconds: float
    sent: int


def publish(
    tables: Iterable[pa.Table],
    connection: Mapping[str, Any],
    prefix: str = "",
    *,
    pace: Pace | None = None,
    skip: int = 0,
    on_confirmed: Callable[[int], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    clock: Clock | None = None,
) -> Published:
    """Publish event tables in their order, from event number `skip` on; returns when all is confirmed.

    `connection`: keyword arguments of kafka-python's clients, `bootstrap_servers` at least. `on_confirmed` gets the
    number of events confirmed so far, skipped ones included, several times a second. When `stop()` turns true, what was
    sent is confirmed and the run ends; resumed with `skip=published.confirmed`, the order of every key is as if it had
    not stopped. Raises UserError for an invalid event, an unreachable broker or a missing topic, DeliveryError (with
    `confirmed` of this run) where Kafka does not take an event.
    """
    clock = clock or SystemClock()
    topics = (prefix + ACCOUNT_TOPIC, prefix + WALLET_TOPIC)
    counts = _partition_counts(connection, list(topics))
    schedule = Schedule(pace or Pace())
    with Sender(connection) as sender:
        run = _Run(sender, clock, stop, lambda confirmed: on_confirmed(skip + confirmed))
        for chunk in _chunks(tables, skip):
            messages = messages_of(chunk, (topics[0], counts[topics[0]]), (topics[1], counts[topics[1]]))
            run.send(messages, schedule.due(messages.occurred_at_ms))
            if run.stopped:
                break
        sent = sender.settle()
        on_confirmed(skip + sent)
        return Published(skip + sent, not run.stopped, run.seconds(), sent)


def events_held(connection: Mapping[str, Any], prefix: str = "") -> dict[str, int]:
    """By topic, how many records Kafka has of it, none where there is no such topic; raises UserError as `publish`."""
    topics = (prefix + ACCOUNT_TOPIC, prefix + WALLET_TOPIC)
    with kafka_errors(address_of(connection)):
        consumer = open_client(KafkaConsumer, connection, group_id=None, enable_auto_commit=False)
        try:
            parts = [
                TopicPartition(name, number) for name in topics for number in consumer.partitions_for_topic(name) or ()
            ]
            begins, ends = consumer.beginning_offsets(parts), consumer.end_offsets(parts)
        finally:
            consumer.close()
    return {name: sum(ends[tp] - begins[tp] for tp in parts if tp.topic == name) for name in topics}


def messages_of(table: pa.Table, account_topic: tuple[str, int], wallet_topic: tuple[str, int]) -> Messages:
    """The messages of a table's events, checked as a worker would check them; topics with their partitions.

    Raises UserError for an event the contract does not allow.
    """
    size = table.num_rows
    for wallet_events in (False, True):
        for _ in to_batches(table, size, which="wallet" if wallet_events else "account"):
            pass
    on_account = text(table, "kind", "events").each(lambda word: word in ACCOUNT_KINDS).astype(np.bool_)
    keys: npt.NDArray[np.object_] = np.empty(size, np.object_)
    partitions = np.zeros(size, np.int64)
    wallets = at_service(text(table, "service", "events"), text(table, "wallet", "events"))
    ways = ((text(table, "account", "events"), account_topic, on_account), (wallets, wallet_topic, ~on_account))
    for column, (_, count), which in ways:
        words = [word.encode() for word in column.words]
        keys[which] = np.array([*words, None], np.object_)[column.indices[which]]
        partitions[which] = partitions_of(words, count)[column.indices[which]]
    topics = np.where(on_account, account_topic[0], wallet_topic[0])
    occurred_at_ms = table["occurred_at_ms"].to_numpy().astype(np.int64)
    return Messages(topics.tolist(), values_of(table), keys.tolist(), partitions.tolist(), occurred_at_ms)


class _Run:
    """Sends messages when they are due, counted from the first."""

    def __init__(
        self, sender: Sender, clock: Clock, stop: Callable[[], bool], on_confirmed: Callable[[int], None]
    ) -> None:
        self.stopped = False
        self._sender = sender
        self._clock = clock
        self._stop = stop
        self._on_confirmed = on_confirmed
        self._first_s: float | None = None

    def seconds(self) -> float:
        """Time since the first message was due."""
        return 0.0 if self._first_s is None else self._clock.now_s() - self._first_s

    def send(self, messages: Messages, due_s: npt.NDArray[np.float64]) -> None:
        """Send each message once it is due; sets `stopped` if `stop()` ended the run before the last."""
        at, size = 0, len(messages.values)
        self._first_s = self._clock.now_s() if self._first_s is None else self._first_s
        while at < size:
            self.stopped = self._stop()
            if self.stopped:
                return
            until = min(int(np.searchsorted(due_s, self.seconds(), side="right")), at + BURST)
            for i in range(at, until):
                self._sender.send(messages.topics[i], messages.values[i], messages.keys[i], messages.partitions[i])
            self._on_confirmed(self._sender.confirm())
            if until <= at:
                self._clock.sleep(min(NAP_S, max(0.0, float(due_s[at]) - self.seconds())))
            at = max(at, until)


def _chunks(tables: Iterable[pa.Table], skip: int) -> Iterator[pa.Table]:
    for table in tables:
        start = min(skip, table.num_rows)
        skip -= start
        for at in range(start, table.num_rows, CHUNK_ROWS):
            yield table.slice(at, CHUNK_ROWS)


def _partition_counts(connection: Mapping[str, Any], topics: list[str]) -> dict[str, int]:
    """Partitions of each topic; raises UserError where one is missing or no broker answers."""
    with admin_of(connection) as client:
        found = {topic["name"]: topic for topic in client.describe_topics(topics)}
    unknown = UnknownTopicOrPartitionError.errno
    missing = [name for name in topics if name not in found or found[name]["error_code"] == unknown]
    if missing:
        raise UserError(
            f"Kafka at {address_of(connection)} has no topic {' and no '.join(missing)}:"
            " run `kozamori topics create`, or choose another --prefix"
        )
    return {name: len(found[name]["partitions"]) for name in topics}
