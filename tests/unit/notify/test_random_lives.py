"""Random lives of a receiver: failures, refusals, partitions taken away, ends; what it has and what is committed."""

import threading
from functools import partial
from pathlib import Path
from random import Random

import pytest
from prometheus_client import CollectorRegistry
from support.alerts import make_alert
from support.memory_topics import MemoryInbox, MemoryTopics

from detector.contract.alerts import encode_alert
from detector.notify.courier import Courier
from detector.notify.messages import Notice, Wanted, read_notice
from detector.notify.parked import ParkedFile
from detector.notify.ports import Clock, Delivered, Failed, Outcome, Receiver, Refused
from detector.notify.retry import Circuit, Pace
from detector.notify.run import parker
from detector.observe.notify_metrics import NotifyMetrics

LIVES = 15
ALERTS = [make_alert(number, partition=number % 2) for number in range(12)]
IDS = [alert.alert_id for alert in ALERTS]


class Fate:
    """A receiver that keeps what it gets by id, and what befalls it, the inbox and the process at each attempt."""

    def __init__(self, chance: Random, stop: threading.Event) -> None:
        self.kept: list[str] = []
        self.attempts = 0
        self.inbox: MemoryInbox | None = None
        self._chance = chance
        self._stop = stop

    def deliver(self, notice: Notice, wall_s: float) -> Outcome:
        self.attempts += 1
        answer = self._chance.choice(["takes", "takes", "fails", "keeps and fails", "refuses", "rebalance", "end"])
        if answer == "refuses":
            return Refused("status 404")
        if answer in {"takes", "keeps and fails"} and notice.id not in self.kept:
            self.kept.append(notice.id)
        if answer == "takes":
            return Delivered()
        if answer == "rebalance" and self.inbox is not None:
            self.inbox.lose()
        if answer == "end":
            self._stop.set()
        return Failed("status 500", wish_s=0.001)

    def abort(self) -> None:
        """Nothing is ever under way."""


@pytest.mark.parametrize("seed", range(LIVES))
def test_whatever_happens_each_id_is_kept_or_parked_and_nothing_is_committed_before(seed: int, tmp_path: Path) -> None:
    chance, topics, stop = Random(seed), MemoryTopics(), threading.Event()
    fate, parked, clock = Fate(chance, stop), ParkedFile(tmp_path / "parked.jsonl"), Clock()
    for alert in ALERTS:
        for _ in range(chance.choice([1, 1, 2])):  # a worker's replay
            topics.put("alerts", encode_alert(alert), partition=alert.position.partition)
    ends = {place: len(log) for place, log in topics.logs.items()}
    places = {alert.alert_id: ("alerts", alert.position.partition) for alert in ALERTS}
    pace = Pace(first_s=0.0, longest_s=0.0, open_s=0.0)
    metrics = NotifyMetrics(CollectorRegistry(), ["one"]).of["one"]
    lives = 0
    while topics.committed.get("one") != ends:
        lives += 1
        assert lives < 1_000
        stop.clear()
        receiver = Receiver("one", Wanted(), fate, Circuit(pace, chance), lambda record: read_notice(record, "alerts"))
        inbox = fate.inbox = topics.inbox("one", ["alerts"])
        open_inbox = partial(topics.inbox, "one", ["alerts"])  # not asked: the turns are taken here
        courier = Courier(receiver, open_inbox, parker(parked, "one", clock), metrics, stop, clock)
        for _ in range(chance.randint(1, 10)):
            courier.turn(inbox)
        if chance.random() < 0.5:
            inbox.close()  # else it was killed
        lines = {line.id for line in parked.take()}
        settled = {*fate.kept, *lines}
        for identity, (topic, partition) in places.items():
            first = next(record.offset for record in topics.logs[topic, partition] if identity.encode() in record.value)
            if topics.committed["one"].get((topic, partition), 0) > first:
                assert identity in settled
    assert set(IDS) == settled
    for partition in (0, 1):
        # One that was parked may come once more, as a worker's replay.
        mine = [identity for identity in fate.kept if places[identity][1] == partition and identity not in lines]
        assert sorted(mine, key=IDS.index) == mine, "in the order of the topic"
    assert fate.attempts >= len(IDS)
