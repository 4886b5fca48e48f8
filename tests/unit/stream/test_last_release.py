"""A state that the last release left is gone on from: no reset, the same alerts, in a row that has grown too.

`golden/last_release.bin` is from `support/last_release.py`, run with that release: rows, commits, hop messages under
way and a model, and what that release made of the rest of the log.
"""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support.changelogs import feed
from support.last_release import PARTITIONS, State, go_on, read, rows_of
from support.nodes import TTL_MS, NodePartition, Nodes
from support.source_logs import TOPICS

from detector.artifact import unpack
from detector.core.chains import SOURCE_CHAIN
from detector.core.pipeline import Pipeline
from detector.core.row_versions import RowVersion
from detector.core.stage import HEADER, Chain, Stage
from detector.core.stages.source import SOURCE
from detector.core.topology import topology_of
from detector.errors import UserError
from detector.kafka.marks import decode_marks
from detector.ops.state_folder import NodeState, Part, read_part, write_part
from detector.ops.stored import Changelog
from detector.stream.changelog import Recovery
from detector.stream.processor import Processor, Wiring

STATE = read()
#: What says which rows they are.
_HEADER = np.dtype({"names": ["version", "kernel"], "formats": ["<u2", "<u4"], "offsets": [0, 4]})


def restored(state: State, chain: Chain) -> tuple[Nodes, dict[NodePartition, list[Any]], dict[NodePartition, int]]:
    """All partitions as this release restores them, the source records, and where each input goes on."""
    topology = topology_of(chain)
    wiring = Wiring(topology, unpack(state.model, chain), PARTITIONS, TOPICS)
    nodes = Nodes(wiring)
    sources: dict[NodePartition, list[Any]] = {}
    done: dict[NodePartition, int] = {}
    for part in state.parts:
        place, node, marks = (part.node, part.partition), topology.node(part.node), decode_marks(part.marks)
        rows = None
        if node.stage is not None:
            recovery = Recovery(node.stage)
            feed(recovery, part.rows)
            rows = recovery.rows
        at: dict[str, Any] = {"watermark_ms": marks.watermark_ms, "begun_ms": marks.begun_ms}
        pipeline = Pipeline(topology, node, wiring.model, ttl_ms=TTL_MS, rows=rows, **at)
        assert marks.fits(topology.upstreams_crc(node.name), len(topology.upstreams(node.name)) * PARTITIONS)
        nodes._processors[place] = Processor(wiring, part.partition, pipeline, wiring.marks(node, marks.high_water))
        log = [*[None] * part.offset, *(SimpleNamespace(**_fields(one)) for one in part.input)]
        (sources if node.source is not None else nodes.hops)[place] = log
        done[place] = part.offset
    return nodes, sources, done


def _fields(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


def expected_rows(chain: Chain) -> list[tuple[str, int, bytes]]:
    """The last release's rows at its end, as this one has them."""
    topology, found = topology_of(chain), []
    for node, partition, rows in STATE.rows:
        stage = topology.node(node).stage
        assert stage is not None
        version, kernel = np.frombuffer(rows, _HEADER, 1)[0].tolist() if rows else (stage.version, stage.kernel_hash)
        (kind,) = (kind for kind in stage.row_kinds if kind[:2] == (version, kernel))
        found.append((node, partition, stage.read_rows(rows, kind).tobytes()))
    return found


def test_a_state_of_the_last_release_is_gone_on_from_to_the_last_bit() -> None:
    nodes, sources, done = restored(STATE, SOURCE_CHAIN)
    assert STATE.alerts == go_on(nodes, sources, done)
    assert expected_rows(SOURCE_CHAIN) == rows_of(nodes)
    assert len(STATE.alerts) > 100
    assert sum(part.offset < len(nodes.hops.get((part.node, part.partition), ())) for part in STATE.parts) > 5


def test_a_row_that_has_grown_needs_no_reset() -> None:
    before = RowVersion(SOURCE.version, SOURCE.kernel_hash, SOURCE.row, {"grown": 7})
    fields = [(name, SOURCE.row[name]) for name in SOURCE.row.names or ()]
    row = np.dtype([*fields[: len(HEADER)], ("grown", "<u4", (2,)), *fields[len(HEADER) :]])
    grown = Stage(
        SOURCE.name, SOURCE.key, row, SOURCE.version + 1, SOURCE.kernel, SOURCE.features, SOURCE.reads,
        other_rows=(before,),
    )  # fmt: skip
    nodes, sources, done = restored(STATE, Chain((*SOURCE_CHAIN.stages[:2], grown)))
    assert STATE.alerts == go_on(nodes, sources, done)
    kept = [name for name in SOURCE.row.names or () if name not in {"version", "kernel"}]
    for (node, partition, expected), (*_, got) in zip(expected_rows(SOURCE_CHAIN), rows_of(nodes), strict=True):
        if node == SOURCE.name:
            was, now = np.frombuffer(expected, SOURCE.row), np.frombuffer(got, row)
            assert all(was[name].tobytes() == now[name].tobytes() for name in kept), partition
            assert {grown.version} == set(now["version"].tolist())
            assert 7 in now["grown"]
        else:
            assert expected == got


def test_a_state_that_the_last_release_exported_is_imported_and_its_changelogs_are_shown(tmp_path: Path) -> None:
    expected = {(node, partition): rows for node, partition, rows in expected_rows(SOURCE_CHAIN)}
    seen = set()
    for node, partition, rows in STATE.rows:
        stage = topology_of(SOURCE_CHAIN).node(node).stage
        assert stage is not None
        kind = (
            *np.frombuffer(rows, _HEADER, 1)[0].tolist(),
            len(rows) // (len(expected[node, partition]) // stage.row.itemsize),
        )
        exported = np.frombuffer(rows, np.dtype(f"V{kind[2]}"))
        part = Part(partition, 0, 0, 0, 0, len(exported), 0, write_part(tmp_path, node, partition, exported, None))
        found, _ = read_part(tmp_path, NodeState(node, "", "", kind, (part,)), part, stage)
        assert expected[node, partition] == found.tobytes()
        log = Changelog()
        for number, row in enumerate(exported):
            log.feed(number.to_bytes(16, "little"), row.tobytes())
        assert log.loads(stage)
        seen.add((node, kind[0], stage.version))
    assert {("account", 3, 4), ("wallet", 2, 3), ("source", 2, 2), ("cases", 2, 2)} == seen


def test_a_model_whose_stage_means_something_else_is_refused() -> None:
    with pytest.raises(UserError, match="made for version 1 of the features of stage source"):
        unpack(STATE.model, Chain((*SOURCE_CHAIN.stages[:2], replace(SOURCE, features_version=2))))
