"""The way of an event through one stage: batch in, features, score, decision, batch out.

No decoding, no sending, no logging. The same pipeline serves worker, training and back-test, so that they cannot
differ. `detector.core.chain` puts the stages of a chain one behind the other.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.batch import OWN, Batch
from detector.core.admission import APPLY_FRESH, admit
from detector.core.handover import hand_over
from detector.core.hop import Carried, nothing_carried
from detector.core.policy import Judgement, Model
from detector.core.rows import PackedRows
from detector.core.stage import HEADER, Stage

_NO_ROWS = np.dtype(list(HEADER))


class Outcome(NamedTuple):
    """What a batch of `n` events came to.

    `status` int8 (n,): admission's code. `carried`, features of earlier stages and of this one side by side, has a
    meaning where the event was applied. `judgement` has n rows, alarm infinite where an event was not applied; None
    without a model.
    """

    status: npt.NDArray[np.int8]
    carried: Carried
    judgement: Judgement | None

    @property
    def X(self) -> npt.NDArray[np.float32]:  # noqa: N802 - the field's word for a feature matrix
        """Features, float32 (n, F)."""
        return self.carried.X

    @property
    def applied(self) -> npt.NDArray[np.int64]:
        """Places of the events that were applied: what goes on to the next stage."""
        return np.flatnonzero(self.status <= APPLY_FRESH)

    @property
    def alerting(self) -> npt.NDArray[np.int64]:
        """Places of the events that alert: what the cases stage is told of."""
        return np.empty(0, np.int64) if self.judgement is None else np.flatnonzero(self.judgement.alert)


class Pipeline:
    """The rows of one partition of a stage and what is done with its events. Not thread-safe.

    `model` judges after this stage; None where a later one does. `rows` and `watermark_ms` (epoch ms) are those
    restored, none at first. A batch of n gives exactly what n batches of one give, bytes of the rows included.
    """

    def __init__(
        self,
        stage: Stage,
        model: Model | None,
        *,
        ttl_ms: int,
        rows: PackedRows | None = None,
        watermark_ms: int = 0,
    ) -> None:
        self.stage = stage
        self.model = model
        self.ttl_ms = ttl_ms
        self.rows = rows or PackedRows(stage.row)
        self.watermark_ms = watermark_ms
        self._kernel_hash = stage.kernel_hash

    def process(self, batch: Batch, carried: Carried | None = None) -> Outcome:
        """Take the next events of the log, with what earlier stages made of them."""
        before = carried or nothing_carried(batch.size, 0)
        facts = before.facts.copy()
        row_ids = self.rows.locate(self.stage.keys_of(batch))
        status = np.empty(batch.size, np.int8)
        own = np.empty((batch.size, len(self.stage.features)), np.float32)
        start = 0
        while start < batch.size:
            stop = self._admit(batch, row_ids, status, start)
            self.stage.kernel(self.rows.rows, row_ids, status, batch, start, stop, own, facts)
            start = stop
        X = np.concatenate((before.X, own), axis=1) if before.X.shape[1] else own
        judgement = self._judge(batch, status, X)
        if judgement is not None:
            hand_over(facts, judgement)
        return Outcome(status, Carried(X, facts), judgement)

    def _admit(self, batch: Batch, row_ids: npt.NDArray[np.int64], status: npt.NDArray[np.int8], start: int) -> int:
        stop, self.watermark_ms = admit(
            self.rows.rows,
            row_ids,
            batch.offset,
            batch.place,
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

    def _judge(self, batch: Batch, status: npt.NDArray[np.int8], X: npt.NDArray[np.float32]) -> Judgement | None:
        """The model's judgement; of a transfer only the sender's side is judged."""
        if self.model is None:
            return None
        which = np.flatnonzero((status <= APPLY_FRESH) & (batch.role == OWN))
        judged = self.model.judge(X[which], batch.kind[which], batch.bank[which])
        if len(which) == batch.size:
            return judged
        n = batch.size
        judgement = Judgement(
            alarm=np.full(n, np.inf),
            detector=np.zeros(n, np.int8),
            p_value=np.ones(n),
            scores=np.full((n, len(self.model.detectors)), np.nan),
            alert=np.zeros(n, np.bool_),
        )
        for column in Judgement._fields:
            getattr(judgement, column)[which] = getattr(judged, column)
        return judgement


class PassThrough:
    """In the place of a pipeline where a log is only keyed anew: no rows, but a watermark."""

    def __init__(self, *, ttl_ms: int, watermark_ms: int = 0) -> None:
        self.ttl_ms = ttl_ms
        self.watermark_ms = watermark_ms
        self.rows = PackedRows(_NO_ROWS)

    def process(self, batch: Batch, width: int) -> Outcome:
        """All events go on, with `width` features without a value."""
        if batch.size:
            self.watermark_ms = max(self.watermark_ms, int(batch.occurred_at_ms.max()))
        return Outcome(np.zeros(batch.size, np.int8), nothing_carried(batch.size, width), None)
