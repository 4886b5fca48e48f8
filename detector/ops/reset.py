"""Deletes a deployment's offsets, hops and rows, so that the worker rebuilds them from the log.

All stages together: a later one keeps positions in the output of an earlier one, which mean nothing without it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from kafka import KafkaAdminClient, TopicPartition
from kafka.structs import OffsetAndMetadata

from detector.core.topology import Node
from detector.kafka.clients import admin_client, attempts
from detector.kafka.groups import all_offsets, delete_group, require_no_members, store_offsets
from detector.kafka.marks import Marks, encode_marks
from detector.kafka.topics import TopicFacts, describe
from detector.ops.recreate_topics import recreate_empty
from detector.ops.state import TOPOLOGY, Bounds, Commits, input_facts, log_bounds_of, node_topics, rows_topic
from detector.ops.void_letters import void_letters
from detector.settings import Settings

#: A cluster forgets a deleted topic within a second or two; longer means that a broker is down.
DELETE_TIMEOUT_S = 30.0

Start = Literal["earliest", "latest"]


@dataclass(frozen=True, slots=True)
class StageReset:
    """What a reset does to a node: offsets and marks that it deletes, records of its rows and (of a hop) of its input
    that it drops, where reading begins, and how many records of its input are read again."""

    stage: str
    topic: str
    is_hop: bool
    committed: dict[int, int]
    dropped: int
    rows_topic: str | None
    rows_records: int
    begin_at: dict[int, int]
    to_read: int


@dataclass(frozen=True, slots=True)
class Reset:
    """What a reset does, by stage; `events_to_read` are those of all source topics."""

    group: str
    events_to_read: int
    stages: tuple[StageReset, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    facts: Mapping[str, TopicFacts]
    bounds: Bounds
    commits: Commits

    def records(self, topic: str | None) -> int:
        return sum(end - begin for tp, (begin, end) in self.bounds.items() if tp.topic == topic)

    def partitions(self, topic: str) -> Iterator[TopicPartition]:
        return (
            TopicPartition(topic, part) for part in range(self.facts[topic].partitions if topic in self.facts else 0)
        )


def plan(settings: Settings, to: Start) -> Reset:
    """What `reset` would do now; changes nothing. Raises UserError as `reset` does."""
    with admin_client(settings) as client:
        return _plan(settings, to, _look(client, settings))


def reset(settings: Settings, to: Start) -> Reset:
    """Delete the group's offsets, then re-create hops and rows' topics empty; returns what was done.

    `latest` also commits the ends of the source topics, so that the worker skips everything before. Interrupted,
    it can be run again. Raises UserError while the group has members, and where the topic of account events is missing
    or Kafka refuses.
    """
    with admin_client(settings) as client:
        found = _look(client, settings)
        done = _plan(settings, to, found)
        void_letters(client, settings, found.facts[settings.account_events].replication)
        # Interrupted anywhere, this must not leave what a worker would accept as a complete state. Offsets first: rows
        # without offsets are refused, and so is a missing topic, while offsets without rows look like a partition
        # without events so far. Rows last: the rows record what was applied of a hop, which must not be applied twice.
        delete_group(client, settings.group)
        replication = found.facts[settings.account_events].replication
        partitions = found.facts[settings.account_events].partitions
        hops = [settings.input_topic(node) for node in TOPOLOGY.nodes if node.source is None]
        rows = [name for node in TOPOLOGY.nodes if (name := rows_topic(settings, node)) is not None]
        recreate_empty(client, settings, [hops, rows], partitions, replication, attempts(DELETE_TIMEOUT_S))
        if to == "latest":
            store_offsets(client, settings.group, dict(_ends(settings, found)))
        return done


def _look(client: KafkaAdminClient, settings: Settings) -> _Found:
    require_no_members(client, settings.group)
    facts = describe(client, node_topics(settings, TOPOLOGY))
    input_facts(settings, facts)
    return _Found(facts, log_bounds_of(client, facts.values()), all_offsets(client, settings.group))


def _plan(settings: Settings, to: Start, found: _Found) -> Reset:
    stages = tuple(_stage(settings, to, found, node) for node in TOPOLOGY.nodes)
    return Reset(settings.group, sum(stage.to_read for stage in stages), stages)


def _stage(settings: Settings, to: Start, found: _Found, node: Node) -> StageReset:
    topic, rows, is_hop = settings.input_topic(node), rows_topic(settings, node), node.source is None
    if is_hop:
        begin_at = dict.fromkeys(range(found.facts[settings.account_events].partitions), 0)
    else:
        bound = 1 if to == "latest" else 0
        begin_at = {tp.partition: found.bounds[tp][bound] for tp in found.partitions(topic)}
    commits = sorted((tp.partition, commit.offset) for tp, commit in found.commits.items() if tp.topic == topic)
    return StageReset(
        stage=node.name,
        topic=topic,
        is_hop=is_hop,
        committed=dict(commits),
        dropped=found.records(topic) if is_hop else 0,
        rows_topic=rows,
        rows_records=found.records(rows),
        begin_at=begin_at,
        to_read=0 if is_hop or to == "latest" else found.records(topic),
    )


def _ends(settings: Settings, found: _Found) -> Iterator[tuple[TopicPartition, OffsetAndMetadata]]:
    for node in TOPOLOGY.nodes:
        topic = settings.input_topic(node)
        for tp in found.partitions(topic) if node.source is not None else ():
            marks = encode_marks(Marks(topic_id=found.facts[topic].topic_id))
            yield tp, OffsetAndMetadata(found.bounds[tp][1], marks, -1)
