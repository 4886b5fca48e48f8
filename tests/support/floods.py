"""Bad messages by the thousand beside a good feed, and how long after it was sent each good one was committed."""

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from confluent_kafka import Producer
from support.workers import Progress

from detector.settings import Settings

#: Good events a second, beside the flood.
GOOD_PER_S = 300
#: Between two looks at what is committed.
LOOK_S = 0.02

Message = tuple[bytes | None, bytes | None, int]  # key, value, partition
Sent = dict[tuple[int, int], float]  # (partition, offset) → when Kafka confirmed it


@dataclass
class Flood:
    """What was sent meanwhile, and when the group had committed it."""

    settings: Settings
    good: Sent = field(default_factory=dict)
    bad: Sent = field(default_factory=dict)
    looks: list[tuple[float, dict[int, int]]] = field(default_factory=list)

    def worst_lag_s(self, partition: int, *, alone: bool = False) -> float:
        """The longest time from Kafka's confirmation of a good event until it was committed.

        `alone`: of those that were confirmed before any bad message was.
        """
        until = min(self.bad.values()) if alone else math.inf
        sent = [(offset, at) for (part, offset), at in sorted(self.good.items()) if part == partition and at < until]
        worst, looks = 0.0, iter(self.looks)
        seen, committed = next(looks)
        for offset, at in sent:
            while committed.get(partition, 0) <= offset:
                seen, committed = next(looks)
            worst = max(worst, seen - at)
        return worst


def pour(
    settings: Settings, good: Sequence[Message], bad: Sequence[Message], progress: Progress, *, bad_per_s: float
) -> Flood:
    """Send `good` at its pace and from its first third on `bad` at another; return when all of it is committed."""
    flood, done = Flood(settings), threading.Event()
    looker = threading.Thread(target=_look, args=(flood, progress, done))
    looker.start()
    try:
        producers = [
            threading.Thread(target=_send, args=(settings, good, flood.good, GOOD_PER_S)),
            threading.Thread(target=_send, args=(settings, bad, flood.bad, bad_per_s)),
        ]
        producers[0].start()
        time.sleep(len(good) / GOOD_PER_S / 3)
        producers[1].start()
        for producer in producers:
            producer.join()
        deadline = time.monotonic() + 60
        while not _all_committed(flood):
            assert time.monotonic() < deadline, f"not committed: {flood.looks[-1:]}"
            time.sleep(LOOK_S)
    finally:
        done.set()
        looker.join()
    return flood


def _send(settings: Settings, messages: Sequence[Message], sent: Sent, per_s: float) -> None:
    producer = Producer({"bootstrap.servers": settings.bootstrap[0], "linger.ms": 1 if per_s <= GOOD_PER_S else 20})

    def confirmed(error: object, message: object) -> None:
        assert error is None, error
        sent[message.partition(), message.offset()] = time.monotonic()  # type: ignore[attr-defined]

    begun = time.monotonic()
    for i, (key, value, partition) in enumerate(messages):
        ahead_s = begun + i / per_s - time.monotonic()
        if ahead_s > 0:
            time.sleep(ahead_s)
            producer.poll(0)
        while True:
            try:
                producer.produce(settings.account_events, value, key, partition, on_delivery=confirmed)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()


def _look(flood: Flood, progress: Progress, done: threading.Event) -> None:
    topic = flood.settings.account_events
    while not done.wait(LOOK_S):
        found = {partition: offset for (name, partition), offset in progress.offsets().items() if name == topic}
        flood.looks.append((time.monotonic(), found))


def _all_committed(flood: Flood) -> bool:
    ends: dict[int, int] = {}
    for partition, offset in (*flood.good, *flood.bad):
        ends[partition] = max(ends.get(partition, 0), offset + 1)
    return bool(flood.looks) and all(flood.looks[-1][1].get(part, 0) >= end for part, end in ends.items())
