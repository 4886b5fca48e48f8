"""Runs the tasks of a worker's partitions: chunks and checkpoints; which partitions, `membership.py` says."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import structlog
from aiokafka.structs import OffsetAndMetadata
from faust.types import TP

from detector.contract.bulletins import Bulletin
from detector.contract.canary import is_canary
from detector.contract.records import Records
from detector.core.model import Model
from detector.core.topology import Topology
from detector.errors import WorkerError
from detector.kafka.redrives import Redrives
from detector.kafka.topics import TopicFacts
from detector.settings import Settings
from detector.stream.assignment import Assignment
from detector.stream.checkpoint import Cuts, make_durable, take_cuts
from detector.stream.gaps import count_deleted
from detector.stream.hop_sender import HopSender
from detector.stream.letter_sender import LetterSender
from detector.stream.membership import Membership
from detector.stream.packed import Record
from detector.stream.partition_task import PartitionTask
from detector.stream.patience import patiently, raise_if_cancelled
from detector.stream.ports import Chunk, Ports
from detector.stream.processor import BULLETINS, DEAD_LETTERS, Output, Wiring
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
        # Chunks and cuts exclude each other (rule 3); checkpoints exclude one another.
        self._processing = asyncio.Lock()
        self._checkpointing = asyncio.Lock()
        self.membership = Membership(settings, self._nodes, ports, reporting, self._assignment, self.fail)
        self.tasks, self.alignment = self.membership.tasks, self.membership.alignment
        self.progress = 0  # changes with every chunk and checkpoint; the watchdog checks that it does
        self.commits = 0  # checkpoints committed
        self.failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    async def begin(self) -> None:
        """Begin a task of every assigned partition that stayed; the others are restored, beside it or before."""
        try:
            await self.membership.begin()
        except BaseException as error:  # noqa: BLE001 - the worker ends with it
            raise_if_cancelled(error)
            self.fail(error)
            # If it were raised, Faust would log a traceback where a person needs one line.
            await asyncio.Event().wait()

    def _progressed(self) -> None:
        self.progress += 1

    def _assignment(self, facts: Mapping[str, TopicFacts], redrives: Redrives) -> Assignment:
        topics = self._settings.account_events, self._settings.wallet_events
        payload_bytes = self._settings.dead_letter_payload_bytes
        partitions = facts[topics[0]].partitions
        self._reporting.worker.partitions(partitions * len(self._nodes))
        redriven = {
            (topic, partition): offsets
            for topic in topics
            for partition, offsets in redrives.offsets(topic, facts[topic].topic_id).items()
        }
        wiring = Wiring(
            self._topology,
            self._model,
            partitions,
            topics,
            payload_bytes=payload_bytes,
            alert_banks=self._settings.alert_banks,
            bulletin_banks=self._settings.bulletin_banks,
            redriven=redriven,
        )
        return Assignment(self._settings, wiring, facts, self._ports)

    async def on_chunk(self, chunk: Chunk) -> None:
        """Process a chunk and pass its outputs to the producer; an error ends the worker, no chunk is skipped."""
        try:
            await self._wait_for_room(chunk.tp)
            task = await patiently(partial(self._task_before, chunk), self._ports.presence)
            if task is None:
                return
            async with self._processing:
                if not (task.ended or self._is_over(chunk)):
                    await self._process(task, _from(task.position, chunk.records))
            if task.processor.pipeline.node.source is not None:
                await self.alignment.align()
        except BaseException as error:  # noqa: BLE001 - whatever it was, nothing may be read past it
            raise_if_cancelled(error)
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
        task, first = self.tasks.get(chunk.tp), int(chunk.records.offset[0])
        if self._is_over(chunk) or chunk.tp in self.membership.restoring or chunk.tp in self.membership.kept.tasks:
            return None
        if task is None:
            raise WorkerError(f"a chunk of partition {chunk.tp.partition} was delivered before its rows were restored")
        if first <= task.position <= chunk.records.offset[-1]:
            return task
        if not chunk.begin <= task.position < first and not await self._is_next(task, first):
            return None
        await count_deleted(self._source, self._reporting, task, first)
        return None if task.ended else task

    def _is_over(self, chunk: Chunk) -> bool:
        """Whether its partition is being revoked, or was: what the last checkpoint did not take is read again."""
        return self.membership.leaving or chunk.generation != self._source.generation

    async def _process(self, task: PartitionTask, records: Records) -> None:
        started = self._ports.clock()
        task.torn = True
        processed = task.processor.process(records)
        letters = [output for output in processed.outputs if output.topic == DEAD_LETTERS]
        if letters:
            task.outputs.append(self._send_letters(letters))
        for output in processed.outputs:
            if output.topic != DEAD_LETTERS:
                task.outputs.append(await self._send(output))
        task.position = int(records.offset[-1]) + 1
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
        if output.topic == BULLETINS:
            topic = self._settings.bulletins_of(output.bank)
            future = await self._ports.producer.send_one(topic, output.key, output.value)
            if output.begins is not None:
                future.add_done_callback(partial(self._bulletin_sent, output.begins, output.timestamp_ms))
            return future
        topic = self._settings.alerts_of(output.bank)
        future = await self._ports.producer.send_one(topic, output.key, output.value)
        # Each once; and a thousand canaries a day, on time, would hide that twenty others are late.
        if not (output.bank or is_canary(output.key)):
            future.add_done_callback(partial(self._alert_sent, output.timestamp_ms))
        return future

    def _send_letters(self, letters: list[Output]) -> "asyncio.Future[Any]":
        """Whole batches: one by one, a flood of bad messages from one producer held up everybody's events."""
        return self._letters.send([(letter.key, letter.value) for letter in letters])

    def _alert_sent(self, source_timestamp_ms: int, future: "asyncio.Future[Any]") -> None:
        if not future.cancelled() and future.exception() is None:
            self._reporting.alert_durable(source_timestamp_ms)

    def _bulletin_sent(self, bulletin: Bulletin, source_timestamp_ms: int, future: "asyncio.Future[Any]") -> None:
        if not future.cancelled() and future.exception() is None:
            self._reporting.bulletin_durable(bulletin, source_timestamp_ms)

    async def _is_next(self, task: PartitionTask, offset: int) -> bool:
        """Whether a chunk at `offset` is the next although it was not fetched right behind the last one.

        Offsets may be missing in a log, records must not. After a rebalance Faust may deliver, as if of the new
        assignment, records fetched before it: then the missing ones are read again, and chunks out of order meanwhile
        are dropped. So are those it delivers once more, where it went back to what was committed; a log that ends
        before the position is another one.
        """
        if offset < task.position:
            if task.read_again_from < 0 and (await self._source.end_offsets(task.tp))[task.tp] < task.position:
                raise WorkerError(
                    f"partition {task.tp.partition} continued at offset {offset} instead of {task.position}:"
                    " the topic was re-created; see `kozamori state show`"
                )
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
            raise_if_cancelled(error)
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

    async def write_rows(self, tp: TP, records: Iterable[Record]) -> "list[asyncio.Future[Any]]":
        """Send changelog records of the rows of input partition `tp`."""
        topic = self._settings.rows_topic(self._nodes[tp.topic].name)
        return await self._ports.producer.send_records(topic, tp.partition, records)

    async def commit(self, positions: Mapping[TP, OffsetAndMetadata]) -> bool:
        """Commit offsets with their marks."""
        return await self._source.commit(positions, self.membership.generation)

    async def finish(self) -> None:
        """A last checkpoint, bounded in time, then end every task: also of partitions that come back (rule 2)."""
        await self._last_checkpoint(self.membership.keep)

    async def drain(self) -> None:
        """Stop reading and make a last checkpoint of what was read; a failure where Kafka does not take it."""
        self._source.pause()
        self.membership.ready = False
        last = asyncio.ensure_future(self._last_checkpoint(self.membership.drop))
        gone = asyncio.ensure_future(self._ports.presence.gone())
        await asyncio.wait({last, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not last.done():
            last.cancel()
            await asyncio.wait({last})
        if last.cancelled() or not last.result():
            self.fail(WorkerError("Kafka took no last checkpoint; events since the one before will be read again"))

    async def _last_checkpoint(self, end: Callable[[], None]) -> bool:
        """Whether it was made in time; `end` ends the tasks then."""
        self.membership.leave()
        try:
            await asyncio.wait_for(self.checkpoint(), self._settings.rebalance_timeout_s * FINISH_SHARE)
            end()
        except TimeoutError:
            log.warning("the last checkpoint took too long, its events will be read again")
            return False
        except BaseException as error:
            raise_if_cancelled(error)
            self.fail(error)
            raise
        finally:
            self.membership.drop()
        return True

    def fail(self, error: BaseException) -> None:
        """Make the worker end because of `error`; the first one counts."""
        if not self.failed.done():
            self.failed.set_result(error)


def _from(position: int, records: Records) -> Records:
    """The records from this offset on: those before it were delivered once more."""
    begin = int(np.searchsorted(records.offset, position))
    return records[begin:] if begin else records
