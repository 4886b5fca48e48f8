"""What the demo reads from Kafka: the worker's progress, and the alerts."""

import threading
from collections import deque
from types import TracebackType
from typing import Self

from kafka import KafkaAdminClient, TopicPartition

from detector.contract.alerts import Alert
from detector.core.chains import CHAINS
from detector.core.topology import topology_of
from detector.kafka.groups import committed_offsets
from detector.kafka.security import client_options
from detector.ops.state import log_bounds
from detector.settings import Settings
from detector.subscriber import AlertSubscriber

#: A reader that is asked to stop does so within half a second.
STOP_S = 5.0


def backlog(client: KafkaAdminClient, settings: Settings, partitions: int) -> int:
    """Records of some input that no checkpoint covers; 0: the alerts of all events are durable. Raises KafkaError.

    Inputs are read in the order of the topology: what is committed of one is already in the next.
    """
    for node in topology_of(CHAINS[-1]).nodes:
        topic = settings.input_topic(node)
        logs = [TopicPartition(topic, partition) for partition in range(partitions)]
        # First the commits: what is sent on later is behind the ends asked for then.
        commits = committed_offsets(client, settings.group, topic)
        begins, ends = log_bounds(client, logs)
        done = {tp: commits[tp.partition].offset if tp.partition in commits else begins[tp] for tp in logs}
        if left := sum(ends[tp] - done[tp] for tp in logs):
            return left
    return 0


def all_alerts(settings: Settings) -> list[Alert]:
    """Every alert in the topic, each once."""
    with _subscriber(settings, until_end=True) as subscriber:
        return list(subscriber)


class Follower:
    """Alerts from now on, collected in the background; a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._subscriber = _subscriber(settings, until_end=False)
        self._found: deque[Alert] = deque()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._collect, name="alerts", daemon=True)

    def new(self) -> list[Alert]:
        """The alerts since the last call; raises what ended the reading."""
        if self._error is not None:
            raise self._error
        return [self._found.popleft() for _ in range(len(self._found))]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._subscriber.stop()
        self._thread.join(STOP_S)

    def _collect(self) -> None:
        try:
            with self._subscriber as alerts:
                for alert in alerts:
                    self._found.append(alert)
        except Exception as error:  # noqa: BLE001 - raised again in `new`
            self._error = error


def _subscriber(settings: Settings, *, until_end: bool) -> AlertSubscriber:
    connection = client_options(settings)
    return AlertSubscriber(
        connection.pop("bootstrap_servers"),
        topic=settings.alerts,
        from_beginning=until_end,
        until_end=until_end,
        **connection,
    )
