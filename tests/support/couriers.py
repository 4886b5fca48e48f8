"""A courier of one receiver on topics in memory, and a way that answers as told."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from prometheus_client import CollectorRegistry
from support.alerts import make_alert
from support.memory_topics import MemoryInbox, MemoryTopics

from detector.contract.alerts import encode_alert
from detector.notify.courier import Courier
from detector.notify.messages import Notice, Wanted, read_notice
from detector.notify.parked import ParkedFile
from detector.notify.ports import Clock, Delivered, Inbox, Outcome, Receiver
from detector.notify.retry import Circuit, Pace
from detector.notify.run import parker
from detector.observe.notify_metrics import NotifyMetrics

QUICK = Pace(first_s=0.0, longest_s=0.0, open_s=0.0)
NOW_S = 1_600_000_000.0
ALERTS = [make_alert(number) for number in range(5)]
IDS = [alert.alert_id for alert in ALERTS]


class Way:
    """Answers as told, then delivers."""

    def __init__(self, *outcomes: Outcome | BaseException) -> None:
        self._outcomes = list(outcomes)
        self.sent: list[str] = []
        self.on_send: Callable[[], None] = lambda: None

    def deliver(self, notice: Notice, wall_s: float) -> Outcome:
        self.sent.append(notice.id)
        self.on_send()
        outcome = self._outcomes.pop(0) if self._outcomes else Delivered()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def abort(self) -> None:
        """Nothing is ever under way."""


class Stand:
    """One receiver on a topic in memory."""

    def __init__(self, folder: Path, way: Way, wanted: Wanted | None = None, pace: Pace = QUICK) -> None:
        self.topics, self.way, self.stop = MemoryTopics(), way, threading.Event()
        self.parked = ParkedFile(folder / "parked.jsonl")
        self.registry = CollectorRegistry()
        metrics = NotifyMetrics(self.registry, ["soc"])
        self.receiver = Receiver(
            "soc", wanted or Wanted(), way, Circuit(pace, Random(1)), lambda record: read_notice(record, "alerts")
        )
        self.clock = Clock(time.monotonic, lambda: NOW_S)
        park = parker(self.parked, "soc", self.clock)
        self.courier = Courier(self.receiver, self.inbox, park, metrics.of["soc"], self.stop, self.clock)

    def inbox(self) -> MemoryInbox:
        return self.topics.inbox("soc", ["alerts", "bulletins"])

    def put(self, *values: bytes, topic: str = "alerts") -> None:
        for value in values:
            self.topics.put(topic, value, timestamp=int(NOW_S * 1000) - 2_500)

    @property
    def committed(self) -> dict[tuple[str, int], int]:
        return self.topics.committed["soc"]

    def turns(self, number: int, inbox: Inbox | None = None) -> None:
        inbox = inbox or self.inbox()
        for _ in range(number):
            self.courier.turn(inbox)

    def value(self, name: str) -> float | None:
        return self.registry.get_sample_value(f"kozamori_notify_{name}", {"receiver": "soc"})


def values(*numbers: int) -> list[bytes]:
    return [encode_alert(ALERTS[number]) for number in numbers]
