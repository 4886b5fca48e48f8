"""The way of an event: batch in, features, score, decision, batch out. No decoding, no sending, no logging.

The same pipeline serves worker, training and back-test, so that they cannot differ.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch
from detector.core.admission import APPLY_FRESH, admit
from detector.core.cases import assign_cases
from detector.core.policy import Judgement, Model
from detector.core.rows import PackedRows
from detector.core.stage import Stage

DAY_MS = 24 * 3600 * 1000


class Raised(NamedTuple):
    """An event that alerts: its place in the batch, the offset of its case's first alert, the update's number."""

    i: int
    case_offset: int
    update: int


class Outcome(NamedTuple):
    """What a batch of `n` events came to.

    `status` int8 (n,): admission's code. `X` float32 (n, n_features) and `yen` int64 (n, 2) have a meaning where the
    event was applied. `judgement` has n rows, alarm infinite where an event was not applied; None without a model.
    """

    status: npt.NDArray[np.int8]
    X: npt.NDArray[np.float32]
    yen: npt.NDArray[np.int64]
    judgement: Judgement | None
    raised: list[Raised]


class Pipeline:
    """The rows of one partition and what is done with its events. Not thread-safe.

    `topic` and `partition` name the source log in alert ids. `rows` and `watermark_ms` (epoch ms) are those restored,
    none at first. A batch of n gives exactly what n batches of one give, bytes of the rows included.
    """

    def __init__(
        self,
        stage: Stage,
        model: Model | None,
        *,
        topic: str,
        partition: int,
        ttl_ms: int,
        rows: PackedRows | None = None,
        watermark_ms: int = 0,
    ) -> None:
        self.stage = stage
        self.model = model
        self.topic = topic
        self.partition = partition
        self.ttl_ms = ttl_ms
        self.rows = rows or PackedRows(stage.row)
        self.watermark_ms = watermark_ms
        self._kernel_hash = stage.kernel_hash

    def process(self, batch: Batch) -> Outcome:
        """Take the next events of the log."""
        row_ids = self.rows.locate(getattr(batch, self.stage.key))
        status = np.empty(batch.size, np.int8)
        X = np.empty((batch.size, len(self.stage.features)), np.float32)
        yen = np.empty((batch.size, 2), np.int64)
        judgement = self._nothing_judged(batch.size)
        raised: list[Raised] = []
        start = 0
        while start < batch.size:
            stop = self._admit(batch, row_ids, status, start)
            self.stage.kernel(self.rows.rows, row_ids, status, batch, start, stop, X, yen)
            if self.model is not None and judgement is not None:
                applied = start + np.flatnonzero(status[start:stop] <= APPLY_FRESH)
                judged = self.model.judge(X[applied], batch.kind[applied])
                for column in Judgement._fields:
                    getattr(judgement, column)[applied] = getattr(judged, column)
                raised += self._raise(batch, row_ids, applied[judgement.alert[applied]])
            start = stop
        return Outcome(status, X, yen, judgement, raised)

    def _admit(self, batch: Batch, row_ids: npt.NDArray[np.int64], status: npt.NDArray[np.int8], start: int) -> int:
        stop, self.watermark_ms = admit(
            self.rows.rows,
            row_ids,
            batch.offset,
            np.zeros(batch.size, np.int32),  # the first stage reads events one a message
            batch.occurred_at_ms,
            batch.event_id,
            start,
            self.watermark_ms,
            self.ttl_ms,
            self.stage.version,
            self._kernel_hash,
            self.rows.dirty,
            status,
        )
        return stop

    def _nothing_judged(self, n: int) -> Judgement | None:
        if self.model is None:
            return None
        return Judgement(
            alarm=np.full(n, np.inf),
            detector=np.zeros(n, np.int8),
            p_value=np.ones(n),
            scores=np.full((n, len(self.model.detectors)), np.nan),
            alert=np.zeros(n, np.bool_),
        )

    def _raise(self, batch: Batch, row_ids: npt.NDArray[np.int64], alerting: npt.NDArray[np.int64]) -> list[Raised]:
        if not len(alerting):
            return []
        cases, updates = np.empty_like(alerting), np.empty_like(alerting)
        assign_cases(self.rows.rows, row_ids, alerting, batch.offset, batch.occurred_at_ms, cases, updates)
        return [Raised(*found) for found in zip(alerting.tolist(), cases.tolist(), updates.tolist(), strict=True)]
