"""A small Kafka: hop logs, changelogs under compaction, commits. What it holds is a value, known by its number."""

from typing import Any, NamedTuple, Protocol

from faust.types import TP
from support.protocol.bus import Commit, KeyValue, Queue, Record, Scene, newer_rows, older_rows, topics_of
from support.protocol.worker import Action, View


class Violation(Exception):  # noqa: N818 - a finding, not an error
    """Something that must never happen did."""


class Durable(NamedTuple):
    """What Kafka has."""

    logs: tuple[tuple[TP, tuple[bytes, ...]], ...]  # of hops that are read here
    hops: tuple[tuple[TP, Any], ...]  # what the judge made of every hop
    changelogs: tuple[tuple[Queue, tuple[KeyValue, ...]], ...]
    commits: tuple[tuple[TP, tuple[int, str]], ...]
    outputs: frozenset[str]
    era: int = 0  # topics have other ids after they were made anew


class Judge(Protocol):
    """Knows what must hold; each raises `Violation`."""

    def output(self, topic: str, key: bytes, value: bytes) -> str:
        """An output became durable; its id."""

    def hop(self, tp: TP, state: Any, messages: tuple[bytes, ...]) -> Any:
        """Messages entered a hop, of which `state` was known, () at first; what is known then."""

    def commit(self, tp: TP, offset: int, durable: Durable) -> None:
        """An offset is committed."""

    def settled(self, view: View, durable: Durable) -> None:
        """A worker has nothing left to do."""


class Kafka:
    """Numbers all that was ever durable; asks the judge about everything that becomes so.

    `fixed` are logs that nobody here writes. With `compacts`, only what was last said of a key is left of a changelog,
    and of what was deleted nothing; else nothing is ever removed.
    """

    def __init__(
        self, scene: Scene, fixed: tuple[tuple[TP, tuple[Record, ...]], ...], judge: Judge, *, compacts: bool
    ) -> None:
        self.durables: list[Durable] = []
        self._numbers: dict[Durable, int] = {}
        self._appends: dict[tuple[int, Queue, tuple[KeyValue, ...]], int] = {}
        self._beginnings: dict[tuple[int, int, int, int], Action] = {}
        self._inputs = scene.inputs
        self._fixed = dict(fixed)
        self._judge = judge
        self._compacts = compacts
        self._changelogs, self._hops = topics_of(scene.topology)
        self.number(Durable((), (), (), (), frozenset()))

    def number(self, durable: Durable) -> int:
        """The number of a value; 0 has nothing in it."""
        number = self._numbers.setdefault(durable, len(self.durables))
        if number == len(self.durables):
            self.durables.append(durable)
        return number

    def append(self, number: int, queue: Queue, records: tuple[KeyValue, ...]) -> int:
        """What is durable once `records` are; raises `Violation`."""
        cell = number, queue, records
        if cell not in self._appends:
            self._appends[cell] = self.number(self._appended(self.durables[number], queue, records))
        return self._appends[cell]

    def commit(self, number: int, ask: Commit) -> int:
        """What is durable once a commit was taken; raises `Violation`."""
        durable = self.durables[number]
        for tp, offset, _ in ask.positions:
            self._judge.commit(tp, offset, durable)
        commits = dict(durable.commits) | {tp: (offset, metadata) for tp, offset, metadata in ask.positions}
        return self.number(durable._replace(commits=tuple(sorted(commits.items()))))

    def made_anew(self, number: int) -> int:
        """The input topics were deleted and created again."""
        durable = self.durables[number]
        return self.number(durable._replace(era=durable.era + 1))

    def upgraded(self, number: int) -> int:
        """A newer release has written all rows anew."""
        durable = self.durables[number]
        changelogs = tuple((queue, newer_rows(log)) for queue, log in durable.changelogs)
        return self.number(durable._replace(changelogs=changelogs))

    def of_release_before(self, number: int) -> int:
        """The release before has written all rows."""
        durable = self.durables[number]
        changelogs = tuple((queue, older_rows(log)) for queue, log in durable.changelogs)
        return self.number(durable._replace(changelogs=changelogs))

    def waiting(self, number: int, tp: TP, offset: int) -> tuple[Record, ...]:
        """The records of an input from `offset` on."""
        if tp in self._fixed:
            return tuple(record for record in self._fixed[tp] if record.offset >= offset and not record.marker)
        log = dict(self.durables[number].logs).get(tp, ())
        return tuple(Record(at, None, log[at]) for at in range(offset, len(log)))

    def first_offset(self, number: int, tp: TP, offset: int) -> int | None:
        """Offset of the first record of an input at or after `offset`."""
        waiting = self.waiting(number, tp, offset)
        return waiting[0].offset if waiting else None

    def extend(self, tp: TP, records: tuple[Record, ...]) -> None:
        """Somebody writes to a log that nobody here writes."""
        self._fixed[tp] += records

    def delete_before(self, tp: TP, offset: int) -> None:
        """Records of such a log expire."""
        self._fixed[tp] = tuple(record for record in self._fixed[tp] if record.offset >= offset)

    def found(self, number: int, name: int, generations: int, followed: int = 0) -> Action:
        """The action that assigns all partitions to a process under this name, so many generations later.

        It has `followed` the changelogs as they were then.
        """
        cell = number, name, generations, followed
        if cell not in self._beginnings:
            durable = self.durables[number]
            ends = tuple((tp, self.ends(durable, tp)) for tp in self._inputs)
            topic_ids = tuple((tp.topic, f"id {durable.era} of {tp.topic}") for tp in self._inputs)
            found = topic_ids, ends, durable.changelogs, durable.commits, self.durables[followed].changelogs
            self._beginnings[cell] = ("begin", name, generations, *found)
        return self._beginnings[cell]

    def ends(self, durable: Durable, tp: TP) -> tuple[int, int]:
        """First offset of an input and the one after its last."""
        if log := self._fixed.get(tp):
            return log[0].offset, log[-1].offset + 1
        return 0, len(dict(durable.logs).get(tp, ()))

    def _appended(self, durable: Durable, queue: Queue, records: tuple[KeyValue, ...]) -> Durable:
        if queue[0] in self._changelogs:
            changelogs = dict(durable.changelogs)
            changelogs[queue] = self._compacted(changelogs.get(queue, ()), records)
            return durable._replace(changelogs=tuple(sorted(changelogs.items())))
        if queue[0] in self._hops:
            logs, tp, messages = dict(durable.logs), TP(*queue), tuple(value or b"" for _, value in records)
            hops = dict(durable.hops)
            hops[tp] = self._judge.hop(tp, hops.get(tp, ()), messages)
            if tp in self._inputs:
                logs[tp] = logs.get(tp, ()) + messages
            return durable._replace(logs=tuple(sorted(logs.items())), hops=tuple(sorted(hops.items())))
        new = {self._judge.output(queue[0], key or b"", value or b"") for key, value in records}
        return durable._replace(outputs=durable.outputs | new)

    def _compacted(self, log: tuple[KeyValue, ...], records: tuple[KeyValue, ...]) -> tuple[KeyValue, ...]:
        if not self._compacts:
            return log + records
        for key, value in records:
            log = tuple(record for record in log if record[0] != key) + (((key, value),) if value is not None else ())
        return log
