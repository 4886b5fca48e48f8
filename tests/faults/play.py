"""Plays a schedule: each lane on a thread of its own, so that its faults overlap with those of others."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

from faults.cluster import FaultyKafka
from faults.crew import Crew
from faults.schedule import CRASH, FREEZE, FULL_DISK, KILL, NETWORK, PARTITIONS, REBALANCE, ZOMBIE, Fault
from support.deployments import add_partitions

from detector.kafka.topics import inspect
from detector.settings import Settings


class Play:
    """A schedule that is played; `done` counts the faults by kind, `errors` are what went wrong in a lane."""

    def __init__(self, settings: Settings, kafka: FaultyKafka, crew: Crew, say: Callable[[str], None]) -> None:
        self.done: Counter[str] = Counter()
        self.errors: list[BaseException] = []
        self._settings = settings
        self._kafka = kafka
        self._members = crew.members
        self._say = say
        self._begun = time.monotonic()
        self._broken = threading.Event()

    def run(self, schedule: Sequence[Fault], from_s: float = 0.0) -> None:
        """Return when every fault was, and is over; it is `from_s` in the schedule now.

        Raises what went wrong in a lane.
        """
        self._begun = time.monotonic() - from_s
        lanes = [
            threading.Thread(target=self._lane, args=([fault for fault in schedule if fault.lane == lane],))
            for lane in sorted({fault.lane for fault in schedule})
        ]
        for thread in lanes:
            thread.start()
        for thread in lanes:
            thread.join()
        for error in self.errors:
            raise error

    def _lane(self, faults: Sequence[Fault]) -> None:
        try:
            for fault in faults:
                if self._broken.wait(max(0.0, self._begun + fault.at_s - time.monotonic())):
                    return
                self._say(f"{time.monotonic() - self._begun:7.1f} s  {fault}")
                self._make(fault)
                self.done[fault.kind] += 1
        except BaseException as error:  # noqa: BLE001 - raised by `run`
            self.errors.append(error)
            self._broken.set()

    def _make(self, fault: Fault) -> None:
        if fault.kind == NETWORK:
            self._network(fault)
        elif fault.kind == PARTITIONS:
            self._add_partition()
        elif fault.lane.startswith("worker"):
            member = self._members[fault.workers[0]]
            {
                KILL: lambda: member.kill(fault.detail),
                ZOMBIE: lambda: member.freeze(fault.seconds),
                REBALANCE: lambda: member.rest(fault.seconds),
            }[fault.kind]()
        else:
            kafka = self._kafka
            {CRASH: kafka.crash, FREEZE: kafka.freeze, FULL_DISK: kafka.fill_disk}[fault.kind](fault.seconds)

    def _network(self, fault: Fault) -> None:
        proxies = [self._kafka.proxies[worker] for worker in fault.workers]
        for proxy in proxies:
            proxy.fail(fault.detail, fault.delay_s)
        time.sleep(fault.seconds)
        for proxy in proxies:
            proxy.heal()

    def _add_partition(self) -> None:
        """Of the topics only that of alerts may grow under a running deployment."""
        alerts = self._settings.alerts
        add_partitions(self._settings, inspect(self._settings)[alerts].partitions + 1, alerts)
