"""An exported state into an empty deployment: of another cluster, another name, with other partitions.

Rows lie where their keys do among the new partitions. An account whose events were no longer in the log, so that only
its hash is known, lies in each partition that it may be in: the copies that no event meets expire.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from detector.contract.vocabulary import ACCOUNT_EVENTS
from detector.core.rows import Rows
from detector.core.topology import Node
from detector.errors import UserError
from detector.kafka.marks import Marks, encode_marks
from detector.kafka.topics import TopicFacts
from detector.ops.export_state import events_of
from detector.ops.read_log import Bounds, Progress, read_log
from detector.ops.reset import reset
from detector.ops.state import TOPOLOGY
from detector.ops.state_folder import UNKNOWN, Exported, NodeState, Places, read_manifest, read_part
from detector.ops.warm import Found, as_before, look
from detector.ops.write_state import Share, write
from detector.settings import Settings
from detector.stream.changelog import Header
from detector.stream.hop_writer import target_partitions


@dataclass(frozen=True, slots=True)
class Import:
    """What an import does: partitions before and now, rows by stage, where each source topic is read on from; `copies`
    of accounts whose place is not known."""

    group: str
    was: int
    partitions: int
    rows: dict[str, int]
    copies: int
    begin_at: dict[str, dict[int, int]]
    again: bool


def import_state(settings: Settings, folder: Path, told: Progress, progress: Progress, *, yes: bool) -> Import:
    """Fill the deployment from the folder; without `yes` change nothing.

    Raises UserError where the deployment is not empty or has members, where the folder cannot be read, and where it
    cannot be told which events of the topics the state has.
    """
    exported = read_manifest(folder)
    found = look(settings)
    if yes and found.again:
        reset(settings, "latest")
        found = look(settings)._replace(again=True)
    begins = begin_at(settings, exported, found, told)
    shares, copies = shares_of(settings, folder, exported, found, begins)
    if yes:
        asyncio.run(write(settings, shares, progress))
    rows: dict[str, int] = {}
    for share in shares:
        if share.header is not None:
            rows[share.header.stage] = rows.get(share.header.stage, 0) + share.size
    sources = [settings.input_topic(node) for node in TOPOLOGY.nodes if node.source is not None]
    where = {topic: {tp.partition: at for tp, at in begins.items() if tp.topic == topic} for topic in sources}
    partitions = found.facts[settings.account_events].partitions
    return Import(settings.group, exported.partitions, partitions, rows, copies, where, found.again)


def begin_at(settings: Settings, exported: Exported, found: Found, told: Progress) -> dict[TopicPartition, int]:
    """Where a worker goes on, of every input: in the topic that was exported at its commit, in another one behind the
    last event that the state has. Raises UserError where that cannot be told."""
    begins = {tp: end for tp, (_, end) in found.bounds.items()}  # of hops, which are empty
    searched: dict[TopicPartition, tuple[int, int]] = {}
    search = Search(settings, {})
    for node in TOPOLOGY.nodes:
        if node.source is None:
            continue
        facts = found.facts[settings.input_topic(node)]
        state = next((each for each in exported.nodes if each.name == node.name), None)
        places = [TopicPartition(facts.name, part) for part in range(facts.partitions)]
        if state is None:
            begins |= {tp: found.bounds[tp][0] for tp in places}
        elif state.topic_id == facts.topic_id:
            begins |= same_topic(state, places, found.bounds)
        else:
            searched |= {tp: found.bounds[tp] for tp in places}
            search.wanted[facts.name] = np.array([part.last for part in state.parts if part.last], np.uint64)
    read_log(settings, searched, search.feed, told)
    partitions = found.facts[settings.account_events].partitions
    if search.behind and partitions != exported.partitions:
        raise UserError(
            f"topic {min(search.behind).topic} has events that the state has too, in {partitions} partitions instead of"
            f" {exported.partitions}: which of them, only {exported.partitions} partitions could tell; give the topics"
            " as many, or only what came after the export"
        )
    return begins | {tp: search.behind.get(tp, begin) for tp, (begin, _) in searched.items()}


def same_topic(state: NodeState, places: Sequence[TopicPartition], bounds: Bounds) -> dict[TopicPartition, int]:
    """Where workers go on in the topic that was exported. Raises UserError where unread events lie elsewhere."""
    unread = sum(part.unread for part in state.parts)
    if len(places) != len(state.parts) and unread:
        raise UserError(
            f"topic {state.topic} has {len(places)} partitions, it had {len(state.parts)} when the state was exported"
            f" with {unread} events unread: they lie where their rows do not; read them before partitions are added"
        )
    committed = {part.partition: part.committed for part in state.parts}
    return {tp: committed.get(tp.partition, bounds[tp][0]) for tp in places}


@dataclass(slots=True)
class Search:
    """Looks in source topics for the last events that the state has: `behind` has the offset after the one found."""

    settings: Settings
    wanted: dict[str, npt.NDArray[np.uint64]]
    behind: dict[TopicPartition, int] = field(default_factory=dict)

    def feed(self, tp: TopicPartition, records: list[Any]) -> None:
        """Take the next records of a partition."""
        events = events_of(records, accounts=tp.topic == self.settings.account_events)
        found = np.flatnonzero(np.isin(events.identity, self.wanted[tp.topic]))
        if len(found):
            self.behind[tp] = int(events.offset[found[-1]]) + 1


def shares_of(
    settings: Settings, folder: Path, exported: Exported, found: Found, begins: Mapping[TopicPartition, int]
) -> tuple[list[Share], int]:
    """What is written for every input partition of the nodes that were exported; how many copies of rows there are."""
    shares, copies = [], 0
    for node in TOPOLOGY.nodes:
        state = next((each for each in exported.nodes if each.name == node.name), None)
        if state is None:
            continue
        facts = found.facts[settings.input_topic(node)]
        rows = rows_by_partition(folder, node, state, facts.partitions)
        if rows is not None:
            copies += sum(map(len, rows)) - sum(part.rows for part in state.parts)
        for partition in range(facts.partitions):
            place = TopicPartition(facts.name, partition)
            header = None if node.stage is None else Header(place.topic, facts.topic_id, facts.partitions, node.name)
            own = None if rows is None else as_before(rows[partition], begins[place])
            marks = marks_of(state, partition, facts)
            shares.append(
                Share(
                    place,
                    settings.rows_topic(node.name),
                    header,
                    own,
                    OffsetAndMetadata(begins[place], encode_marks(marks), -1),
                )
            )
    return shares, copies


def marks_of(state: NodeState, partition: int, facts: TopicFacts) -> Marks:
    """What a worker knows of the partition: as before where partitions are the same, else the most of all."""
    own = state.parts if facts.partitions != len(state.parts) else (state.parts[partition],)
    begun = min((part.begun_ms for part in own if part.begun_ms), default=0)
    return Marks(max(part.watermark_ms for part in own), facts.topic_id, begun_ms=begun)


def rows_by_partition(folder: Path, node: Node, state: NodeState, partitions: int) -> list[Rows] | None:
    """The node's rows by new partition and ascending key; None where it keeps none."""
    stage = node.stage
    if stage is None:
        return None
    pieces: list[list[Rows]] = [[] for _ in range(partitions)]
    for part in state.parts:
        rows, places = read_part(folder, state, part, stage)
        if partitions == len(state.parts):
            pieces[part.partition].append(rows)
            continue
        for new, which in _targets(node, rows, places, part.partition, len(state.parts), partitions):
            pieces[new].append(rows[which])
    joined = [np.concatenate(found) if found else np.empty(0, stage.row) for found in pieces]
    return [rows[np.argsort(rows["key"], kind="stable")] for rows in joined]


def _targets(
    node: Node, rows: Rows, places: Places | None, was: int, before: int, now: int
) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """New partitions with the indices of the rows for each."""
    if node.source != ACCOUNT_EVENTS or places is None:
        assert node.stage is not None
        target = target_partitions(node.stage.placed_by(np.ascontiguousarray(rows["key"])), now)
        yield from ((new, np.flatnonzero(target == new)) for new in range(now))
        return
    # A number whose remainder by `before` is known has, by `now`, one that is the same by what divides both.
    shared = gcd(before, now)
    for new in range(now):
        known = (places != UNKNOWN) & (places % now == new)
        possible = (places == UNKNOWN) & (new % shared == was % shared)
        yield new, np.flatnonzero(known | possible)
