"""Makes tasks of an assignment: restores rows, checks the log, writes the first commit and the header."""

from collections.abc import Callable, Mapping

from aiokafka.structs import OffsetAndMetadata
from faust.types import TP

from detector.core.expiry import ttl_of
from detector.core.pipeline import Pipeline
from detector.core.topology import Node
from detector.jst import DAY_MS
from detector.kafka.marks import Marks, decode_marks, encode_marks
from detector.kafka.topics import TopicFacts
from detector.settings import Settings
from detector.stream.changelog import Header, Recovery, Superseded, encode_header, no_pairs
from detector.stream.identity import Stored, check_log
from detector.stream.partition_task import PartitionTask
from detector.stream.ports import Ports
from detector.stream.processor import Processor, Wiring

Nodes = Mapping[TP, Node]


class Assignment:
    """Begins tasks of the nodes' input partitions, for one generation of the group.

    `facts` are those of the input topics, by name.
    """

    def __init__(self, settings: Settings, wiring: Wiring, facts: Mapping[str, TopicFacts], ports: Ports) -> None:
        self._settings = settings
        self._wiring = wiring
        self._facts = facts
        self._ports = ports
        self._generation = ports.source.generation

    @property
    def stands(self) -> bool:
        """Whether the group is still in the same generation."""
        return self._ports.source.generation == self._generation

    async def begin(self, assigned: Nodes, progressed: Callable[[], None]) -> list[PartitionTask]:
        """A task for each partition; none at all when the group rebalances meanwhile.

        `progressed` is called after every slice of rows and every partition. `UserError` where rows cannot be read or
        offsets no longer mean anything.
        """
        stages = {self._changelog(tp, node): node.stage for tp, node in assigned.items() if node.stage is not None}
        reader = self._ports.reader
        recoveries = await reader.restore(stages, lambda: self.stands, progressed) if stages else {}
        if recoveries is None:
            return []
        # Asked for all at once: an answer takes milliseconds, and a worker has dozens of partitions.
        source = self._ports.source
        ends, commits = await source.end_offsets(*assigned), await source.committed(set(assigned))
        tasks: list[PartitionTask] = []
        for tp, node in sorted(assigned.items(), key=lambda item: item[0]):
            task = await self._begin_one(tp, node, recoveries.get(self._changelog(tp, node)), ends[tp], commits.get(tp))
            if task is None or not self.stands:
                return []
            tasks.append(task)
            progressed()
        return tasks

    def _changelog(self, tp: TP, node: Node) -> TP:
        return TP(self._settings.rows_topic(node.name), tp.partition)

    async def _begin_one(
        self, tp: TP, node: Node, recovery: Recovery | None, end: int, found: OffsetAndMetadata | None
    ) -> PartitionTask | None:
        """The task of a partition with its log's `end` and what is `found` committed; None after a rebalance."""
        topic_id = self._facts[tp.topic].topic_id
        header = Header(tp.topic, topic_id, self._facts[tp.topic].partitions, node.name)
        begin = await self._ports.source.begin_offset(tp)
        marks = decode_marks(found.metadata) if found else Marks(topic_id=topic_id)
        self._check(
            tp,
            Stored(
                header,
                recovery is not None,
                recovery.header if recovery else None,
                recovery.rows.count if recovery else 0,
                found.offset if found else None,
                marks,
                begin,
                end,
                passed_on="" if found or recovery else await self._passed_on(tp, node),
                upstreams=self._upstreams(node),
                upstreams_crcs=(self._crc(node),),
            ),
        )
        if not found and not await self._commit_first(tp, begin, marks):
            return None
        if recovery is not None and recovery.header is None:
            await self._write_header(self._changelog(tp, node), header)
        return self._task(tp, node, recovery, found.offset if found else begin, marks)

    def _check(self, tp: TP, stored: Stored) -> None:
        check_log(tp.partition, stored)

    async def _passed_on(self, tp: TP, node: Node) -> str:
        """A hop that has met events of the partition, "" where none has."""
        for edge in node.edges:
            hop = self._settings.hop_topic(edge.target)
            partitions = {TP(hop, partition) for partition in range(self._facts[hop].partitions)}
            commits = await self._ports.source.committed(partitions)
            slot = self._wiring.slot(node, tp.partition, edge.target)
            if any(decode_marks(commit.metadata).met(slot) for commit in commits.values()):
                return hop
        return ""

    async def _commit_first(self, tp: TP, begin: int, marks: Marks) -> bool:
        # Rows must never exist without a commit (PROTOCOL rule 5).
        first = {tp: OffsetAndMetadata(begin, encode_marks(marks))}
        return await self._ports.source.commit(first, self._generation)

    async def _write_header(self, changelog: TP, header: Header) -> None:
        records = [encode_header(header)]
        for future in await self._ports.producer.send_records(changelog.topic, changelog.partition, records):
            await future

    def _task(self, tp: TP, node: Node, recovery: Recovery | None, committed: int, marks: Marks) -> PartitionTask:
        superseded = Superseded(no_pairs())
        if recovery is not None:
            rows, superseded = recovery.rows, recovery.superseded()
            # A zombie may have written the rows ahead of the commit: they are written again under this task's id.
            # One of a history lies before the committed event itself, and is of no zombie.
            last, index = (rows.rows[: rows.count][name] for name in ("last_offset", "last_index"))
            rows.mark_dirty(((last > committed) | ((last == committed) & (index >= 0))).nonzero()[0])
        fit = len(marks.high_water) == self._upstreams(node)
        high_water = self._wiring.marks(node, marks.high_water if fit else ())
        processor = Processor(self._wiring, tp.partition, self._pipeline(node, recovery, marks), high_water)
        writer, topic_id = self._ports.new_writer(), self._facts[tp.topic].topic_id
        changelog = "" if recovery is None else self._changelog(tp, node).topic
        return PartitionTask(
            tp,
            writer,
            processor,
            superseded,
            committed,
            topic_id,
            node.name,
            self._crc(node),
            (changelog, self._facts[changelog].topic_id if changelog else ""),
            self._facts[tp.topic].partitions,
            marks,
        )

    def _pipeline(self, node: Node, recovery: Recovery | None, marks: Marks) -> Pipeline:
        rows = None if recovery is None else recovery.rows
        wiring, ttl_ms = self._wiring, ttl_of(node.name, self._settings.ttl_days * DAY_MS)
        return Pipeline(
            wiring.topology,
            node,
            wiring.model,
            ttl_ms=ttl_ms,
            rows=rows,
            watermark_ms=marks.watermark_ms,
            begun_ms=marks.begun_ms,
        )

    def _crc(self, node: Node) -> int:
        return self._wiring.topology.upstreams_crc(node.name)

    def _upstreams(self, node: Node) -> int:
        return len(self._wiring.topology.upstreams(node.name)) * self._wiring.partitions
