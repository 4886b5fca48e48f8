"""Which partitions are this worker's: from an assignment to tasks, and over a rebalance to the next assignment."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import structlog
from aiokafka.structs import OffsetAndMetadata
from faust.types import TP

from detector.core.topology import Node
from detector.kafka.redrives import Redrives
from detector.kafka.topics import TopicFacts, check
from detector.observe.health import Report
from detector.settings import Settings
from detector.stream.alignment import Alignment
from detector.stream.assignment import Assignment
from detector.stream.gate import Gate
from detector.stream.kept import Kept
from detector.stream.partition_task import PartitionTask
from detector.stream.patience import patiently, raise_if_cancelled
from detector.stream.ports import Ports
from detector.stream.reporting import Reporting

log = structlog.get_logger(__name__)

#: Facts of topics, what was redriven, committed offsets.
Found = tuple[Mapping[str, TopicFacts], Redrives, Mapping[TP, OffsetAndMetadata]]


class Membership:
    """Begins and ends the tasks of all `nodes`, by their input topic.

    `assign` makes what restores partitions. `leaving`: partitions are being revoked, or were; `restoring` has those
    that are assigned and have no task yet.
    """

    def __init__(
        self,
        settings: Settings,
        nodes: Mapping[str, Node],
        ports: Ports,
        reporting: Reporting,
        assign: Callable[[Mapping[str, TopicFacts], Redrives], Assignment],
        fail: Callable[[BaseException], None],
    ) -> None:
        self._settings = settings
        self._nodes = nodes
        self._ports = ports
        self._source = ports.source
        self._reporting = reporting
        self._assign = assign
        self._fail = fail
        self.gate = Gate(ports.source)
        self.tasks: dict[TP, PartitionTask] = {}
        sources = tuple(topic for topic, node in nodes.items() if node.source is not None)
        self.alignment = Alignment(self.gate, sources, self.tasks)
        self.kept = Kept()
        self.generation = -1  # of the group, in which the tasks hold their partitions
        self.leaving = self.ready = False
        self.restoring: dict[TP, Node] = {}
        self.slices = 0  # of rows restored; the watchdog checks that it changes
        self._beside: asyncio.Future[None] | None = None  # rows are restored while other partitions are read

    async def begin(self) -> None:
        """Go on with what was kept, and restore the rest: beside it, or before this returns where nothing was kept."""
        if self._source.moving:  # this assignment is over already
            return
        started = self._ports.clock()
        self.drop()
        self.gate.assigned()
        self.leaving = False
        generation = self.generation = self._source.generation
        held = self._source.assignment()
        assigned = {tp: self._nodes[tp.topic] for tp in held if tp.topic in self._nodes}
        self._lose(self.kept.hold(set(assigned), generation))
        self.restoring = {tp: node for tp, node in assigned.items() if tp not in self.kept.tasks}
        self._show()
        facts, redrives, commits = await patiently(partial(self._look, set(assigned)), self._ports.presence)
        if self.leaving or self._source.generation != generation:
            return
        assignment = self._assign(facts, redrives)
        stay, lost = self.kept.take(commits, facts)
        self._lose(lost)
        self._reporting.worker.rebalanced(len(assigned), len(stay))
        self.tasks.update({task.tp: task for task in stay})
        self.restoring = moved = {tp: node for tp, node in assigned.items() if tp not in self.tasks}
        self._show()
        others = {tp: self._nodes[tp.topic] for tp in self._source.follows if tp.topic in self._nodes}
        self._follow(others | moved, facts)
        if not moved or not stay:
            await self._restore(assignment, moved, started)
            return
        log.info("partitions kept", kept=len(stay), moved=len(moved))
        self._beside = asyncio.ensure_future(self._restore_beside(assignment, moved, started))
        await self.gate.restore(moved)
        await self.alignment.begin()

    def _follow(self, partitions: Mapping[TP, Node], facts: Mapping[str, TopicFacts]) -> None:
        """Read the rows of these, which are to be restored now, or by a standby some day."""
        stages = {
            TP(self._settings.rows_topic(node.name), tp.partition): node.stage
            for tp, node in partitions.items()
            if node.stage is not None
        }
        self._ports.reader.follow(stages, {tp.topic: facts[tp.topic].topic_id for tp in stages})

    async def _look(self, assigned: set[TP]) -> Found:
        """Topics are asked for at every assignment: while the worker runs, one may be re-created or given more
        partitions. What was redriven as well: a reset, before which no worker has partitions, makes it be read anew."""
        topics, source = self._ports.topics, self._source
        facts, redrives, commits = await asyncio.gather(topics.facts(), topics.redrives(), source.committed(assigned))
        check(self._settings, facts)
        return facts, redrives, commits

    async def _restore_beside(self, assignment: Assignment, moved: Mapping[TP, Node], started: float) -> None:
        try:
            await self._restore(assignment, moved, started)
            if not self.restoring:
                # What came of them before they had tasks was left out.
                for tp in moved:
                    await self._source.read_again(tp, self.tasks[tp].position)
                await self.gate.restore(())
        except BaseException as error:  # noqa: BLE001 - whatever it was, their events would stand for ever
            raise_if_cancelled(error)
            self._fail(error)

    async def _restore(self, assignment: Assignment, moved: Mapping[TP, Node], started: float) -> None:
        """Begin a task for each of `moved`; none where the group rebalances meanwhile."""
        tasks = await patiently(partial(assignment.begin, moved, self._progressed), self._ports.presence)
        if self._is_over(assignment) or len(tasks) < len(moved):
            return
        for task in tasks:
            self.tasks[task.tp] = task
            self._reporting.taken(task, self._ports.clock() - started)
            rows, offset = task.pipeline.rows.count, task.committed
            log.info("partition taken", stage=task.node, partition=task.tp.partition, offset=offset, rows=rows)
        self._reporting.begun(tasks)
        await self.alignment.begin()
        if self._is_over(assignment):
            return
        self.restoring = {}
        self.ready = True
        self._show()

    def _is_over(self, assignment: Assignment) -> bool:
        return self.leaving or not assignment.stands

    def _progressed(self) -> None:
        self.slices += 1

    def leave(self) -> None:
        """Partitions are about to be revoked: begin no task any more."""
        self.leaving = True
        self.restoring = {}
        if self._beside is not None:
            self._beside.cancel()
            self._beside = None

    def keep(self) -> None:
        """End every task, and keep what a next one of the same partition can go on with."""
        self._lose(self.kept.keep(self.tasks.values(), self.generation))
        self.tasks.clear()
        self._show()

    def drop(self) -> None:
        """End every task."""
        ended = list(self.tasks.values())
        self.tasks.clear()
        self._lose(ended)
        self._show()

    def _lose(self, tasks: Iterable[PartitionTask]) -> None:
        for task in tasks:
            task.ended = True
            self._reporting.dropped(task)

    def _show(self) -> None:
        """Whoever goes on with something is ready: nobody shall wait for what is restored beside it."""
        self.ready = self.ready and bool(self.tasks or self.kept.tasks or not self.restoring)
        self.show_ready()

    def show_ready(self) -> None:
        """Bring the metric up to date."""
        self._reporting.worker.ready(ready=not self.not_ready())

    def not_ready(self) -> str:
        """Why it is not ready, "" where it is."""
        if away := self._ports.presence.away:
            return f"Kafka is away: {away}"
        if self.ready:
            return ""
        if self.restoring:
            return f"rows are restored: {names(self.restoring)}"
        return "partitions move, or the worker stops" if self.leaving else "no partitions yet"

    def readiness(self) -> Report:
        """Whether partitions are read, and which (called from another thread)."""
        held: dict[str, list[int]] = {}
        for task in [*self.tasks.values(), *self.kept.tasks.values()]:
            held.setdefault(task.node, []).append(task.tp.partition)
        detail: dict[str, Any] = {node: sorted(partitions) for node, partitions in sorted(held.items())}
        if cause := self.not_ready():
            detail["cause"] = cause
        elif self.restoring:
            detail["restoring"] = names(self.restoring)
        return Report(not cause, detail)


def names(partitions: Mapping[TP, Node]) -> str:
    """Partitions for people, by their node."""
    return ", ".join(sorted(f"{node.name} {tp.partition}" for tp, node in partitions.items()))
