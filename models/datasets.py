"""Feature matrices for training, through the same pipeline that serves the worker."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch
from detector.contract.vocabulary import DEBIT, LINK
from detector.core.admission import APPLY_FRESH
from detector.core.memory import MemoryRun
from detector.core.stage import Chain, Columns
from detector.core.topology import topology_of
from detector.jst import day_of

SCORED_KINDS = (LINK, DEBIT)
#: Class of an event: normal; normal but not to train on; fraud. `CLEARED - n`: of case n that an analyst calls normal,
#: until that is checked (`models.verdicts`) not to train on.
NORMAL, DOUBTFUL, FRAUD = range(3)
CLEARED = -1


#: Class of each event of a batch, int32 (n,).
Life = Callable[[Batch], npt.NDArray[np.int32]]


class Dataset(NamedTuple):
    """The link and debit events of a history as the last stage saw them, in order of arrival; duplicates are left out.

    `X` float32 (n, n_features); `kind` int8, `account` uint64, `day` int64, `bank` int16 and `life` int32, each (n,); a
    day is a calendar day in Japan, counted from 1970-01-01; `life` is `NORMAL`, `DOUBTFUL`, `FRAUD` or cleared.
    """

    X: npt.NDArray[np.float32]
    kind: npt.NDArray[np.int8]
    account: npt.NDArray[np.uint64]
    day: npt.NDArray[np.int64]
    bank: npt.NDArray[np.int16]
    life: npt.NDArray[np.int32]

    def select(self, which: npt.NDArray[np.bool_]) -> Self:
        """The events at `which`."""
        return self._replace(**{name: column[which] for name, column in self._asdict().items()})


def present_features(data: Dataset, columns: Columns) -> set[str]:
    """The features that at least one event has."""
    return {name for name, x in zip(columns.feature_names, data.X.T, strict=True) if not np.isnan(x).all()}


def all_normal(batch: Batch) -> npt.NDArray[np.int32]:
    """`NORMAL` for each event."""
    return np.full(batch.size, NORMAL, np.int32)


def collect(
    batches: Iterable[Batch],
    chain: Chain,
    ttl_ms: int,
    advance: Callable[[int], None] = lambda _: None,
    life: Life = all_normal,
) -> Dataset:
    """The data set of all `batches` of one history, offsets ascending; calls `advance` with each batch's size.

    `life` gives the class of each event.
    A chain of more than one stage needs account and wallet events, in order of arrival.
    """
    run = MemoryRun(topology_of(chain), None, ttl_ms=ttl_ms)
    parts = [_empty(chain)]
    for events in batches:
        outcome = run.process(events).last
        batch = outcome.events.batch
        which = np.isin(batch.kind, SCORED_KINDS) & (outcome.status <= APPLY_FRESH)
        own = batch.select(which)
        parts.append(
            Dataset(outcome.events.X[which], own.kind, own.account, day_of(own.occurred_at_ms), own.bank, life(own))
        )
        advance(events.size)
    return Dataset(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _empty(chain: Chain) -> Dataset:
    X = np.empty((0, len(chain.features)), np.float32)
    kind, account, whole = np.empty(0, np.int8), np.empty(0, np.uint64), np.empty(0, np.int64)
    return Dataset(X, kind, account, whole, np.empty(0, np.int16), np.empty(0, np.int32))
