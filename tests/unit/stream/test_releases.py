"""Two releases in one group: partitions go from one to the other and back, and the alerts are those of one alone.

The coming release has one more field in a row, and one more feature before the others, that is new to the model.
`KOZAMORI_RELEASE_EVENTS` sets the number of events (1,200 by default).
"""

import os
import random
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numba import njit
from support.chains import draft_of, mixed_records
from support.changelogs import feed
from support.nodes import TTL_MS, NodePartition, Nodes
from support.source_logs import TOPICS

from detector.artifact import pack, unpack
from detector.core.admission import APPLY_FRESH
from detector.core.pipeline import Pipeline
from detector.core.row_versions import RowVersion
from detector.core.stage import HEADER, Chain, Feature, Stage
from detector.core.stages.account import ACCOUNT
from detector.core.stages.wallet import WALLET
from detector.core.topology import topology_of
from detector.errors import UserError
from detector.stream.changelog import Recovery, encode_rows
from detector.stream.processor import ALERTS, Processor, Wiring

EVENTS = int(os.environ.get("KOZAMORI_RELEASE_EVENTS", "1200"))
PARTITIONS, WINDOW = 2, 20
#: Of a run, about: partitions that go to the other release, a fourth for each of four logs.
MOVES = 200 / 4
pytestmark = pytest.mark.timeout(120 + EVENTS / 50)

ROW_NOW = np.dtype([*HEADER, ("debits", "<i4")])
ROW_COMING = np.dtype([*HEADER, ("yen", "<i4"), ("debits", "<i4")])
UNKNOWN = -1


@njit
def _count(
    rows: Any, row_ids: Any, status: Any, batch: Any, start: int, stop: int, X: Any, facts: Any
) -> None:  # pragma: no cover - compiled
    for i in range(start, stop):
        if status[i] <= APPLY_FRESH:
            row = rows[row_ids[i]]
            if status[i] == APPLY_FRESH:
                row.debits = 0
            row.debits += batch.amount_yen[i] > 0
            X[i].toy_debits = row.debits


@njit
def _count_and_sum(
    rows: Any, row_ids: Any, status: Any, batch: Any, start: int, stop: int, X: Any, facts: Any
) -> None:  # pragma: no cover - compiled
    for i in range(start, stop):
        if status[i] <= APPLY_FRESH:
            row = rows[row_ids[i]]
            if status[i] == APPLY_FRESH:
                row.debits, row.yen = 0, 0
            row.debits += batch.amount_yen[i] > 0
            row.yen = max(row.yen, 0) + max(batch.amount_yen[i], 0)
            X[i].toy_yen = row.yen
            X[i].toy_debits = row.debits


def feature(name: str) -> Feature:
    return Feature(name, name, "count", 1, ("link", "debit"), "{value}, usually {usual}", "{value}")


READS = frozenset({"wallet", "amount_yen"})
NOW = Stage("toy", "wallet", ROW_NOW, 1, _count, (feature("toy_debits"),), READS)
COMING = Stage("toy", "wallet", ROW_COMING, 2, _count_and_sum, (feature("toy_yen"), feature("toy_debits")), READS)


def releases() -> tuple[Stage, Stage]:
    """The release of now, which knows what comes, and the coming one, which knows what was."""
    coming = RowVersion(2, COMING.kernel_hash, ROW_COMING)
    before = RowVersion(1, NOW.kernel_hash, ROW_NOW, {"yen": UNKNOWN})
    return replace(NOW, other_rows=(coming,)), replace(COMING, other_rows=(before,))


@cache
def wirings() -> tuple[Wiring, ...]:
    """Of both releases, with the model that the first one was trained."""
    files = pack(draft_of(Chain((ACCOUNT, WALLET, NOW))))
    chains = [Chain((ACCOUNT, WALLET, toy)) for toy in releases()]
    return tuple(Wiring(topology_of(chain), unpack(files, chain), PARTITIONS, TOPICS) for chain in chains)


class Group(Nodes):
    """Every partition is with one release at a time; `hand_over` restores it from its changelog at the other."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__(wirings()[0])
        self.moved: list[tuple[str, int]] = []
        self._draw = draw
        self._release: dict[NodePartition, int] = {}

    def hand_over(self) -> None:
        """One partition that there is goes to the other release."""
        place = self._draw.choice(sorted(self._processors))
        old, release = self._processors[place], 1 - self._release.get(place, 0)
        wiring = wirings()[release]
        node, before = wiring.topology.node(place[0]), old.pipeline
        rows = None
        if node.stage is not None:
            recovery = Recovery(node.stage)
            records = list(encode_rows(before.rows.snapshot(), 7))
            feed(recovery, records)
            rows = recovery.rows
        marks = wiring.marks(node, old.marks.marks.tolist())
        state: dict[str, Any] = {"watermark_ms": before.watermark_ms, "begun_ms": before.begun_ms}
        pipeline = Pipeline(wiring.topology, node, wiring.model, ttl_ms=TTL_MS, rows=rows, **state)
        self._processors[place] = Processor(wiring, place[1], pipeline, marks)
        self._release[place] = release
        self.moved.append((place[0], release))


def played(group: Group, *, moves: bool) -> Group:
    """The log chunk by chunk, every message at once where it goes."""
    names = {node.source: node.name for node in group.wiring.topology.nodes}
    records = mixed_records(EVENTS, PARTITIONS)
    draw = random.Random(3)
    for start in range(0, len(records), WINDOW):
        window = records[start : start + WINDOW]
        for source, partition in sorted({(one.source, one.partition) for one in window}):
            if moves and group._processors and draw.random() < MOVES * WINDOW / len(records):
                group.hand_over()
            chunk = [one.record for one in window if (one.source, one.partition) == (source, partition)]
            for _ in group.follow(names[source], partition, chunk):
                pass
    return group


def rows_by_name(group: Group, name: str) -> dict[int, tuple[object, ...]]:
    kept = [field for field in (NOW.row.names or ()) if field not in {"version", "kernel"}]
    fields = kept if name == "toy" else [f for f in group.rows(name)[0].dtype.names if f not in {"version", "kernel"}]
    return {
        int(row["key"]): tuple(row[field].tobytes() for field in fields) for rows in group.rows(name) for row in rows
    }


def test_two_releases_in_one_group_raise_the_alerts_of_one_alone() -> None:
    alone = played(Group(random.Random(1)), moves=False)
    mixed = played(Group(random.Random(1)), moves=True)
    expected = [output.value for output in alone.outputs if output.topic == ALERTS]
    assert expected == [output.value for output in mixed.outputs if output.topic == ALERTS]
    for name in ("account", "wallet", "toy", "cases"):
        assert rows_by_name(alone, name) == rows_by_name(mixed, name)
    assert len(expected) > 10
    assert {("toy", 0), ("toy", 1), ("account", 0), ("cases", 1)} <= set(mixed.moved)
    # Neither release knows the other's topology by number.
    assert {b"KZH3"} == {message.value[:4] for messages in mixed.hops.values() for message in messages}
    print(f"{EVENTS:,} events, {len(mixed.moved):,} partitions moved, {len(expected):,} alerts")


def test_a_row_of_a_version_that_the_release_does_not_know_is_refused_in_one_line() -> None:
    rows = np.zeros(1, ROW_COMING)
    rows["version"], rows["kernel"] = COMING.version, COMING.kernel_hash
    (key, value), *_ = encode_rows(rows, 7)
    with pytest.raises(UserError, match=r"rows of stage toy have version 2, this release reads 1: run a release"):
        feed(Recovery(NOW), [(key, value)])
