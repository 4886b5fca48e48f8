"""A model of every chain, and source records of some simulated days, for tests that let a worker's nodes run."""

from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from support.hops import record, simulated
from support.nodes import TTL_MS
from support.source_logs import TOPICS, Log

from detector.artifact import Draft, pack, unpack
from detector.contract.batch import origin_of
from detector.contract.codec import decode_account_events, decode_wallet_events
from detector.contract.vocabulary import ACCOUNT_EVENTS, WALLET_EVENTS
from detector.core.events import Events, in_log_order
from detector.core.model import Model
from detector.core.stage import Chain
from models.datasets import collect
from models.training import Plan, train
from producers.batches import to_batches
from producers.publish import messages_of
from producers.scenarios import SCENARIOS, sized
from producers.simulation import tables


class Sourced(NamedTuple):
    """A record of a source topic."""

    source: int
    partition: int
    record: Any


@cache
def draft_of(chain: Chain) -> Draft:
    """A model of some days of normal life, with an ear so fine that there are many alerts; it has no name yet."""
    august = sized(replace(SCENARIOS["normal"], seed=5, days=12), 12_000)
    batches = (batch for table, _ in tables(august) for batch in to_batches(table, 10**6, which="all"))
    return train(collect(batches, chain, TTL_MS), chain, Plan(budget=500.0, trees=20, max_samples=64), "0" * 64)


@cache
def model_of(chain: Chain) -> Model:
    """The model of `draft_of`."""
    return unpack(pack(draft_of(chain)), chain)


@cache
def mixed_records(events: int, partitions: int) -> tuple[Sourced, ...]:
    """Simulated events as records of both source topics, in the order in which they came.

    A record has the timestamp of its event.
    """
    messages = messages_of(simulated(events), (TOPICS[0], partitions), (TOPICS[1], partitions))
    ends: dict[tuple[int, int], int] = {}
    found = []
    for i, (topic, partition) in enumerate(zip(messages.topics, messages.partitions, strict=True)):
        tp = TOPICS.index(topic), int(partition)
        offset = ends.get(tp, 0)
        ends[tp] = offset + 1
        stamp = int(messages.occurred_at_ms[i])
        found.append(Sourced(*tp, record(messages.values[i], offset, messages.keys[i], stamp)))
    return tuple(found)


def source_records(events: int, partitions: int) -> Log:
    """The same by source topic and partition."""
    log: Log = {
        (source, partition): [] for source in (ACCOUNT_EVENTS, WALLET_EVENTS) for partition in range(partitions)
    }
    for source, partition, found in mixed_records(events, partitions):
        log[source, partition].append(found)
    return log


def one_log(records: tuple[Sourced, ...]) -> Events:
    """Source records as the events of one log, in the order given, for a run in memory."""
    parts = []
    for source, partition in sorted({(one.source, one.partition) for one in records}):
        own = np.array([i for i, one in enumerate(records) if (one.source, one.partition) == (source, partition)])
        chosen = [records[i].record for i in own.tolist()]
        decode = decode_account_events if source == ACCOUNT_EVENTS else decode_wallet_events
        offsets = np.array([one.offset for one in chosen], np.int64)
        batch, strings, rejected = decode([one.value for one in chosen], [one.key for one in chosen], offsets)
        assert [] == rejected
        origin = np.full(batch.size, origin_of(source, partition), np.int32)
        parts.append(Events.fresh(batch._replace(offset=own, origin=origin), 0, strings))
    events = in_log_order(parts)
    return events._replace(batch=events.batch._replace(record=np.arange(events.size, dtype=np.int32)))
