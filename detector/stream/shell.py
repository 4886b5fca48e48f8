"""Runs the tasks of a worker's partitions: assignment, chunks, checkpoints, revocation."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import structlog
from aiokafka.structs import OffsetAndMetadata
from faust.types import TP

from detector.core.model import Model
from detector.core.topology import Topology
from detector.errors import WorkerError
from detector.kafka.redrives import Redrives
from detector.kafka.topics import TopicFacts, check
from detector.observe.health import Report
from detector.settings import Settings
from detector.stream.alignment import Alignment
from detector.stream.assignment import Assignment
from detector.stream.changelog import Record
from detector.stream.checkpoint import Cuts, make_durable, take_cuts
from detector.stream.gaps import count_deleted
from detector.stream.hop_sender import HopSender
from detector.stream.letter_sender import LetterSender
from detector.stream.partition_task import PartitionTask
from detector.stream.patience import patiently
from detector.stream.ports import Chunk, Ports
from detector.stream.processor import DEAD_LETTERS, Output, Wiring
from detector.stream.quota import DeadLetterQuota
from detector.stream.reporting import Reporting

log = structlog.get_logger(__name__)

#: Part of the rebalance timeout that the last checkpoint may take; the rest is for the rejoin.
FINISH_SHARE = 0.5
#: Of the dead letters' topic, which is declared with one: they are few, or all alike.
LETTERS_PARTITION = 0


class Shell:
    """Holds the tasks of all nodes' input partitions and runs their checkpoints; also the `Log` of these."""

    def __init__(
        self, settings: Settings, topology: Topology, model: Model, reporting: Reporting, ports: Ports
    ) -> None:
        self._settings = settings
        self._topology = topology
        self._model = model
        self._reporting = reporting
        self._ports = ports
        self._source = ports.source
        self._hops = HopSender(ports.producer.send_batch, self.fail)
        # All letters of a flood are alike: a tenth of the bytes, and the broker is done with them as much sooner.
        send_letters = partial(ports.producer.send_records, settings.dead_letters, LETTERS_PARTITION, compressed=True)
        self._letters = LetterSender(send_letters)
        self._nodes = {settings.input_topic(node): node for node in topology.nodes}
        self._quota = DeadLetterQuota(settings.dead_letter_limit_per_min, settings.dead_letter_share)
        self._ready = False
        self._leaving = False  # partitions are being revoked, or were
        # Chunks and cuts exclude each other (rule 3); checkpoints exclude one another.
        self._processing = asyncio.Lock()
        self._checkpointing = asyncio.Lock()
        self.tasks: dict[TP, PartitionTask] = {}
        sources = tuple(settings.input_topic(node) for node in topology.nodes if node.source is not None)
        self.alignment = Alignment(ports.source, sources, self.tasks)
        self.progress = 0  # changes with every chunk, checkpoint and slice of rows; the watchdog checks that it does
        self.commits = 0  # checkpoints committed
        self.restoring = ""  # names the partitions that are assigned and have no task yet
        self.failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    async def begin(self) -> None:
        """Restore every assigned partition and begin its task; nothing is read before this returns."""
        started = self._ports.clock()
        self._drop_all()
        self._leaving = False
        try:
            tasks = await patiently(self._begin, self._ports.presence)
        except BaseException as error:  # noqa: BLE001 - the worker ends with it
            _raise_if_cancelled(error)
            self.fail(error)
            # If it were raised, Faust would log a traceback where a person needs one line.
            await asyncio.Event().wait()
        if tasks is None:
            return
        for task in tasks:
            self.tasks[task.tp] = task
            self._reporting.taken(task, self._ports.clock() - started)
            rows, offset = task.pipeline.rows.count, task.committed
            log.info("partition taken", stage=task.node, partition=task.tp.partition, offset=offset, rows=rows)
        self._reporting.begun(tasks)
        await self.alignment.begin()
        self._progressed()
        self.restoring = ""
        self._ready = True
        self.show_ready()

    async def _begin(self) -> list[PartitionTask] | None:
        """A task for each assigned partition; None where the group rebalances meanwhile.

        Topics are asked for at every assignment: while the worker runs, one may be re-created or given more
        partitions. What was redriven as well: a reset, before which no worker has partitions, makes it be read anew.
        """
        held = self._source.assignment()
        assigned = {tp: self._nodes[tp.topic] for tp in held if tp.topic in self._nodes}
        self.restoring = ", ".join(sorted(f"{node.name} {tp.partition}" for tp, node in assigned.items()))
        facts, redrives = await asyncio.gather(self._ports.topics.facts(), self._ports.topics.redrives())
        check(self._settings, facts)
        self._reporting.worker.rebalanced(len(assigned))
        assignment = self._assignment(facts, redrives)
        tasks = await assignment.begin(assigned, self._progressed)
        return tasks if assignment.stands and len(tasks) == len(assigned) else None

    def _progressed(self) -> None:
        self.progress += 1

    def _assignment(self, facts: Mapping[str, TopicFacts], redrives: Redrives) -> Assignment:
        topics = self._settings.account_events, self._settings.wallet_events
        payload_bytes = self._settings.dead_letter_payload_bytes
        partitions = facts[topics[0]].partitions
        redriven = {
            (topic, partition): offsets
            for topic in topics
            for partition, offsets in redrives.offsets(topic, facts[topic].topic_id).items()
        }
        wiring = Wiring(self._topology, self._model, partitions, topics, payload_bytes=payload_bytes, redriven=redriven)
        return Assignment(self._settings, wiring, facts, self._ports)

    async def on_chunk(self, chunk: Chunk) -> None:
        """Process a chunk and pass its outputs to the producer; an error ends the worker, no chunk is skipped."""
        try:
            await self._wait_for_room(chunk.tp)
            task = await patiently(partial(self._task_before, chunk), self._ports.presence)
            if task is None:
                return
            async with self._processing:
                if not task.ended and chunk.generation == self._source.generation:
                    await self._process(task, chunk.records)
            if task.processor.pipeline.node.source is not None:
                await self.alignment.align()
        except BaseException as error:  # noqa: BLE001 - whatever it was, nothing may be read past it
            _raise_if_cancelled(error)
            self.fail(error)
            # Returning would let Faust deliver the next chunk, past the one that failed.
            await asyncio.Event().wait()

    async def _wait_for_room(self, tp: TP) -> None:
        """Memory is bounded: a partition with too many chunks in no checkpoint waits for one."""
        most = self._settings.max_in_flight_chunks
        while (task := self.tasks.get(tp)) and not task.ended and task.in_flight >= most:
            await self.checkpoint()

    async def _task_before(self, chunk: Chunk) -> PartitionTask | None:
        """The task whose next records these are; None where the chunk is left out.

        Chunks of one topic are delivered one after the other: nothing else moves the task meanwhile.
        """
        task, first = self.tasks.get(chunk.tp), chunk.records[0].offset
        if chunk.generation != self._source.generation or (task is None and self._leaving):
            return None
        if task is None:
            raise WorkerError(f"a chunk of partition {chunk.tp.partition} was delivered before its rows were restored")
        if first == task.position:
            return task
        if not chunk.begin <= task.position < first and not await self._is_next(task, first):
            return None
        await count_deleted(self._source, self._reporting, task, first)
        return None if task.ended else task

    async def _process(self, task: PartitionTask, records: Sequence[Any]) -> None:
        started = self._ports.clock()
        task.torn = True
        processed = task.processor.process(records)
        letters = [output for output in processed.outputs if output.topic == DEAD_LETTERS]
        if letters:
            task.outputs.append(self._send_letters(letters))
        for output in processed.outputs:
            if output.topic != DEAD_LETTERS:
                task.outputs.append(await self._send(output))
        task.position = records[-1].offset + 1
        task.in_flight += 1
        task.torn = False
        self._progressed()
        now = self._ports.clock()
        self._reporting.processed(task, processed, now - started)
        keys = [records[rejected.record].key for rejected in processed.rejected]
        if flood := self._quota.count(task.tp, now, len(records), keys):
            action = "see `kozamori dead-letters list`, mend the producer"
            log.error(
                "too many dead letters", stage=task.node, partition=task.tp.partition, **flood._asdict(), action=action
            )

    async def _send(self, output: Output) -> "asyncio.Future[Any]":
        if output.partition is not None:
            return self._hops.send(self._settings.hop_topic(output.topic), output.partition, output.value)
        future = await self._ports.producer.send_one(self._settings.alerts, output.key, output.value)
        future.add_done_callback(partial(self._alert_sent, output.timestamp_ms))
        return future

    def _send_letters(self, letters: list[Output]) -> "asyncio.Future[Any]":
        """Whole batches: one by one, a flood of bad messages from one producer held up everybody's events."""
        return self._letters.send([(letter.key, letter.value) for letter in letters])

    def _alert_sent(self, source_timestamp_ms: int, future: "asyncio.Future[Any]") -> None:
        if not future.cancelled() and future.exception() is None:
            self._reporting.alert_durable(source_timestamp_ms)

    async def _is_next(self, task: PartitionTask, offset: int) -> bool:
        """Whether a chunk at `offset` is the next although it was not fetched right behind the last one.

        Offsets may be missing in a log, records must not. After a rebalance Faust may deliver, as if of the new
        assignment, records fetched before it: then the missing ones are read again, and chunks out of order meanwhile
        are dropped.
        """
        if offset < task.position and task.read_again_from < 0:
            raise WorkerError(
                f"partition {task.tp.partition} continued at offset {offset} instead of {task.position}:"
                " the topic was re-created; see `kozamori state show`"
            )
        if offset < task.position:
            return False
        if offset == await self._ports.reader.first_offset(task.tp, task.position):
            return True
        if task.read_again_from != task.position and not task.ended:
            task.read_again_from = task.position
            log.warning("records were not delivered, they are read again", stage=task.node, offset=task.position)
            await self._source.read_again(task.tp, task.position)
        return False

    async def run_checkpoints(self) -> None:
        """Make a checkpoint every interval, until cancelled; an error ends the worker."""
        interval_s = self._settings.checkpoint_interval_ms / 1000
        try:
            while True:
                await asyncio.sleep(interval_s)
                await self.checkpoint()
        except BaseException as error:  # noqa: BLE001 - whatever it was, no further checkpoint would be safe
            _raise_if_cancelled(error)
            self.fail(error)

    async def checkpoint(self) -> Cuts:
        """Make durable and commit what was processed so far."""
        async with self._checkpointing:
            started = self._ports.clock()
            async with self._processing:
                cuts = take_cuts(self.tasks.values())
            committed = await make_durable(cuts, self)
        if committed:
            self._progressed()
            self.commits += 1
            self._reporting.checkpoint(committed, self._ports.clock() - started)
        return committed

    async def write_rows(self, tp: TP, records: Iterator[Record]) -> "list[asyncio.Future[Any]]":
        """Send changelog records of the rows of input partition `tp`."""
        topic = self._settings.rows_topic(self._nodes[tp.topic].name)
        return await self._ports.producer.send_records(topic, tp.partition, records)

    async def commit(self, positions: Mapping[TP, OffsetAndMetadata]) -> bool:
        """Commit offsets with their marks."""
        return await self._source.commit(positions)

    async def finish(self) -> None:
        """A last checkpoint, bounded in time, then end every task: also of partitions that come back (rule 2)."""
        await self._last_checkpoint()

    async def drain(self) -> None:
        """Stop reading and make a last checkpoint of what was read; a failure where Kafka does not take it."""
        self._source.pause()
        last = asyncio.ensure_future(self._last_checkpoint())
        gone = asyncio.ensure_future(self._ports.presence.gone())
        await asyncio.wait({last, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not last.done():
            last.cancel()
            await asyncio.wait({last})
        if last.cancelled() or not last.result():
            self.fail(WorkerError("Kafka took no last checkpoint; events since the one before will be read again"))

    async def _last_checkpoint(self) -> bool:
        self._ready = False
        self.show_ready()
        self._leaving = True
        self.restoring = ""
        try:
            await asyncio.wait_for(self.checkpoint(), self._settings.rebalance_timeout_s * FINISH_SHARE)
        except TimeoutError:
            log.warning("the last checkpoint took too long, its events will be read again")
            return False
        except BaseException as error:
            _raise_if_cancelled(error)
            self.fail(error)
            raise
        finally:
            self._drop_all()
        return True

    def readiness(self) -> Report:
        """Whether every assigned partition is restored and read (called from another thread)."""
        held: dict[str, list[int]] = {}
        for tp, task in list(self.tasks.items()):
            held.setdefault(task.node, []).append(tp.partition)
        detail: dict[str, Any] = {node: sorted(partitions) for node, partitions in sorted(held.items())}
        if cause := self._not_ready():
            detail["cause"] = cause
        return Report(not cause, detail)

    def _not_ready(self) -> str:
        """Why it is not, "" where it is."""
        if away := self._ports.presence.away:
            return f"Kafka is away: {away}"
        if self.restoring:
            return f"rows are restored: {self.restoring}"
        return "" if self._ready else "partitions move, or the worker stops" if self._leaving else "no partitions yet"

    def show_ready(self) -> None:
        """Bring the metric up to date."""
        self._reporting.worker.ready(ready=not self._not_ready())

    def fail(self, error: BaseException) -> None:
        """Make the worker end because of `error`; the first one counts."""
        if not self.failed.done():
            self.failed.set_result(error)

    def _drop_all(self) -> None:
        for tp in list(self.tasks):
            task = self.tasks.pop(tp)
            task.ended = True
            self._reporting.dropped(task)


def _raise_if_cancelled(error: BaseException) -> None:
    """Raise `error` where it is this task's own cancellation; one that leaked out of a library is a failure."""
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
        raise error
