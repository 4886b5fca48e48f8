"""From an assignment to tasks: rows restored, the log checked, the first commit and the header written."""

import secrets
from collections.abc import Callable, Mapping

from aiokafka.structs import OffsetAndMetadata
from faust.types import TP

from detector.core.pipeline import Pipeline
from detector.core.topology import Node
from detector.errors import UserError
from detector.jst import DAY_MS
from detector.kafka.marks import Marks, decode_marks, encode_marks
from detector.kafka.security import client_options
from detector.kafka.topics import TopicFacts
from detector.settings import Settings
from detector.stream.app import App
from detector.stream.changelog import Header, Recovery, Superseded, encode_header, no_pairs
from detector.stream.identity import RESET, check_log
from detector.stream.partition_task import PartitionTask
from detector.stream.processor import Processor, Wiring
from detector.stream.restore import restore

Nodes = Mapping[TP, Node]


class Assignment:
    """Begins tasks of the nodes' input partitions, for one generation of the group.

    `facts` are those of the input topics, by name.
    """

    def __init__(self, settings: Settings, wiring: Wiring, facts: Mapping[str, TopicFacts], app: App) -> None:
        self._settings = settings
        self._wiring = wiring
        self._facts = facts
        self._app = app
        self._generation = app.consumer_generation_id

    @property
    def stands(self) -> bool:
        """Whether the group has not moved on since."""
        return bool(self._app.consumer_generation_id == self._generation)

    async def begin(self, assigned: Nodes, progressed: Callable[[], None]) -> list[PartitionTask]:
        """A task for each partition; none at all when the group moves on meanwhile.

        `progressed` is called after every slice of rows and every partition. `UserError` where rows cannot be read or
        offsets no longer mean anything.
        """
        stages = {self._changelog(tp, node): node.stage for tp, node in assigned.items() if node.stage is not None}
        connection = client_options(self._settings)
        recoveries = await restore(connection, stages, lambda: self.stands, progressed) if stages else {}
        if recoveries is None:
            return []
        tasks: list[PartitionTask] = []
        for tp, node in sorted(assigned.items(), key=lambda item: item[0]):
            task = await self._begin_one(tp, node, recoveries.get(self._changelog(tp, node)))
            if task is None or not self.stands:
                return []
            tasks.append(task)
            progressed()
        return tasks

    def _changelog(self, tp: TP, node: Node) -> TP:
        return TP(self._settings.rows_topic(node.name), tp.partition)

    async def _begin_one(self, tp: TP, node: Node, recovery: Recovery | None) -> PartitionTask | None:
        facts = self._facts[tp.topic]
        header = Header(tp.topic, facts.topic_id, facts.partitions, node.name)
        begin = (await self._app.consumer.earliest_offsets(tp))[tp]
        end = (await self._app.consumer.highwaters(tp))[tp]
        found = (await self._app.chunk_consumer.committed_positions({tp})).get(tp)
        marks = decode_marks(found.metadata) if found else Marks(topic_id=facts.topic_id)
        check_log(tp.partition, header, recovery, found.offset if found else None, marks, begin, end)
        committed = found.offset if found else begin
        if not found and recovery is None:
            await self._check_never_read(tp, node)
        if not found and not await self._commit_first(tp, begin, marks):
            return None
        if recovery is not None and recovery.header is None:
            await self._write_header(self._changelog(tp, node), header)
        return self._task(tp, node, recovery, committed, marks)

    async def _check_never_read(self, tp: TP, node: Node) -> None:
        # Kafka deletes a topic's offsets with it. Where no rows tell, the next stage does: it would drop the events of
        # the new topic as known already.
        for edge in node.edges:
            await self._check_not_passed_on(tp, node, edge.target)

    async def _check_not_passed_on(self, tp: TP, node: Node, target: str) -> None:
        hop = self._settings.hop_topic(target)
        places = {TP(hop, partition) for partition in range(self._facts[hop].partitions)}
        commits = await self._app.chunk_consumer.committed_positions(places)
        slot = self._wiring.slot(node, tp.partition, target)
        if any(decode_marks(commit.metadata).met(slot) for commit in commits.values()):
            raise UserError(
                f"partition {tp.partition} of {tp.topic}: the group has no committed offset, but {hop} has events of it"
                f" (the topic was re-created, or the offset expired): {RESET}"
            )

    async def _commit_first(self, tp: TP, begin: int, marks: Marks) -> bool:
        # Rows must never exist without a commit (PROTOCOL rule 5).
        first = OffsetAndMetadata(begin, encode_marks(marks))
        return await self._app.chunk_consumer.commit_positions({tp: first})

    async def _write_header(self, changelog: TP, header: Header) -> None:
        records = iter([encode_header(header)])
        for future in await self._app.record_producer.send_records(changelog.topic, changelog.partition, records):
            await future

    def _task(self, tp: TP, node: Node, recovery: Recovery | None, committed: int, marks: Marks) -> PartitionTask:
        high_water = self._wiring.marks(node, self._fitting(node, tp, marks))
        ttl_ms = self._settings.ttl_days * DAY_MS
        rows, superseded = None, Superseded(no_pairs())
        if recovery is not None:
            rows, superseded = recovery.rows, recovery.superseded()
            # Rows ahead of the commit were perhaps written by a zombie: they are written again under this task's id.
            rows.mark_dirty((rows.rows[: rows.count]["last_offset"] >= committed).nonzero()[0])
        wiring = self._wiring
        pipeline = Pipeline(
            wiring.topology, node, wiring.model, ttl_ms=ttl_ms, rows=rows, watermark_ms=marks.watermark_ms
        )
        processor = Processor(wiring, tp.partition, pipeline, high_water)
        topic_id = self._facts[tp.topic].topic_id
        return PartitionTask(
            tp, secrets.randbits(64), processor, superseded, committed, topic_id, node.name, self._crc(node)
        )

    def _crc(self, node: Node) -> int:
        return self._wiring.topology.upstreams_crc(node.name)

    def _fitting(self, node: Node, tp: TP, marks: Marks) -> tuple[int, ...]:
        upstreams = self._wiring.topology.upstreams(node.name)
        expected = len(upstreams) * self._wiring.partitions
        if not marks.fits(self._crc(node), expected):
            raise UserError(
                f"partition {tp.partition} of {tp.topic}: the marks stored are of {len(marks.high_water)} upstream"
                f" partitions of other stages than this model's {', '.join(upstreams)} ({expected}): run the model they"
                f" are of, or begin anew with `kozamori state reset`"
            )
        return marks.high_water if len(marks.high_water) == expected else ()
