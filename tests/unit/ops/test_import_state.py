"""Rows of an exported state among other partitions: where their events will be, in every stage."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from kafka import TopicPartition
from kafka.partitioner.default import murmur2
from kafka.structs import OffsetAndMetadata
from support.chains import Sourced, mixed_records, model_of
from support.hops import record
from support.nodes import TTL_MS, Nodes
from support.source_logs import TOPICS

from detector.contract.hashing import hash64_many
from detector.core.chains import SOURCE_CHAIN
from detector.core.pipeline import Pipeline
from detector.core.rows import PackedRows
from detector.core.stages.account import ACCOUNT
from detector.core.topology import topology_of
from detector.errors import UserError
from detector.kafka.marks import Marks, encode_marks
from detector.ops.export_state import check_rest
from detector.ops.import_state import marks_of, rows_by_partition, same_topic
from detector.ops.state import TOPOLOGY
from detector.ops.state_folder import UNKNOWN, NodeState, Part, write_part
from detector.ops.warm import as_before
from detector.settings import Settings
from detector.stream.high_water import MAX_EVENTS
from detector.stream.processor import ALERTS, Processor, Wiring

ACCOUNTS = [f"{number:016x}" for number in range(200)]
HASHES = hash64_many(ACCOUNTS)
EVENTS = 1_200


def place_of(account: str) -> int:
    return int(murmur2(account.encode()) & 0x7FFFFFFF)


def state_of(folder: Path, node: Any, rows: list[Any], known: dict[int, int], marks: list[Marks]) -> NodeState:
    """As an export leaves it; `known` has where accounts lie, by key."""
    parts = []
    for partition, (kept, at) in enumerate(zip(rows, marks, strict=True)):
        places = np.array([known.get(key, UNKNOWN) for key in kept["key"].tolist()], np.int32)
        files = write_part(folder, node.name, partition, kept, places if node.source is not None else None)
        parts.append(Part(partition, 0, 0, at.watermark_ms, at.begun_ms, len(kept), 0, files))
    stage = node.stage
    return NodeState(node.name, "t", "id", (stage.version, stage.kernel_hash, stage.row.itemsize), tuple(parts))


@pytest.mark.parametrize(("was", "now"), [(4, 8), (4, 6), (4, 3), (2, 4), (4, 2)])
def test_an_account_lies_where_its_events_go_and_one_not_known_wherever_it_may_be(
    tmp_path: Path, was: int, now: int
) -> None:
    known = {int(key): place_of(account) for key, account in zip(HASHES, ACCOUNTS, strict=True)}
    rows = []
    for partition in range(was):
        own = np.zeros(len([a for a in ACCOUNTS if place_of(a) % was == partition]), ACCOUNT.row)
        own["key"] = [key for key, place in known.items() if place % was == partition]
        own["version"], own["kernel"] = ACCOUNT.version, ACCOUNT.kernel_hash
        rows.append(own)
    forgotten = set(list(known)[::5])
    told = {key: place for key, place in known.items() if key not in forgotten}
    node = TOPOLOGY.nodes[0]
    found = rows_by_partition(tmp_path, node, state_of(tmp_path, node, rows, told, [Marks()] * was), now)
    assert found is not None
    where: dict[int, set[int]] = {}
    for partition, kept in enumerate(found):
        assert kept["key"].tolist() == sorted(kept["key"].tolist())
        for key in kept["key"].tolist():
            where.setdefault(key, set()).add(partition)
    shared = np.gcd(was, now)
    assert {key: {place % now} for key, place in told.items()} == {key: where[key] for key in told}
    assert {key: {new for new in range(now) if new % shared == known[key] % shared} for key in forgotten} == {
        key: where[key] for key in forgotten
    }


def one_by_one(nodes: Nodes, records: tuple[Sourced, ...]) -> list[bytes]:
    """Every record with all that comes of it, so that there is one order; the alerts."""
    names = {node.source: node.name for node in nodes.wiring.topology.nodes}
    for source, partition, one in records:
        for _ in nodes.follow(names[source], partition, [one]):
            pass
    return [output.value for output in nodes.outputs if output.topic == ALERTS]


def content(alert: bytes) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(alert)
    return {name: value for name, value in found.items() if name not in {"alert_id", "case_id", "position"}}


def by_key(nodes: Nodes, name: str) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for rows in nodes.rows(name):
        kept = rows.copy()
        for field in ("last_offset", "last_index", *(["origin", "origin_offset"] if name == "cases" else [])):
            kept[field] = 0
        found |= {int(row["key"]): row.tobytes() for row in kept}
    return found


def test_all_stages_go_on_in_other_partitions_as_in_one_run(tmp_path: Path) -> None:
    model, topology = model_of(SOURCE_CHAIN), topology_of(SOURCE_CHAIN)
    was, now, half = 2, 3, EVENTS // 2
    whole = Nodes(Wiring(topology, model, 1, TOPICS))
    expected = one_by_one(whole, mixed_records(EVENTS, 1))
    before = Nodes(Wiring(topology, model, was, TOPICS))
    first = one_by_one(before, mixed_records(EVENTS, was)[:half])
    accounts = {one.record.key.decode() for one in mixed_records(EVENTS, was) if one.source == 0}
    known = dict(zip(hash64_many(list(accounts)).tolist(), map(place_of, accounts), strict=True))

    after = Nodes(Wiring(topology, model, now, TOPICS))
    for node in topology.nodes:
        pipelines = [before.processor(node.name, part).pipeline for part in range(was)]
        marks = [Marks(one.watermark_ms, "id", begun_ms=one.begun_ms) for one in pipelines]
        if node.stage is None:
            continue
        state = state_of(tmp_path, node, before.rows(node.name), known, marks)
        rows = rows_by_partition(tmp_path, node, state, now)
        assert rows is not None
        facts: Any = type("Facts", (), {"partitions": now, "topic_id": "new"})
        at = marks_of(state, 0, facts)
        for partition in range(now):
            packed = PackedRows(node.stage.row)
            packed.load(as_before(rows[partition], 0))
            more: dict[str, Any] = {"watermark_ms": at.watermark_ms, "begun_ms": at.begun_ms}
            pipeline = Pipeline(topology, node, model, ttl_ms=TTL_MS, rows=packed, **more)
            after._processors[node.name, partition] = Processor(
                after.wiring, partition, pipeline, after.wiring.marks(node)
            )
    # Offsets begin at 0 again, as in new topics.
    second = one_by_one(after, renumbered(mixed_records(EVENTS, now)[half:]))
    assert [content(alert) for alert in expected] == [content(alert) for alert in [*first, *second]]
    assert min(len(first), len(second)) > 10
    for name in ("account", "wallet", "source", "cases"):
        assert by_key(whole, name) == by_key(after, name)


def renumbered(records: tuple[Sourced, ...]) -> tuple[Sourced, ...]:
    ends: dict[tuple[int, int], int] = {}
    found = []
    for source, partition, one in records:
        offset = ends.get((source, partition), 0)
        ends[source, partition] = offset + 1
        found.append(Sourced(source, partition, record(one.value, offset, one.key, one.timestamp)))
    return tuple(found)


SETTINGS = Settings()
HOP, READ = SETTINGS.hop_topic("wallet"), 5


def commits(mark: int) -> dict[TopicPartition, OffsetAndMetadata]:
    """Of a worker of the account and wallet stages, with a mark of the first upstream partition."""
    crc = topology_of(SOURCE_CHAIN).upstreams_crc("wallet")
    marks = encode_marks(Marks(1, "id", (mark, -1), crc))
    found = {TopicPartition(HOP, 0): OffsetAndMetadata(7, marks, -1)}
    return found | {
        TopicPartition(topic, 0): OffsetAndMetadata(READ, encode_marks(Marks(1, "id")), -1)
        for topic in (SETTINGS.account_events, SETTINGS.wallet_events)
    }


def bounds(end: int) -> dict[TopicPartition, tuple[int, int]]:
    topics = [SETTINGS.input_topic(node) for node in TOPOLOGY.nodes]
    return {TopicPartition(topic, 0): (0, end if topic == HOP else 0) for topic in topics}


def test_a_hop_that_is_read_and_has_met_nothing_beyond_the_commits_is_at_rest() -> None:
    check_rest(SETTINGS, commits(READ * MAX_EVENTS - 1), bounds(7), 1)


@pytest.mark.parametrize(
    ("mark", "end", "said"),
    [
        (READ * MAX_EVENTS, 7, "has met events that partition 0 of account-events has not committed"),
        (READ * MAX_EVENTS - 1, 8, "stage wallet, partition 0 has 1 messages unread"),
    ],
)
def test_what_a_killed_worker_left_is_not_at_rest(mark: int, end: int, said: str) -> None:
    with pytest.raises(UserError, match=said):
        check_rest(SETTINGS, commits(mark), bounds(end), 1)


def part_of(partition: int, unread: int) -> Part:
    return Part(partition, 40, unread, 1, 1, 0, 0, {})


def test_in_the_same_topic_workers_go_on_at_the_commits_and_begin_new_partitions() -> None:
    state = NodeState("account", "t", "id", (0, 0, 0), (part_of(0, 3), part_of(1, 0)))
    places = [TopicPartition("t", number) for number in range(4)]
    read = NodeState("account", "t", "id", (0, 0, 0), (part_of(0, 0), part_of(1, 0)))
    bounds = dict.fromkeys(places, (7, 50))
    assert [40, 40] == list(same_topic(state, places[:2], bounds).values())
    assert [40, 40, 7, 7] == list(same_topic(read, places, bounds).values())
    with pytest.raises(UserError, match="has 4 partitions, it had 2 when the state was exported with 3 events unread"):
        same_topic(state, places, bounds)
