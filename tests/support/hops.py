"""Events of a hop with every bit of every column used, and logs of a few simulated days for all stages."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from detector.contract.batch import DTYPES, Batch
from detector.contract.texts import Strings, Texts
from detector.core.events import Events
from detector.core.stage import FACTS, HOP_FACTS
from producers.batches import to_batches
from producers.scenarios import SCENARIOS, sized
from producers.simulation import tables


def any_batch(n: int, seed: int = 1, *, first_offset: int = 0) -> Batch:
    """`n` events of whatever bits; `n` offsets from `first_offset` on, hop index 0."""
    rng = np.random.default_rng(seed)
    columns = {name: rng.bytes(n * np.dtype(dtype).itemsize) for name, dtype in DTYPES.items()}
    batch = Batch(**{name: np.frombuffer(columns[name], dtype).copy() for name, dtype in DTYPES.items()})
    return batch._replace(
        offset=np.arange(first_offset, first_offset + n),
        record=np.arange(n, dtype=np.int32),
        hop_index=np.zeros(n, np.int32),
    )


def any_events(n: int, width: int, seed: int = 1, *, first_offset: int = 0) -> Events:
    """Events of whatever bits: NaN of all kinds among the features, strings of all lengths, none among them."""
    rng = np.random.default_rng(seed)
    X = np.frombuffer(rng.bytes(4 * n * width), np.float32).reshape(n, width).copy()
    X[rng.random((n, width)) < 0.3] = np.nan
    facts = np.frombuffer(rng.bytes(8 * n * len(FACTS)), np.int64).reshape(n, len(FACTS)).copy()
    facts[:, HOP_FACTS:] = 0
    strings = Strings._make(any_texts(n, seed + i) for i in range(len(Strings._fields)))
    return Events(any_batch(n, seed, first_offset=first_offset), X, facts, strings)


def any_texts(n: int, seed: int = 1, longest: int = 60) -> Texts:
    """Texts of all lengths, none among them, of letters of one to four bytes."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("aZ09-é口𠮷"))
    return Texts.of(["".join(rng.choice(letters, length)) for length in rng.integers(0, longest, n).tolist()])


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
