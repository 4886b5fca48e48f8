"""Events of a hop with every bit of every column used, and logs of a few simulated days for all stages."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from detector.contract.batch import DTYPES, Batch
from detector.core.hop import Carried, Hopped
from detector.core.stage import FACTS, HOP_FACTS
from producers.batches import to_batches
from producers.scenarios import SCENARIOS, sized
from producers.simulation import tables

#: Columns of a batch that tell where it lies.
WHERE = ("offset", "record", "place")


def any_batch(n: int, seed: int = 1, *, first_offset: int = 0) -> Batch:
    """`n` events of whatever bits; `n` offsets from `first_offset` on, place 0."""
    rng = np.random.default_rng(seed)
    columns = {name: rng.bytes(n * np.dtype(dtype).itemsize) for name, dtype in DTYPES.items()}
    batch = Batch(**{name: np.frombuffer(columns[name], dtype).copy() for name, dtype in DTYPES.items()})
    return batch._replace(
        offset=np.arange(first_offset, first_offset + n),
        record=np.arange(n, dtype=np.int32),
        place=np.zeros(n, np.int32),
    )


def any_carried(n: int, width: int, seed: int = 1) -> Carried:
    """Features and facts of whatever bits, NaN of all kinds among them."""
    rng = np.random.default_rng(seed)
    X = np.frombuffer(rng.bytes(4 * n * width), np.float32).reshape(n, width).copy()
    X[rng.random((n, width)) < 0.3] = np.nan
    facts = np.frombuffer(rng.bytes(8 * n * len(FACTS)), np.int64).reshape(n, len(FACTS)).copy()
    facts[:, HOP_FACTS:] = 0
    return Carried(X, facts)


def any_values(n: int, seed: int = 1, longest: int = 300) -> list[bytes]:
    """Texts of all lengths, none among them."""
    rng = np.random.default_rng(seed)
    return [rng.bytes(length) for length in rng.integers(0, longest, n).tolist()]


def content(batch: Batch, carried: Carried, values: Any, i: int) -> tuple[bytes, ...]:
    """All of event i but where it lies."""
    columns = [getattr(batch, name)[i].tobytes() for name in Batch._fields if name not in WHERE]
    return (*columns, carried.X[i].tobytes(), carried.facts[i].tobytes(), values[i])


def contents(hopped: Hopped) -> list[tuple[bytes, ...]]:
    """The same of all events."""
    return [content(*hopped, i) for i in range(hopped.batch.size)]


@cache
def simulated(events: int) -> pa.Table:
    """About so many events of September 2020, mixed as they came, attacks among them."""
    scenario = replace(SCENARIOS["ghost-wallets"], seed=5, cases=15)
    return pa.concat_tables([table for table, _ in tables(sized(scenario, events))])


@cache
def log_of(events: int) -> Batch:
    """The same as one batch."""
    (batch,) = to_batches(simulated(events), 10 * events, which="all")
    return batch


def record(value: bytes, offset: int = 0, key: bytes | None = b"", timestamp: int = -1) -> Any:
    """What a consumer hands over."""
    return SimpleNamespace(key=key, value=value, offset=offset, timestamp=timestamp)
