"""Delivery of events: late ones and repeats, as often as in the history."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from models.worlds.resampled.rows import Ints, Rng, Rows, hex_texts

#: An event later than that tells of a wrong clock in another one, not of its own way.
LATEST_MS = 6 * 3_600_000


class Delivery(NamedTuple):
    """Ways of a history's events: `late_ms` of each, and of its repeats the share and `repeat_ms`, their delays."""

    late_ms: Ints
    repeats: float
    repeat_ms: Ints


def undelivered(rows: Rows, event_ids: pa.ChunkedArray) -> tuple[Rows, Delivery]:
    """The events of a history in order of time, each once, and how they had come."""
    latest = np.maximum.accumulate(rows.occurred_at_ms)
    late_ms = np.minimum(latest - rows.occurred_at_ms, LATEST_MS)
    codes = event_ids.combine_chunks().dictionary_encode()
    codes = codes.combine_chunks() if isinstance(codes, pa.ChunkedArray) else codes
    identity = (codes.indices.to_numpy() * (rows.kind.max() + 1) + rows.kind) * (rows.wallet.max() + 1) + rows.wallet
    _, first, index = np.unique(identity, return_index=True, return_inverse=True)
    original = first[index.reshape(-1)]
    repeated = original != np.arange(rows.size)
    repeat_ms = (latest - latest[original])[repeated]
    once = rows.select(~repeated)
    ordered = once.select(np.argsort(once.occurred_at_ms, kind="stable"))
    return ordered, Delivery(late_ms[~repeated], float(repeated.mean()), repeat_ms)


class Delivered(NamedTuple):
    """Events in order of arrival and their ids; a repeat has the id of its event."""

    rows: Rows
    event_ids: pa.Array


def deliver(rows: Rows, way: Delivery, rng: Rng) -> Delivered:
    """The events as they arrive, each with a new id, some late and some twice."""
    arrival_ms = _arrivals(rows.occurred_at_ms, rng.choice(way.late_ms, rows.size))
    again = np.flatnonzero(rng.random(rows.size) < way.repeats)
    if len(again):
        arrival_ms = np.append(arrival_ms, arrival_ms[again] + rng.choice(way.repeat_ms, len(again)))
    index = np.append(np.arange(rows.size), again)
    order = np.lexsort((arrival_ms > rows.occurred_at_ms[index], arrival_ms))
    ids = hex_texts(rows.size, rng)
    return Delivered(rows.select(index[order]), ids.take(pa.array(index[order])))


def _arrivals(occurred_at_ms: Ints, late_ms: Ints) -> Ints:
    """When each event arrives: a late one with the later event that is nearest to so late.

    How late an event was is only known from those that overtook it, so one must overtake it here too.
    """
    times = np.sort(occurred_at_ms)
    wanted = occurred_at_ms + late_ms
    after = np.minimum(np.searchsorted(times, wanted), len(times) - 1)
    before = times[np.maximum(after - 1, 0)]
    nearer = (before > occurred_at_ms) & (wanted - before < times[after] - wanted)
    return np.where(late_ms > 0, np.where(nearer, before, times[after]), wanted)
