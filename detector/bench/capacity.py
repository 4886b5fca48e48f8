"""What a deployment needs for a rate of events: from figures of benches, and sizes that are measured here and now.

Sizes come from simulated events that are played through the nodes in memory, their hop messages encoded as a worker
does. Speeds come from reports of `kozamori bench stream --json` and `bench recover --json`, or are given.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa

from detector.contract.texts import Strings, Texts
from detector.core.memory import MemoryRun
from detector.core.pipeline import Outcome
from detector.core.stage import Chain
from detector.core.topology import Topology, topology_of
from detector.errors import UserError
from detector.jst import DAY_MS
from detector.kafka.declarations import TOPICS
from detector.settings import Settings
from detector.stream.hop_codec import HopCodec
from detector.stream.pairs import KEY
from producers.batches import Which, to_batches
from producers.messages import values_of
from producers.scenarios import SCENARIOS, sized
from producers.simulation import tables

#: Enough that a month's ratio of wallets and sources to accounts shows; played in a few seconds.
EVENTS = 20_000
#: As a worker has it at some thousand events a second; messages of fewer events are larger.
CHUNK = 2_048
#: Of a segment that is read, and the one being written.
HOP_SEGMENTS = 2
MB, GB = 1e6, 1e9
#: The contestant of `bench stream` that has a chain of so many stages.
CONTESTANTS = {1: "worker", 2: "worker_wallets", 3: "worker_sources"}


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of an event and of its messages in all hops; rows an account, and bytes of a row, by stage."""

    event_bytes: float
    hop_bytes: float
    rows_per_account: dict[str, float]
    row_bytes: dict[str, int]

    @property
    def state_bytes(self) -> float:
        """Bytes of an account's rows of all stages, in memory or in a changelog."""
        return sum(self.rows_per_account[name] * size for name, size in self.row_bytes.items())


@dataclass(frozen=True, slots=True)
class Speeds:
    """Of one process: events and restored rows a second, and its memory without rows, bytes."""

    events_per_s: float
    rows_per_s: float
    process_bytes: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be run: at most `busy` of what the processes can do is used, the rest is for peaks and catching up."""

    rate: float
    accounts: int
    replication: int
    standby_replicas: int
    busy: float


def sizes_of(chain: Chain, events: int = EVENTS) -> Sizes:
    """Measure the sizes for a chain of stages, on about so many simulated events."""
    topology = topology_of(chain, campaigns=True)
    run = MemoryRun(topology, None, ttl_ms=400 * DAY_MS)
    codecs = {node.name: HopCodec(topology, node.name, None, 1) for node in topology.nodes if node.source is None}
    which: Which = "all" if chain.reads_wallet_events else "account"
    played = event_bytes = hop_bytes = row = 0
    for table, _ in tables(sized(SCENARIOS["ghost-wallets"], events)):
        event_bytes += sum(map(len, values_of(table)))
        played += table.num_rows
        texts = _strings(table)
        for batch in to_batches(table, CHUNK, first_row=row, which=which):
            outcomes = run.process(batch, texts.select(batch.offset - row)).outcomes.values()
            hop_bytes += sum(_sent_bytes(outcome, codecs) for outcome in outcomes)
        row += table.num_rows
    rows = {stage.name: run.pipelines[stage.name].rows.count for stage in chain.stages}
    first = rows[chain.stages[0].name]
    return Sizes(
        event_bytes / played,
        hop_bytes / played,
        {name: found / first for name, found in rows.items()},
        {stage.name: stage.row.itemsize + KEY.itemsize for stage in chain.stages},
    )


def _strings(table: pa.Table) -> Strings:
    """Those of each row; "" for a field that its kind does not have, and for services, which all have a code."""
    columns = {name: table[name].to_pylist() for name in ("event_id", "account", "wallet")}
    texts = {name: Texts.of([value or "" for value in values]) for name, values in columns.items()}
    return Strings(**texts, service=Texts.of([""] * table.num_rows))


def _sent_bytes(outcome: Outcome, codecs: Mapping[str, HopCodec]) -> int:
    return sum(
        len(message)
        for target, which in outcome.sent
        for _, message in codecs[target].encode(0, outcome.events, which, np.zeros(len(which), np.uint64))
    )


def speeds_of(stream: Mapping[str, Any], recover: Mapping[str, Any], chain: Chain) -> Speeds:
    """From the reports of both benches; UserError where the chain's worker was not measured."""
    name = CONTESTANTS[len(chain.stages)]
    found = [result["events_per_s"] for result in stream.get("results", ()) if result["name"] == name]
    if not found or not {"rows_per_s", "rss_mb", "rows", "row_bytes"} <= set(recover):
        raise UserError(
            f"a report lacks what is asked of it: run `kozamori bench stream --only {name} --json` and `kozamori bench"
            " recover --json`, and give their output"
        )
    rows = recover["rows"] * (recover["row_bytes"] + KEY.itemsize)
    return Speeds(found[0], recover["rows_per_s"], recover["rss_mb"] * MB - rows)


def capacity(wanted: Wanted, sizes: Sizes, speeds: Speeds, topology: Topology) -> dict[str, float]:
    """What is needed, by name; the names say units."""
    processes = max(2, ceil(wanted.rate / wanted.busy / speeds.events_per_s))  # one may fail
    partitions = 1 << ceil(np.log2(2 * processes))  # the upper bound of processes, and twice of them in some years
    rows = wanted.accounts * sum(sizes.rows_per_account.values())
    state = wanted.accounts * sizes.state_bytes
    read = wanted.rate * (sizes.event_bytes + sizes.hop_bytes)
    written = read + wanted.rate * _written_bytes(sizes)
    hops = sum(node.source is None for node in topology.nodes) * partitions * HOP_SEGMENTS * _of("hop", "segment.bytes")
    changelogs = state / (1 - float(_of("rows", "min.cleanable.dirty.ratio")))
    kept = wanted.rate * sizes.event_bytes * _of("account-events", "retention.ms") / 1000
    return {
        "processes": processes,
        "partitions": partitions,
        "memory_gb_each": (speeds.process_bytes + state * (1 + wanted.standby_replicas) / processes) / GB,
        "restore_s": rows / processes / speeds.rows_per_s,
        "disk_gb": (kept + changelogs + hops) * wanted.replication / GB,
        "network_in_mb_per_s": written * wanted.replication / MB,
        "network_out_mb_per_s": (read + wanted.rate * _written_bytes(sizes) * wanted.standby_replicas) / MB,
    }


def _written_bytes(sizes: Sizes) -> float:
    """Of an event's rows, one of each stage: at most, as a row that changes twice in a checkpoint is written once."""
    return float(sum(sizes.row_bytes.values()))


def _of(topic: str, name: str) -> float:
    """A number in the declaration of a topic, or of the first of its kind."""
    for declared in TOPICS:
        if topic in declared.name(Settings()) and name in declared.config:
            return float(declared.config[name])
    raise KeyError(f"{topic} {name}")
