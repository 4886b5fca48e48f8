"""Fill an empty deployment from a history: rows as if a worker had read it, so that its alerts mean something."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from detector.core.rows import Rows
from detector.core.stage import BEFORE
from detector.core.topology import Topology
from detector.errors import UserError
from detector.jst import DAY_MS
from detector.kafka.clients import admin_client
from detector.kafka.groups import require_no_members
from detector.kafka.marks import encode_marks
from detector.kafka.topics import TopicFacts, check, inspect
from detector.ops.history import History, Slice
from detector.ops.log_begins import begins_ms, check_partitions, first_events
from detector.ops.reset import Start, reset
from detector.ops.state import State, input_facts, show
from detector.ops.topic_log import TopicLog
from detector.ops.verdicts import GOOD, HALF_WARM
from detector.ops.write_state import Progress, Share, write
from detector.settings import Settings
from detector.stream.changelog import Header

#: Gives the slices of the history for so many partitions.
Read = Callable[[int], Iterable[Slice]]


@dataclass(frozen=True, slots=True)
class StageFill:
    """What a node gets: rows by partition (none where it keeps none of a history), and where its reading begins."""

    stage: str
    topic: str
    is_source: bool
    rows: dict[int, int]
    begin_at: dict[int, int]


@dataclass(frozen=True, slots=True)
class Fill:
    """What filling does: events of the history played, and left out because the log has them; times in epoch ms."""

    group: str
    events: int
    left_out: int
    first_ms: int
    last_ms: int
    again: bool  # what an interrupted one left is removed first
    stages: tuple[StageFill, ...]

    @property
    def days(self) -> float:
        """Days that the history spans."""
        return (self.last_ms - self.first_ms) / DAY_MS


class Found(NamedTuple):
    """The topics of a deployment that may be filled; `again`: an interrupted filling left something."""

    facts: Mapping[str, TopicFacts]
    bounds: Mapping[TopicPartition, tuple[int, int]]
    again: bool


def warm(settings: Settings, topology: Topology, read: Read, to: Start, progress: Progress, *, yes: bool) -> Fill:
    """Fill the deployment from the history that `read` gives; without `yes` only play it, and change nothing.

    Raises UserError where the deployment has members, rows or events read already, where topics are missing, where
    keys lie in other partitions than the contract's, and where no event of the history is before the log.
    """
    found = look(settings)
    partitions = found.facts[settings.account_events].partitions
    firsts = first_events(settings, topology, found.bounds)
    check_partitions(firsts, partitions)
    begins = begins_ms(firsts, partitions, reads=to == "earliest")
    history = History(topology, begins, partitions=partitions, ttl_ms=settings.ttl_days * DAY_MS)
    for part in read(partitions):
        history.play(part)
    if not history.played:
        raise UserError(
            f"none of the {history.left_out} events of the history is older than the log: nothing to fill from, let a"
            " worker read the log from its beginning"
        )
    return _finish(settings, topology, history, found, to, {}, progress, yes=yes)


def warm_from_topics(
    settings: Settings, topology: Topology, told: Progress, progress: Progress, *, yes: bool
) -> tuple[Fill, int]:
    """Fill the deployment from the source topics themselves, up to the end they have now, where a worker goes on; the
    number of records that are no events too. `told` is called as they are read. Raises UserError as `warm` does.
    """
    found = look(settings)
    partitions = found.facts[settings.account_events].partitions
    check_partitions(first_events(settings, topology, found.bounds), partitions)
    never = begins_ms([], partitions, reads=False)
    history = History(topology, never, partitions=partitions, ttl_ms=settings.ttl_days * DAY_MS)
    log = TopicLog(settings, topology)
    for part in log.parts(told):
        history.play(Slice(part.batch, part.partition))
    if not history.played:
        raise UserError("the source topics have no event: nothing to fill from")
    return _finish(settings, topology, history, found, "latest", log.ends, progress, yes=yes), log.unreadable


def _finish(
    settings: Settings,
    topology: Topology,
    history: History,
    found: Found,
    to: Start,
    ends: Mapping[TopicPartition, int],
    progress: Progress,
    *,
    yes: bool,
) -> Fill:
    """Write what was played. `ends`: where reading begins in source topics, if not where `to` says."""
    again = found.again
    if yes and again:
        reset(settings, to)
        found = look(settings)
    begins = {**begin_at(settings, topology, found.bounds, to), **ends}
    shares = shares_of(settings, topology, history, found.facts, begins)
    if yes:
        asyncio.run(write(settings, shares, progress))
    return _fill(settings, topology, history, shares, again=again)


def look(settings: Settings) -> Found:
    """What is there. Raises UserError where the deployment has members or is not empty, where topics are missing."""
    facts = inspect(settings)
    source = input_facts(settings, facts)
    check(settings.model_copy(update={"partitions": source.partitions}), facts)
    with admin_client(settings) as client:
        require_no_members(client, settings.group)
    state = show(settings)
    again = HALF_WARM in state.verdicts
    if not again:
        _refuse_used(settings, state)
    bounds = {
        TopicPartition(stage.topic, part.partition): (part.log_start, part.log_end)
        for stage in state.stages
        for part in stage.partitions
    }
    return Found(facts, bounds, again)


def _refuse_used(settings: Settings, state: State) -> None:
    """Raise UserError where anything was made of events already: rows, marks, messages in a hop."""
    hops = {settings.hop_topic(stage.stage) for stage in state.stages}
    for stage in state.stages:
        for part in stage.partitions:
            waits = part.log_end - part.log_start if stage.topic in hops else 0
            if part.rows or part.watermark_ms or waits or part.verdict not in GOOD:
                raise UserError(
                    f"deployment {settings.deployment} is not empty (stage {stage.stage}, partition {part.partition}:"
                    f" {part.rows} rows, {waits} messages, {part.verdict}): begin anew with `kozamori state reset`,"
                    " then fill it"
                )


def begin_at(
    settings: Settings, topology: Topology, bounds: Mapping[TopicPartition, tuple[int, int]], to: Start
) -> dict[TopicPartition, int]:
    """Where a worker will begin, of every input partition: hops are empty, so that both ends are one there."""
    topics = {settings.input_topic(node) for node in topology.nodes}
    return {tp: found[to == "latest"] for tp, found in bounds.items() if tp.topic in topics}


def shares_of(
    settings: Settings,
    topology: Topology,
    history: History,
    facts: Mapping[str, TopicFacts],
    begins: Mapping[TopicPartition, int],
) -> list[Share]:
    """What is written for every input partition of the topology, in the order of its nodes.

    What lies behind the chain, cases and a controller, is left new: it gets a header, no rows and no commit.
    """
    filled = {stage.name for stage in topology.chain.stages}
    shares = []
    for node in topology.nodes:
        source = facts[settings.input_topic(node)]
        rows = history.rows(node.name) if node.name in filled else None
        for partition in range(source.partitions):
            place = TopicPartition(source.name, partition)
            header = None if node.stage is None else Header(place.topic, source.topic_id, source.partitions, node.name)
            commit = None
            if node.stage is None or rows is not None:
                marks = encode_marks(history.marks(node.name, source.topic_id))
                commit = OffsetAndMetadata(begins[place], marks, -1)
            own = None if rows is None else as_before(rows[partition], begins[place])
            shares.append(Share(place, settings.rows_topic(node.name), header, own, commit))
    return shares


def as_before(rows: Rows, offset: int) -> Rows:
    """The rows as of before any event at `offset` of their input, so that none looks like one that was met before."""
    rows["last_offset"], rows["last_index"] = offset, BEFORE
    return rows


def _fill(settings: Settings, topology: Topology, history: History, shares: Sequence[Share], *, again: bool) -> Fill:
    stages = []
    for node in topology.nodes:
        own = [share for share in shares if share.place.topic == settings.input_topic(node)]
        rows = {share.place.partition: share.size for share in own}
        begins = {share.place.partition: share.commit.offset for share in own if share.commit is not None}
        stages.append(StageFill(node.name, settings.input_topic(node), node.source is not None, rows, begins))
    counts = history.played, history.left_out, history.first_ms, history.last_ms
    return Fill(settings.group, *counts, again, tuple(stages))
