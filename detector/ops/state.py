"""The durable state of a deployment: of every stage its committed offsets and rows, and whether they still fit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.structs import OffsetAndMetadata

from detector.core.chains import CHAINS
from detector.core.stages.budget import BUDGET
from detector.core.topology import COMPLETE, Node, Topology, topology_of
from detector.errors import UserError
from detector.kafka.clients import admin_client
from detector.kafka.groups import active_members, all_offsets
from detector.kafka.marks import Marks, decode_marks
from detector.kafka.topics import TopicFacts, bytes_of, describe
from detector.ops.stored import Changelog, Progress, read_changelogs
from detector.ops.verdicts import GOOD, verdict
from detector.settings import Settings
from detector.stream.changelog import Header
from detector.stream.high_water import slot_of
from detector.stream.identity import Stored

#: The longest chain has the nodes of every other; a node that no worker uses has nothing stored.
TOPOLOGY = COMPLETE

Commits = Mapping[TopicPartition, OffsetAndMetadata]
Bounds = Mapping[TopicPartition, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class PartitionState:
    """One partition of a stage's input: `lag` counts records not committed yet, `verdict` is a name of `VERDICTS`."""

    partition: int
    committed: int | None
    log_start: int
    log_end: int
    lag: int
    watermark_ms: int | None
    rows: int
    writers: int
    header: Header | None
    verdict: str


@dataclass(frozen=True, slots=True)
class StageState:
    """One node of the topology: its input topic (id "" where it is missing), its rows' topic (None: it keeps no rows),
    and sums over its partitions; bytes are those on disk. A record is an event in a source topic, a message of many
    events in a hop."""

    stage: str
    topic: str
    topic_id: str
    rows_topic: str | None
    lag: int
    rows: int
    input_bytes: int
    rows_bytes: int
    partitions: tuple[PartitionState, ...]


@dataclass(frozen=True, slots=True)
class State:
    """The durable state of a deployment, by stage in the order in which an event meets them."""

    group: str
    members: int
    stages: tuple[StageState, ...]

    @property
    def partitions(self) -> tuple[PartitionState, ...]:
        """Those of the first stage, which reads the account events."""
        return self.stages[0].partitions

    @property
    def verdicts(self) -> dict[str, None]:
        """Every verdict there is, each once, in the order of stages and partitions."""
        return dict.fromkeys(part.verdict for stage in self.stages for part in stage.partitions)

    @property
    def startable(self) -> bool:
        """Whether a worker would start."""
        return all(name in GOOD for name in self.verdicts)


def show(settings: Settings, progress: Progress = lambda _done, _total: None) -> State:
    """The state as Kafka has it now; reads every changelog whole.

    Raises UserError when no broker answers, or the topic of account events is missing.
    """
    with admin_client(settings) as client:
        partitions = input_facts(settings, describe(client, [settings.account_events])).partitions
        members = active_members(client, settings.group)
        commits = all_offsets(client, settings.group)
        # After the group was asked, and read at once: Kafka still lists a deleted topic for a moment, and a reader
        # of it would wait in vain.
        facts = describe(client, node_topics(settings, TOPOLOGY))
        inputs = (settings.input_topic(node) for node in TOPOLOGY.nodes)
        bounds = log_bounds_of(client, (facts[topic] for topic in inputs if topic in facts))
        rows = [facts[name] for node in TOPOLOGY.nodes if (name := rows_topic(settings, node)) in facts]
        changelogs = read_changelogs(settings, {topic.name: topic.partitions for topic in rows}, progress)
        sizes = bytes_of(client, facts)
    snapshot = _Snapshot(settings, TOPOLOGY, facts, partitions, commits, bounds, sizes, changelogs)
    return State(settings.group, members, tuple(snapshot.stage(node) for node in TOPOLOGY.nodes))


def node_topics(settings: Settings, topology: Topology) -> list[str]:
    """Input topics and rows' topics of all nodes."""
    rows = (rows_topic(settings, node) for node in topology.nodes)
    return [*(settings.input_topic(node) for node in topology.nodes), *(name for name in rows if name is not None)]


def rows_topic(settings: Settings, node: Node) -> str | None:
    """The changelog of the node's rows; None where it keeps none."""
    return None if node.stage is None else settings.rows_topic(node.name)


def input_facts(settings: Settings, facts: Mapping[str, TopicFacts]) -> TopicFacts:
    """The facts of the topic of account events, after whose partitions all others go; UserError where it is missing."""
    if settings.account_events not in facts:
        raise UserError(
            f"Kafka at {','.join(settings.bootstrap)} has no topic {settings.account_events}: check --bootstrap and"
            " --prefix, or run `kozamori topics create`"
        )
    return facts[settings.account_events]


def log_bounds(
    client: KafkaAdminClient, partitions: list[TopicPartition]
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    """First offset and offset after the last, of each partition."""
    begins = client.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.EARLIEST))
    ends = client.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
    return {tp: begins[tp].offset for tp in partitions}, {tp: ends[tp].offset for tp in partitions}


def log_bounds_of(client: KafkaAdminClient, topics: Iterable[TopicFacts]) -> dict[TopicPartition, tuple[int, int]]:
    """(first offset, offset after the last) of every partition of `topics`."""
    partitions = [TopicPartition(topic.name, part) for topic in topics for part in range(topic.partitions)]
    begins, ends = log_bounds(client, partitions)
    return {tp: (begins[tp], ends[tp]) for tp in partitions}


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """All that Kafka answered. `partitions` is what every partitioned topic must have."""

    settings: Settings
    topology: Topology
    facts: Mapping[str, TopicFacts]
    partitions: int
    commits: Commits
    bounds: Bounds
    sizes: Mapping[tuple[str, int], int]
    changelogs: Mapping[TopicPartition, Changelog]

    def stage(self, node: Node) -> StageState:
        topic, rows = self.settings.input_topic(node), rows_topic(self.settings, node)
        facts = self.facts.get(topic)
        count = facts.partitions if facts else self.partitions
        found = tuple(self._partition(node, TopicPartition(topic, part), rows) for part in range(count))
        return StageState(
            stage=node.name,
            topic=topic,
            topic_id=facts.topic_id if facts else "",
            rows_topic=rows,
            lag=sum(part.lag for part in found),
            rows=sum(part.rows for part in found),
            input_bytes=self._bytes(topic),
            rows_bytes=self._bytes(rows),
            partitions=found,
        )

    def _bytes(self, topic: str | None) -> int:
        return sum(size for (name, _), size in self.sizes.items() if name == topic)

    def _partition(self, node: Node, tp: TopicPartition, rows: str | None) -> PartitionState:
        commit = self.commits.get(tp)
        begin, end = self.bounds.get(tp, (0, 0))
        changelog = self.changelogs.get(TopicPartition(rows or "", tp.partition), Changelog())
        marks = marks_of(commit) if commit else None
        missing = any(name not in self.facts for name in (tp.topic, rows) if name is not None)
        return PartitionState(
            partition=tp.partition,
            committed=commit.offset if commit else None,
            log_start=begin,
            log_end=end,
            lag=max(0, end - (commit.offset if commit else begin)),
            watermark_ms=marks.watermark_ms if marks else None,
            rows=changelog.rows,
            writers=changelog.writers,
            header=changelog.header,
            verdict="topic missing" if missing else verdict(self._stored(node, tp, changelog)),
        )

    def _stored(self, node: Node, tp: TopicPartition, changelog: Changelog) -> Stored:
        commit = self.commits.get(tp)
        begin, end = self.bounds.get(tp, (0, 0))
        both = (None, BUDGET)
        topologies = [topology_of(chain, controller, campaigns=True) for chain in CHAINS for controller in both]
        return Stored(
            Header(tp.topic, self.facts[tp.topic].topic_id, self.partitions, node.name),
            node.stage is not None,
            changelog.header,
            changelog.rows,
            commit.offset if commit else None,
            marks_of(commit) if commit else None,
            begin,
            end,
            passed_on=self._passed_on(node, tp.partition),
            upstreams=len(self.topology.upstreams(node.name)) * self.partitions,
            upstreams_crcs=tuple(
                topology.upstreams_crc(node.name)
                for topology in topologies
                if node.name in [other.name for other in topology.nodes]
            ),
            readable=changelog.readable,
            loads=node.stage is None or changelog.loads(node.stage),
        )

    def _passed_on(self, node: Node, partition: int) -> str:
        """A hop that has met events of the partition, "" where none has."""
        targets = (self.topology.node(edge.target) for edge in node.edges)
        found = (self.settings.input_topic(each) for each in targets if self._has_passed_on(node, partition, each))
        return next(found, "")

    def _has_passed_on(self, node: Node, partition: int, target: Node) -> bool:
        slot = slot_of(self.topology.upstreams(target.name).index(node.name), partition, self.partitions)
        hop = self.settings.input_topic(target)
        found = (marks_of(commit) for tp, commit in self.commits.items() if tp.topic == hop)
        return any(marks.met(slot) for marks in found if marks is not None)


def marks_of(commit: OffsetAndMetadata) -> Marks | None:
    """The marks in a commit's metadata; None where another program or release committed."""
    try:
        return decode_marks(commit.metadata)
    except UserError:
        return None
