"""A stopped deployment's state as a folder: rows, watermarks, and by event how far the source topics were read.

Exact only at rest: hops read to their end, nothing in rows or hops that lies beyond a commit. Then no mark of a hop is
needed any more, and the rows may go to another cluster, under another name, to other partitions.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from faust.types import TP
from kafka import TopicPartition
from kafka.partitioner.default import murmur2

from detector.contract.batch import Batch
from detector.contract.codec import decode_account_events, decode_wallet_events
from detector.contract.hashing import hash64_many
from detector.contract.vocabulary import ACCOUNT_EVENTS
from detector.core.chains import CHAINS
from detector.core.rows import Rows
from detector.core.stage import Stage
from detector.core.stages.budget import BUDGET
from detector.core.topology import Node, topology_of
from detector.errors import UserError
from detector.kafka.clients import admin_client
from detector.kafka.groups import all_offsets, require_no_members
from detector.kafka.marks import Marks, decode_marks
from detector.kafka.topics import describe
from detector.ops.read_log import Progress, read_log
from detector.ops.state import TOPOLOGY, Commits, State, log_bounds_of, node_topics, rows_topic, show
from detector.ops.state_folder import (
    UNKNOWN,
    VERSION,
    Exported,
    NodeState,
    Part,
    Places,
    write_manifest,
    write_part,
)
from detector.ops.verdicts import GOOD
from detector.paths import replaced_folder
from detector.settings import Settings
from detector.stream.high_water import MAX_EVENTS
from detector.stream.restore import kafka_reader

REST = "let its worker read on until `kozamori state show` has lag 0 in every stage but the first, then stop it"


def export_state(settings: Settings, folder: Path, progress: Progress) -> Exported:
    """Write the state to a new folder, whole or not at all. Raises UserError where it is not at rest."""
    if folder.exists():
        raise UserError(f"{folder} exists already: choose another folder")
    state = show(settings)
    _check_good(state)
    with admin_client(settings) as client:
        require_no_members(client, settings.group)
        commits = all_offsets(client, settings.group)
        facts = describe(client, node_topics(settings, TOPOLOGY))
        bounds = log_bounds_of(client, facts.values())
    check_rest(settings, commits, bounds, state.partitions[-1].partition + 1)
    log = SourceLog(settings, commits)
    read_log(settings, log.bounds(bounds), log.feed, progress)
    behind = {tp: (until, bounds[tp][1]) for tp, (_, until) in log.bounds(bounds).items()}
    unread: Counter[TopicPartition] = Counter()  # offsets may be those of transaction markers
    read_log(settings, behind, lambda tp, records: unread.update({tp: len(records)}), progress)
    with replaced_folder(folder) as fresh:
        nodes = []
        for node in TOPOLOGY.nodes:
            topic = facts[settings.input_topic(node)]
            found = {p: commits.get(TopicPartition(topic.name, p)) for p in range(topic.partitions)}
            if not any(commit is not None and decode_marks(commit.metadata).watermark_ms for commit in found.values()):
                continue
            parts = tuple(
                _write(settings, fresh, node, tp, bounds, commits, log, unread[tp])
                for tp in (TopicPartition(topic.name, p) for p in range(topic.partitions))
            )
            stage = node.stage
            row = (0, 0, 0) if stage is None else (stage.version, stage.kernel_hash, stage.row.itemsize)
            nodes.append(NodeState(node.name, topic.name, topic.topic_id, row, parts))
        exported = Exported(VERSION, settings.group, len(state.partitions), tuple(nodes))
        if not nodes:
            raise UserError(f"group {settings.group} has read no event yet: there is no state to export")
        write_manifest(fresh, exported)
    return exported


def _check_good(state: State) -> None:
    for stage in state.stages:
        for part in stage.partitions:
            if part.verdict not in GOOD:
                raise UserError(
                    f"stage {stage.stage}, partition {part.partition}: {part.verdict}; no worker could go on from it,"
                    " nor is it exported: see `kozamori state show`"
                )


def check_rest(
    settings: Settings, commits: Commits, bounds: Mapping[TopicPartition, tuple[int, int]], partitions: int
) -> None:
    """Raise UserError where a hop has unread messages, or has met events beyond its upstreams' commits."""
    for node in TOPOLOGY.nodes:
        if node.source is not None:
            continue
        for tp in (TopicPartition(settings.input_topic(node), p) for p in range(partitions)):
            begin, end = bounds[tp]
            commit = commits.get(tp)
            waiting = end - (commit.offset if commit else begin)
            if waiting > 0:
                raise UserError(f"stage {node.name}, partition {tp.partition} has {waiting} messages unread: {REST}")
            marks = decode_marks(commit.metadata) if commit else Marks()
            for upstream, mark in _marks_by_upstream(settings, node, marks, partitions).items():
                read = commits[upstream].offset if upstream in commits else 0
                if mark >= read * MAX_EVENTS:
                    raise UserError(
                        f"stage {node.name}, partition {tp.partition} has met events that partition"
                        f" {upstream.partition} of {upstream.topic} has not committed (a worker was killed): {REST}"
                    )


def _marks_by_upstream(settings: Settings, node: Node, marks: Marks, partitions: int) -> dict[TopicPartition, int]:
    """The high-water marks by the input partitions that they are of."""
    for chain in CHAINS:
        for controller in (None, BUDGET):
            topology = topology_of(chain, controller, campaigns=True)
            known = node.name in {other.name for other in topology.nodes}
            if known and topology.upstreams_crc(node.name) == marks.upstreams_crc:
                inputs = [settings.input_topic(topology.node(name)) for name in topology.upstreams(node.name)]
                slots = [TopicPartition(topic, part) for topic in inputs for part in range(partitions)]
                return dict(zip(slots, marks.high_water, strict=False))
    return {}


def _write(
    settings: Settings,
    folder: Path,
    node: Node,
    tp: TopicPartition,
    bounds: Mapping[TopicPartition, tuple[int, int]],
    commits: Commits,
    log: "SourceLog",
    unread: int,
) -> Part:
    commit = commits.get(tp)
    committed = commit.offset if commit else bounds[tp][0]
    marks = decode_marks(commit.metadata) if commit else Marks()
    rows, files = np.empty(0), {}
    name = rows_topic(settings, node)
    if node.stage is not None and name is not None:
        rows = _restored(settings, TP(name, tp.partition), node.stage)
        _check_rows(node, tp, rows, committed)
        places = log.places(rows) if node.source == ACCOUNT_EVENTS else None
        files = write_part(folder, node.name, tp.partition, rows, places)
    last = log.last.get(tp, 0)
    return Part(tp.partition, committed, unread, marks.watermark_ms, marks.begun_ms, len(rows), last, files)


def _restored(settings: Settings, changelog: TP, stage: Stage) -> Rows:
    """The rows as a worker restores them."""
    reader = kafka_reader(settings)
    found = asyncio.run(reader.restore({changelog: stage}, lambda: True, lambda: None))
    assert found is not None
    return found[changelog].rows.snapshot()


def _check_rows(node: Node, tp: TopicPartition, rows: Rows, committed: int) -> None:
    last, index = rows["last_offset"], rows["last_index"]
    if ((last > committed) | ((last == committed) & (index >= 0))).any():
        raise UserError(
            f"stage {node.name}, partition {tp.partition} has rows beyond what was committed (a worker was killed):"
            f" {REST}"
        )


@dataclass(slots=True)
class SourceLog:
    """What the source topics tell: where each account lies, and the last event before each commit."""

    settings: Settings
    commits: Commits
    last: dict[TopicPartition, int] = field(default_factory=dict)
    _place: dict[int, int] = field(default_factory=dict)
    _seen: set[bytes] = field(default_factory=set)

    def bounds(self, bounds: Mapping[TopicPartition, tuple[int, int]]) -> dict[TopicPartition, tuple[int, int]]:
        """What is read: the source topics up to the commits."""
        sources = {self.settings.account_events, self.settings.wallet_events}
        return {
            tp: (begin, self.commits[tp].offset)
            for tp, (begin, _) in bounds.items()
            if tp.topic in sources and tp in self.commits
        }

    def feed(self, tp: TopicPartition, records: list[Any]) -> None:
        """Take the next records of a partition."""
        events = events_of(records, accounts=tp.topic == self.settings.account_events)
        if events.size:
            self.last[tp] = int(events.identity[-1])
        if tp.topic == self.settings.account_events:
            new = list({one.key for one in records if one.key} - self._seen)
            self._seen.update(new)
            hashes = hash64_many([key.decode("utf-8", "replace") for key in new])
            self._place.update(zip(hashes.tolist(), (murmur2(key) & 0x7FFFFFFF for key in new), strict=True))

    def places(self, rows: Rows) -> Places:
        """Where the partitioner puts each row's account before it divides by the partitions; `UNKNOWN`."""
        return np.array([self._place.get(key, UNKNOWN) for key in rows["key"].tolist()], np.int32)


def events_of(records: list[Any], *, accounts: bool) -> Batch:
    """The valid events among records of a source topic, in order."""
    decode = decode_account_events if accounts else decode_wallet_events
    numbers = [np.array([getattr(one, name) for one in records], np.int64) for name in ("offset", "timestamp")]
    return decode([one.value for one in records], [one.key for one in records], *numbers).batch
