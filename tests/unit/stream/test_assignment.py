"""How a worker takes up its partitions: Kafka is asked for all of them at once."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from aiokafka.structs import OffsetAndMetadata
from faust.types import TP
from support.protocol.bus import SETTINGS
from support.protocol.fake_ports import FakeProducer, FakeReader, FakeSource, FakeTopics, Here
from support.protocol.scenes import AlertsOnAll, counting_topology
from support.shells import Backend

from detector.core.topology import Node
from detector.jst import DAY_MS
from detector.kafka.marks import Marks, encode_marks
from detector.kafka.topics import TopicFacts
from detector.stream.assignment import Assignment
from detector.stream.changelog import Header, encode_header
from detector.stream.ports import Ports
from detector.stream.processor import Wiring

PARTITIONS = 12


class Counting(FakeSource):
    """Counts what it is asked."""

    def __init__(self, backend: Any) -> None:
        super().__init__(backend)
        self.asked: Counter[str] = Counter()

    async def end_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        self.asked["ends"] += 1
        return await super().end_offsets(*partitions)

    async def committed(self, partitions: set[TP]) -> Mapping[TP, OffsetAndMetadata]:
        self.asked["commits"] += 1
        return await super().committed(partitions)


def made(committed: int) -> tuple[Assignment, Counting, dict[TP, Node]]:
    """An assignment of the first node's partitions, each committed to an offset of its own."""
    topology, backend = counting_topology(), Backend()
    node = topology.nodes[0]
    assigned = {TP(SETTINGS.input_topic(node), part): node for part in range(PARTITIONS)}
    backend.ends = dict.fromkeys(assigned, (0, 10_000))
    marks = encode_marks(Marks(1_598_936_706_000, "id"))
    backend.commits = {tp: (committed + tp.partition, marks) for tp in assigned}
    backend.changelogs = {
        (SETTINGS.rows_topic(node.name), tp.partition): [encode_header(Header(tp.topic, "id", PARTITIONS, node.name))]
        for tp in assigned
    }
    source, model = Counting(backend), AlertsOnAll(1)
    topics = FakeTopics(backend)
    ports = Ports(source, FakeProducer(backend), FakeReader(backend), topics, Here(), lambda: 0.0, lambda: 1)
    names = SETTINGS.input_topic(node), SETTINGS.rows_topic(node.name)
    facts = {name: TopicFacts(name, "id", PARTITIONS, 1, {}) for name in names}
    wiring = Wiring(topology, model, PARTITIONS, (SETTINGS.account_events, SETTINGS.wallet_events))  # type: ignore[arg-type]
    return Assignment(SETTINGS, wiring, facts, ports), source, assigned


async def test_ends_and_commits_of_all_partitions_are_asked_for_once() -> None:
    assignment, source, assigned = made(committed=40)
    tasks = await assignment.begin(assigned, lambda: None)
    assert [40 + part for part in range(PARTITIONS)] == [task.committed for task in tasks]
    assert {"ends": 1, "commits": 1} == source.asked


@pytest.mark.parametrize(("most_ms", "expected"), [({}, SETTINGS.ttl_days * DAY_MS), ({"counting": 7}, 7)])
async def test_rows_of_a_task_are_kept_as_the_setting_and_the_stage_say(
    most_ms: dict[str, int], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.core.expiry.MOST_MS", most_ms)
    assignment, _, assigned = made(committed=40)
    (first, *_) = await assignment.begin(assigned, lambda: None)
    assert expected == first.pipeline.ttl_ms
