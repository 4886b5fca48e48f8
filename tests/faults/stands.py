"""How long partitions stood: commits and log ends, looked at twice a second."""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

from detector.core.topology import Topology
from detector.settings import Settings

LOOK_S = 0.5
ANSWER_S = 2.0

Partition = tuple[str, int]


class Stand(NamedTuple):
    """A partition had events, and committed none, between two times (monotonic, s)."""

    topic: str
    partition: int
    begin: float
    end: float

    def without(self, away: Sequence[tuple[float, float]]) -> float:
        """Seconds of it in which Kafka was there; times in `away` do not overlap."""
        gone = sum(max(0.0, min(self.end, end) - max(self.begin, begin)) for begin, end in away)
        return self.end - self.begin - gone


class Ledger:
    """What was seen of partitions, look by look; `found` has all stands that are over."""

    def __init__(self) -> None:
        self.found: list[Stand] = []
        #: Of each partition when what is committed was first seen, what it is, and whether there was more to do.
        self._since: dict[Partition, tuple[float, int, bool]] = {}

    def take(self, now: float, committed: Mapping[Partition, int], ends: Mapping[Partition, int]) -> None:
        """What is committed `now`, nothing where a partition is missing, and where the logs end."""
        for tp, end in ends.items():
            offset = committed.get(tp, 0)
            since, before, behind = self._since.get(tp, (now, offset, False))
            if behind and offset == before:
                continue
            if behind:
                self.found.append(Stand(*tp, since, now))
            self._since[tp] = now, offset, offset < end

    def longest(self, away: Sequence[tuple[float, float]]) -> tuple[Stand, Stand]:
        """The longest stand, and the one longest without Kafka's own absence."""
        return max(self.found, key=lambda one: one.end - one.begin), max(self.found, key=lambda one: one.without(away))


class Stands:
    """Watches every input partition of a deployment on a thread of its own, until closed."""

    def __init__(self, settings: Settings, topology: Topology) -> None:
        self.ledger = Ledger()
        self._partitions = [
            TopicPartition(settings.input_topic(node), partition)
            for node in topology.nodes
            for partition in range(settings.partitions)
        ]
        # A consumer that joins nothing: librdkafka's admin client aborts the process where a broker dies under it.
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.bootstrap[0],
                "group.id": settings.group,
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """Watch no more."""
        self._done.set()
        self._thread.join()
        self._consumer.close()

    def _run(self) -> None:
        while not self._done.wait(LOOK_S):
            try:
                committed, ends = self._look()
            except KafkaException:  # the next look tells how long nothing moved
                continue
            self.ledger.take(time.monotonic(), committed, ends)

    def _look(self) -> tuple[dict[Partition, int], dict[Partition, int]]:
        found = self._consumer.committed(self._partitions, timeout=ANSWER_S)
        ends = {
            (tp.topic, tp.partition): self._consumer.get_watermark_offsets(tp, timeout=ANSWER_S)[1]
            for tp in self._partitions
        }
        return {(tp.topic, tp.partition): max(0, tp.offset) for tp in found}, ends
