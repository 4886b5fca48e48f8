"""One real worker in a test's hands: the project's shell, assignment, tasks and checkpoint over a Kafka that waits.

With `fake_ports` and `bus` all that knows the project's interfaces. A worker is given actions (`Worker.act`) and shows
what it waits for (`View`); all in between is the project's own code. Nothing it computes depends on anything else, so
two workers with the same actions are the same.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from faust.types import TP
from support.protocol.bus import SETTINGS, WRITERS, KeyValue, Queue, Record, Scene, names_in, rows_of, topics_of
from support.protocol.fake_ports import FakeProducer, FakeReader, FakeSource, FakeTopics, Here, Rows, silent_reporting
from support.protocol.fingerprint import Fingerprint
from support.protocol.loop import HandLoop, Promise
from support.protocol.parts import Parts

from detector.contract.records import Records
from detector.core.stage import Stage
from detector.core.topology import Node, Topology
from detector.errors import UserError
from detector.settings import Settings
from detector.stream.hop_codec import HopCodec
from detector.stream.ports import Chunk, Ports
from detector.stream.processor import Wiring
from detector.stream.quota import DeadLetterQuota
from detector.stream.reporting import Reporting
from detector.stream.shell import FINISH_SHARE

INTERVAL_S = SETTINGS.checkpoint_interval_ms / 1000
PATIENCE_S = SETTINGS.rebalance_timeout_s * FINISH_SHARE

Action = tuple[Any, ...]


class View(NamedTuple):
    """What can be seen of a worker: sends not yet confirmed by queue, open requests, where it reads on."""

    sends: tuple[tuple[Queue, tuple[tuple[KeyValue, ...], ...]], ...]
    asks: tuple[Any, ...]
    reads: tuple[tuple[TP, int], ...]
    positions: tuple[tuple[TP, int, bool], ...]  # where it is, and whether something was read again
    fetched_before: bool  # it held partitions before, so that a chunk of theirs may be under way
    may_cut: bool
    timers: tuple[float, ...]
    idle: bool
    holds: bool  # partitions, and is not asked for them
    handed_back: bool  # after a rebalance began, and before the next one
    failure: str
    rows: tuple[Any, ...]  # where idle: what `rows_of` gives
    names: frozenset[int]  # its own and those it has met: it may delete rows of theirs


class Worker:
    """A process: `act` on it, look at its `view`."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.loop = HandLoop()  # type: ignore[abstract]
        self.queues: dict[Queue, deque[tuple[tuple[KeyValue, ...], Promise]]] = {}
        self.asks: dict[Any, Promise] = {}
        self.running: dict[str, asyncio.Task[Any]] = {}
        self.name = self.generation = self._writers = 0
        self.names: set[int] = set()
        self.topic_ids: Mapping[str, str] = {}
        self.ends: Mapping[TP, tuple[int, int]] = {}
        self.changelogs: Mapping[Queue, Sequence[KeyValue]] = {}
        self.followed: Mapping[Queue, Sequence[KeyValue]] = {}
        self.commits: Mapping[TP, tuple[int, str]] = {}
        self.fetching: dict[TP, int] = {}  # where it goes on to fetch, if not at the task's position
        self.fetched_before = False
        self.delivered: set[TP] = set()  # of which it was given a chunk since it was assigned
        self.inputs, self.partitions = scene.inputs, scene.partitions
        self.topics = {SETTINGS.input_topic(node) for node in scene.topology.nodes} | topics_of(scene.topology)[0]
        self.waits_for_room, self.reads_rows = scene.waits_for_room, scene.reads_rows
        of_scene = {"max_in_flight_chunks": scene.most_in_flight, "alert_banks": scene.alert_banks}
        self.settings = SETTINGS.model_copy(update=of_scene)
        parts: Parts = scene.parts
        ports = Ports(
            parts.source(self),
            FakeProducer(self),
            parts.reader(self),
            FakeTopics(self),
            Here(),
            clock=lambda: 0.0,
            new_writer=partial(parts.writer, self),
        )
        reporting = silent_reporting([node.name for node in scene.topology.nodes])
        with self.loop.entered():
            self.shell = parts.shell(self.settings, scene.topology, scene.model, reporting, ports)
            self.running["checkpoints"] = self.loop.create_task(self.shell.run_checkpoints())

    def act(self, action: Action) -> None:
        """Let something happen: `action` is a name of a method below without its underscore, and its arguments."""
        with self.loop.entered():
            getattr(self, "_" + action[0])(*action[1:])

    def kill(self) -> None:
        """Let go of it: its coroutines are cancelled, which is how a loop ends them, where nobody looks any more."""
        with self.loop.entered():
            for task in self.loop.tasks:
                task.cancel()

    def _begin(
        self,
        name: int,
        generations: int,
        topic_ids: tuple[tuple[str, str], ...],
        ends: tuple[tuple[TP, tuple[int, int]], ...],
        changelogs: tuple[tuple[Queue, tuple[KeyValue, ...]], ...],
        commits: tuple[tuple[TP, tuple[int, str]], ...],
        followed: tuple[tuple[Queue, tuple[KeyValue, ...]], ...] = (),
    ) -> None:
        """The group gives this process all partitions; what it will find where it looks, and has followed as a standby.

        `name` stands for the group's generation, and for the writers that this process makes in it; the group has gone
        on by so many `generations` since this process last knew.
        """
        self.name, self._writers = name, 0
        self.generation += generations
        self.names |= {name}.union(*(names_in(changelog) for _, changelog in (*changelogs, *followed)))
        self.topic_ids, self.ends = dict(topic_ids), dict(ends)
        self.changelogs, self.commits, self.followed = dict(changelogs), dict(commits), dict(followed)
        self.fetching, self.delivered = {}, set()
        self.fetched_before = self.running.pop("finish", None) is not None
        self.running["begin"] = self.loop.create_task(self.shell.begin())

    def _revoked(self) -> None:
        """A rebalance begins: it is asked to finish."""
        self.running["finish"] = self.loop.create_task(self.shell.finish())

    def _chunk(self, tp: TP, records: tuple[Record, ...]) -> None:
        first = records[0].offset
        begin = min(first, self.fetching.get(tp, self.shell.tasks[tp].position)) if tp in self.delivered else first
        if tp in self.fetching:
            self.fetching[tp] = records[-1].offset + 1
        self._hand_over(tp, records, begin)

    def _chunk_of_before(self, tp: TP, records: tuple[Record, ...], begin: int) -> None:
        """A chunk fetched before the rebalance is delivered as if it were of this generation.

        Fetching goes on behind it. One that was under way when the task read again moves nothing.
        """
        if records[0].offset > self.shell.tasks[tp].position:
            self.fetching[tp] = records[-1].offset + 1
        self._hand_over(tp, records, begin)

    def _hand_over(self, tp: TP, records: tuple[Record, ...], begin: int) -> None:
        self.delivered.add(tp)
        chunk = Chunk(tp, Records.of(list(records)), self.generation, begin)
        self.running["chunk"] = self.loop.create_task(self.shell.on_chunk(chunk))

    def _cut(self) -> None:
        """The time between two checkpoints is over."""
        self.loop.fire(INTERVAL_S)

    def _too_late(self) -> None:
        """The time for a last checkpoint is over."""
        self.loop.fire(PATIENCE_S)

    def _confirmed(self, queue: Queue) -> None:
        _, promise = self.queues[queue].popleft()
        if not promise.done():  # who waited for it may have been cancelled, and it with them
            promise.set_result(None)

    def _refused(self, queue: Queue) -> None:
        _, promise = self.queues[queue].popleft()
        if not promise.done():
            promise.set_exception(ConnectionError("not taken"))

    def _answered(self, ask: Any, answer: Any) -> None:
        promise = self.asks.pop(ask)
        if not promise.done():
            promise.set_result(answer)

    # What the project's code calls, through its ports.

    async def ask(self, ask: Any) -> Any:
        """Wait for the action that answers."""
        promise = self.asks[ask] = Promise(self.loop, ask)
        try:
            return await promise
        finally:
            if isinstance(ask, Rows):  # who no longer wants them looks no further
                self.asks.pop(ask, None)

    def enqueue(self, queue: Queue, records: tuple[KeyValue, ...]) -> Promise:
        """Hand records to the producer as one batch."""
        promise = Promise(self.loop, None)
        self.queues.setdefault(queue, deque()).append((records, promise))
        return promise

    def new_writer(self) -> int:
        """A writer id nobody has had."""
        self._writers += 1
        return self.name * WRITERS + self._writers

    def fetch_from(self, tp: TP, offset: int) -> None:
        """It is asked to read again: at the task's position, from which it reads where nothing else was said."""
        assert offset == self.shell.tasks[tp].position
        self.fetching.pop(tp, None)

    def fetches(self, tp: TP) -> int | None:
        """Where it fetches next."""
        return self.fetching.get(tp, self.shell.tasks[tp].position)

    def busy(self, *names: str) -> bool:
        """Whether any of these tasks is under way."""
        return any(name in self.running and not self.running[name].done() for name in names)

    def view(self) -> View:
        """What can be seen now."""
        failure = _failure(self.shell, self.running)
        tasks = self.shell.tasks
        waiting = tuple(
            (queue, tuple(records for records, _ in sends)) for queue, sends in self.queues.items() if sends
        )
        resting = INTERVAL_S in self.loop.pending_timers()
        free = bool(tasks) and not failure and not self.busy("begin", "finish", "chunk")
        may_cut = resting and any(task.behind for task in tasks.values())
        idle = free and resting and not may_cut and not waiting and not self.asks
        return View(
            tuple(sorted(waiting)),
            tuple(self.asks),
            tuple((tp, self.fetching.get(tp, task.position)) for tp, task in sorted(tasks.items())) if free else (),
            tuple((tp, task.position, task.read_again_from >= 0) for tp, task in sorted(tasks.items())) if free else (),
            self.fetched_before,
            may_cut,
            self.loop.pending_timers(),
            idle,
            bool(tasks) and not self.busy("begin", "finish"),
            "finish" in self.running and not failure and not self.busy("finish"),
            failure,
            tuple((tp, rows_of(task.pipeline)) for tp, task in sorted(tasks.items())) if idle else (),
            frozenset(self.names),
        )

    def fingerprint(self) -> bytes:
        """Equal for workers that will behave equally whatever the actions."""
        for queue, sends in self.queues.items():
            for index, (_, promise) in enumerate(sends):
                promise.label = (queue, index)
        waiting = [(queue, [records for records, _ in sends]) for queue, sends in self.queues.items() if sends]
        tasks = [(name, task) for name, task in sorted(self.running.items()) if not task.done()]
        # What it will find matters until it has looked.
        unread = [self.ends, self.changelogs, self.followed, self.commits] if Rows() in self.asks else []
        return _FINGERPRINT(
            self.shell,
            unread,
            waiting,
            sorted(self.asks, key=repr),
            tasks,
            self.name,
            self.generation,
            self.names,
            self._writers,
            sorted(self.fetching.items()),
            sorted(self.delivered),
            self.fetched_before,
            self.loop.pending_timers(),
        )


def _failure(shell: Any, tasks: Mapping[str, "asyncio.Task[Any]"]) -> str:
    errors = [shell.failed.result()] if shell.failed.done() else []
    errors += [task.exception() for task in tasks.values() if task.done() and not task.cancelled() and task.exception()]
    if not errors:
        return ""
    return f"{'refuses' if isinstance(errors[0], UserError) else 'fails'}: {errors[0]!r}"


_SHARED = (Scene, Settings, Topology, Node, Stage, Wiring, HopCodec)
_AROUND = (HandLoop, Worker, Ports, FakeSource, FakeProducer, FakeReader, Here, Reporting, DeadLetterQuota)
_FINGERPRINT = Fingerprint(
    (*_SHARED, *_AROUND),
    # For metrics and the watchdog; and the model, which never changes.
    skip={"progress", "commits", "slices", "started", "now", "model", "_model", "alignment", "held"},
)
