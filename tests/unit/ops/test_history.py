"""A worker over the rows of a history says of later events, to the last bit, what one run over both says."""

from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from kafka import TopicPartition
from support.chains import Sourced, model_of, one_log
from support.changelogs import feed
from support.hops import record, simulated
from support.nodes import TTL_MS, Nodes
from support.source_logs import TOPICS

from detector.contract.vocabulary import ACCOUNT_EVENTS, WALLET_EVENTS
from detector.core.chains import CHAINS
from detector.core.memory import MemoryRun
from detector.core.model import Model
from detector.core.stage import BEFORE, Chain
from detector.core.topology import Topology, topology_for
from detector.jst import DAY_MS
from detector.kafka.marks import decode_marks
from detector.kafka.topics import TopicFacts
from detector.ops.history import NEVER_MS, History, Slice
from detector.ops.warm import shares_of
from detector.ops.write_state import Share
from detector.settings import Settings
from detector.stream.changelog import Recovery, encode_rows
from detector.stream.processor import Wiring
from producers.batches import to_batches
from producers.partitions import event_partitions
from producers.publish import messages_of

EVENTS = 2_000
SETTINGS = Settings()
Places = dict[tuple[int, int, int], int]


def halves() -> tuple[pa.Table, pa.Table]:
    table = simulated(EVENTS)
    half = table.num_rows // 2
    return table.slice(0, half), table.slice(half)


def slices(table: pa.Table, partitions: int, which: Any = "all", size: int = 400) -> list[Slice]:
    partition = event_partitions(table, partitions)
    return [Slice(batch, partition[batch.record]) for batch in to_batches(table, size, which=which)]


def which_of(chain: Chain) -> Any:
    return "all" if chain.reads_wallet_events else "account"


def never(partitions: int) -> dict[int, npt.NDArray[np.int64]]:
    return {source: np.full(partitions, NEVER_MS, np.int64) for source in (ACCOUNT_EVENTS, WALLET_EVENTS)}


def history_of(topology: Topology, table: pa.Table, partitions: int, begins: Any = None, **options: Any) -> History:
    history = History(topology, begins or never(partitions), partitions=partitions, **{"ttl_ms": TTL_MS, **options})
    for part in slices(table, partitions, which_of(topology.chain)):
        history.play(part)
    return history


def shares(topology: Topology, history: History, partitions: int, begin: int) -> list[Share]:
    """What is written where the source logs begin at the offset `begin`; hops are empty."""
    topics = {SETTINGS.input_topic(node): node.source is None for node in topology.nodes}
    facts = {topic: TopicFacts(topic, f"id of {topic}", partitions, 1, {}) for topic in topics}
    begins = {
        TopicPartition(topic, part): 0 if is_hop else begin
        for topic, is_hop in topics.items()
        for part in range(partitions)
    }
    return shares_of(SETTINGS, topology, history, facts, begins)


def records_of(table: pa.Table, partitions: int, begin: int, chain: Chain) -> list[Sourced]:
    """The events as records of their topics, whose logs begin at the offset `begin`."""
    messages = messages_of(table, (TOPICS[0], partitions), (TOPICS[1], partitions))
    ends: dict[tuple[int, int], int] = {}
    found = []
    for i, (topic, partition) in enumerate(zip(messages.topics, messages.partitions, strict=True)):
        place = TOPICS.index(topic), int(partition)
        offset = ends[place] = ends.get(place, begin - 1) + 1
        if chain.reads_wallet_events or topic == TOPICS[0]:
            stamp = int(messages.occurred_at_ms[i])
            found.append(Sourced(*place, record(messages.values[i], offset, messages.keys[i], stamp)))
    return found


def worker_over(model: Model, filled: list[Share], partitions: int) -> Nodes:
    """A worker's nodes, with the rows and watermarks that it would restore."""
    nodes = Nodes(Wiring(topology_for(model), model, partitions, TOPICS))
    for node in nodes.wiring.topology.nodes:
        for share in filled:
            if share.place.topic == SETTINGS.input_topic(node) and share.rows is not None and node.stage is not None:
                recovery = Recovery(node.stage)
                records = list(encode_rows(share.rows, 7))
                if records:
                    feed(recovery, records)
                pipeline = nodes.processor(node.name, share.place.partition).pipeline
                pipeline.rows.load(recovery.rows.snapshot())
                assert share.commit is not None
                pipeline.watermark_ms = decode_marks(share.commit.metadata).watermark_ms
    return nodes


def places_of(batch: Any) -> list[tuple[int, int, int]]:
    return list(zip(batch.origin.tolist(), batch.origin_offset.tolist(), batch.role.tolist(), strict=True))


@pytest.mark.parametrize(("partitions", "begin"), [(1, 0), (3, 41)])
@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_features_alarms_and_rows_of_later_events_are_those_of_one_run(
    chain: Chain, partitions: int, begin: int
) -> None:
    model = model_of(chain)
    topology = topology_for(model)
    before, after = halves()
    kept = MemoryRun(topology, model, ttl_ms=TTL_MS)
    for batch, _ in slices(before, partitions, which_of(chain)):
        kept.process(batch)
    records = records_of(after, partitions, begin, chain)
    log = one_log(tuple(records))
    played = kept.process(log.batch._replace(offset=log.batch.offset + before.num_rows), log.strings)

    nodes = worker_over(
        model, shares(topology, history_of(topology, before, partitions), partitions, begin), partitions
    )
    names = {node.source: node.name for node in topology.nodes}
    compared = dict.fromkeys((stage.name for stage in chain.stages), 0)
    index = {
        name: {place: row for row, place in enumerate(places_of(played.outcomes[name].events.batch))}
        for name in compared
    }
    # Event by event where there are several partitions: else the third stage meets them in another order than the log.
    chunks = groupby(records, lambda one: (one.source, one.partition, one.record.offset * (partitions > 1)))
    for (source, partition, _), stretch in chunks:
        for name, processed in nodes.follow(names[source], partition, [one.record for one in stretch]):
            if name in compared:
                outcome, expected = processed.outcome, played.outcomes[name]
                rows = [index[name][place] for place in places_of(outcome.events.batch)]
                assert expected.status[rows].tobytes() == outcome.status.tobytes()
                columns = topology.columns_of(name)
                applied = outcome.applied
                X = expected.events.X[rows][applied, columns]
                assert X.tobytes() == outcome.events.X[applied, columns].tobytes()
                if outcome.judgement is not None:
                    assert expected.judgement is not None
                    assert expected.judgement.alarm[rows].tobytes() == outcome.judgement.alarm.tobytes()
                compared[name] += len(applied)
    assert min(compared.values()) > EVENTS / 8
    assert played.alert.sum() > 10
    for stage in chain.stages:
        found = np.concatenate(nodes.rows(stage.name))
        found, all_rows = found[np.argsort(found["key"])], kept.pipelines[stage.name].rows.snapshot()
        for rows_ in (found, all_rows):
            rows_["last_offset"], rows_["last_index"] = 0, 0
        assert all_rows.tobytes() == found.tobytes()


def test_a_row_lies_before_the_first_event_of_its_input_and_keeps_the_ids_it_has_seen() -> None:
    topology = topology_for(model_of(CHAINS[-1]))
    before, _ = halves()
    history = history_of(topology, before, 2)
    for share in shares(topology, history, 2, 41):
        if share.rows is not None:
            begin = 41 if share.place.topic in TOPICS else 0
            assert {(begin, BEFORE)} == set(share.rows[["last_offset", "last_index"]].tolist())
            assert (share.rows["recent_ids"] != 0).any(axis=1).all()
            assert share.commit is not None
            assert begin == share.commit.offset


def test_what_lies_behind_the_chain_is_left_new() -> None:
    topology = topology_for(model_of(CHAINS[-1]).with_controller())
    history = history_of(topology, halves()[0], 2)
    found = {
        share.changelog: (share.header is None, share.rows is None, share.commit is None)
        for share in shares(topology, history, 2, 0)
    }
    chain = {SETTINGS.rows_topic(stage.name): (False, False, False) for stage in topology.chain.stages}
    left = {SETTINGS.rows_topic(name): (False, True, True) for name in ("budget", "cases", "campaigns")}
    assert chain | left | {SETTINGS.rows_topic("wallet-events"): (True, True, False)} == found


def test_events_that_the_log_has_itself_are_left_out_partition_by_partition() -> None:
    topology = topology_for(model_of(CHAINS[-1]))
    before, _ = halves()
    times = before["occurred_at_ms"].to_numpy()
    begins = never(2)
    begins[ACCOUNT_EVENTS][1] = begins[WALLET_EVENTS][0] = middle = int(np.median(times))
    history = history_of(topology, before, 2, begins)
    partition = event_partitions(before, 2)
    on_account = np.isin(before["kind"].to_numpy(zero_copy_only=False).astype(str), ("link", "unlink", "debit"))
    out = (times >= middle) & (partition == on_account)
    assert (int((~out).sum()), int(out.sum())) == (history.played, history.left_out)
    assert history.left_out > EVENTS / 10
    assert (int(times[~out].min()), int(times[~out].max())) == (history.first_ms, history.last_ms)


def test_what_has_expired_by_the_end_of_the_history_is_left_out() -> None:
    topology = topology_for(model_of(CHAINS[0]))
    before, _ = halves()
    ttl_ms = int(0.5 * DAY_MS)
    history = history_of(topology, before, 2, ttl_ms=ttl_ms)
    rows = np.concatenate(history.rows("account"))
    assert (history.marks("account", "").watermark_ms - rows["last_seen_ms"] <= ttl_ms).all()
    everyone = np.concatenate(history_of(topology, before, 2).rows("account"))
    assert 0 < len(rows) < len(everyone)
