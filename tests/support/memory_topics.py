"""Topics and groups in memory: what `detector.kafka.inbox` does with a Kafka, one member a group."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from detector.kafka.subscription import LogRecord

WAIT_S = 0.005


@dataclass(frozen=True)
class MemoryRecord:
    topic: str
    partition: int
    offset: int
    timestamp: int
    value: bytes


class MemoryTopics:
    """Partitions as lists; what each group has committed."""

    def __init__(self) -> None:
        self.logs: dict[tuple[str, int], list[MemoryRecord]] = {}
        self.committed: dict[str, dict[tuple[str, int], int]] = {}
        self.broken: set[str] = set()
        self._changed = threading.Condition()

    def put(self, topic: str, value: bytes, *, partition: int = 0, timestamp: int = 0) -> MemoryRecord:
        with self._changed:
            log = self.logs.setdefault((topic, partition), [])
            record = MemoryRecord(topic, partition, len(log), timestamp, value)
            log.append(record)
            self._changed.notify_all()
        return record

    def inbox(self, group: str, topics: Sequence[str]) -> "MemoryInbox":
        return MemoryInbox(self, group, self.committed.setdefault(group, {}), topics)

    def break_group(self, group: str) -> None:
        """A defect: its member falls over."""
        self.broken.add(group)

    def wait(self, limit_s: float) -> None:
        with self._changed:
            self._changed.wait(limit_s)


class MemoryInbox:
    """A group's member; `lose()` gives partition 0 of its topics to nobody for a moment."""

    def __init__(
        self, topics: MemoryTopics, group: str, committed: dict[tuple[str, int], int], names: Sequence[str]
    ) -> None:
        self._topics = topics
        self._group = group
        self._committed = committed
        self._names = names
        self._positions = dict(committed)
        self._done: dict[tuple[str, int], int] = {}
        self._held: tuple[str, int] | None = None
        self._lost = threading.Event()
        self.closed = False

    def next(self) -> MemoryRecord | None:
        if self._group in self._topics.broken:
            raise RuntimeError("a defect")
        for wait_s in (WAIT_S, 0.0):
            for place, log in list(self._topics.logs.items()):
                at = self._positions.get(place, 0)
                if place[0] in self._names and at < len(log):
                    self._positions[place] = at + 1
                    self._held = place
                    return log[at]
            if wait_s:
                self._topics.wait(wait_s)
        return None

    def stay(self, limit_s: float) -> bool:
        if self._lost.wait(limit_s):
            self._lost.clear()
            for place in [place for place in self._positions if place[1] == 0]:
                self._positions[place] = self._committed.get(place, 0)
                self._done.pop(place, None)
                self._held = None if self._held == place else self._held
        return self._held is not None

    def lose(self) -> None:
        self._lost.set()

    def done(self, record: LogRecord) -> None:
        if self._held is not None:
            self._done[self._held] = record.offset + 1
        self._held = None

    def commit(self) -> None:
        self._committed |= self._done

    def close(self) -> None:
        self.commit()
        self.closed = True
