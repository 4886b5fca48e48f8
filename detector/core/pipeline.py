"""One node's processing: events in, rows, features, judgement, and which events go to which node.

No decoding, sending or logging. The worker and a run in memory both use it, so they cannot differ.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.batch import OWN
from detector.core.admission import APPLY_FRESH, admit
from detector.core.escalation import escalate
from detector.core.events import Events
from detector.core.model import Judgement, Model
from detector.core.rows import PackedRows
from detector.core.stage import CASE_UPDATE, HEADER
from detector.core.stages.cases import HELD
from detector.core.topology import Node, Topology

_NO_ROWS = np.dtype(list(HEADER))
_NONE = np.empty(0, np.int64)


class Outcome(NamedTuple):
    """Result of `n` events at a node.

    `status` int8 (n,): admission's code. `events`: with the node's features and facts, defined only for events
    that were applied. `judgement`: n rows, alarm infinite if an event was not judged; None if the node does not judge.
    `sent`: for each edge of the node its target and the indices of the events it selects, int64 (k,). `raised`: indices
    of the events that raise an update of their case; `held`: number of alerting events with nothing new. `snapshots`:
    rows, structured (n,), all zero but where an event tells something; None if the stage takes none.
    """

    status: npt.NDArray[np.int8]
    events: Events
    judgement: Judgement | None
    sent: tuple[tuple[str, npt.NDArray[np.int64]], ...]
    raised: npt.NDArray[np.int64]
    held: int
    snapshots: npt.NDArray[Any] | None = None

    @property
    def applied(self) -> npt.NDArray[np.int64]:
        """Indices of the events that were applied."""
        return np.flatnonzero(self.status <= APPLY_FRESH)

    @property
    def alerting(self) -> npt.NDArray[np.int64]:
        """Indices of the events that alert."""
        return _NONE if self.judgement is None else np.flatnonzero(self.judgement.alert)


class Pipeline:
    """One partition of a node: its rows, its watermark and the processing of its events. Not thread-safe.

    `model`: None to skip judging. `rows`, `watermark_ms` and `begun_ms` (epoch ms; time of the first event met):
    restored state, if any. A batch of n gives the same result as n batches of one, bytes of the rows included.
    """

    def __init__(
        self,
        topology: Topology,
        node: Node,
        model: Model | None,
        *,
        ttl_ms: int,
        rows: PackedRows | None = None,
        watermark_ms: int = 0,
        begun_ms: int = 0,
    ) -> None:
        self.node = node
        self.ttl_ms = ttl_ms
        self.rows = rows or PackedRows(_NO_ROWS if node.stage is None else node.stage.row)
        self.watermark_ms = watermark_ms
        self.begun_ms = begun_ms
        self._model = model if node.judges else None
        self._judged = len(topology.chain.features)
        self._columns = topology.columns_of(node.name)
        self._kernel_hash = 0 if node.stage is None else node.stage.kernel_hash

    def process(self, events: Events) -> Outcome:
        """Take the next events of the node's input; writes to their `X`, not to their facts."""
        if self.node.prepare is not None:
            events = self.node.prepare(events)
        status, events, snapshots = self._apply(events._replace(facts=events.facts.copy()))
        judgement = self._judge(events, status)
        sent = tuple((edge.target, edge.select(events, status)) for edge in self.node.edges)
        if not self.node.raises:
            return Outcome(status, events, judgement, sent, _NONE, 0, snapshots)
        applied = np.flatnonzero(status <= APPLY_FRESH)
        raised = applied[events.facts[applied, CASE_UPDATE] != HELD]
        return Outcome(status, events, judgement, sent, raised, len(applied) - len(raised))

    def _apply(self, events: Events) -> tuple[npt.NDArray[np.int8], Events, npt.NDArray[Any] | None]:
        batch, stage = events.batch, self.node.stage
        if batch.size and not self.begun_ms:
            self.begun_ms = int(batch.occurred_at_ms[0])
        if stage is None:
            if batch.size:
                self.watermark_ms = max(self.watermark_ms, int(batch.occurred_at_ms.max()))
            return np.zeros(batch.size, np.int8), events, None
        row_ids = self.rows.locate(stage.keys_of(batch))
        status, identity = np.empty(batch.size, np.int8), batch.identity
        matrix = np.full((batch.size, len(stage.features)), np.nan, np.float32)
        own = np.zeros(batch.size, stage.row) if stage.snapshots else _records(matrix, stage.record)
        start = 0
        while start < batch.size:
            stop, self.watermark_ms = admit(
                self.rows.rows,
                row_ids,
                batch.offset,
                batch.hop_index,
                batch.occurred_at_ms,
                identity,
                start,
                self.watermark_ms,
                self.ttl_ms,
                stage.version,
                self._kernel_hash,
                self.rows.dirty,
                status,
            )
            stage.kernel(self.rows.rows, row_ids, status, batch, start, stop, own, events.facts)
            start = stop
        if stage.snapshots:
            return status, events, own
        events.X[:, self._columns] = matrix
        return status, events, None

    def _judge(self, events: Events, status: npt.NDArray[np.int8]) -> Judgement | None:
        """The model's judgement, written into the facts; of a transfer only the sender's side is judged."""
        if self._model is None:
            return None
        batch = events.batch
        which = np.flatnonzero((status <= APPLY_FRESH) & (batch.role == OWN))
        X = events.X if events.X.shape[1] == self._judged else np.ascontiguousarray(events.X[:, : self._judged])
        judgement = self._model.judge(X[which], batch.kind[which], batch.bank[which])
        if len(which) < batch.size:
            judgement = judgement.spread(which, batch.size)
        escalate(events.facts, batch, judgement, self._model)
        return judgement


def _records(matrix: npt.NDArray[np.float32], record: np.dtype[Any]) -> npt.NDArray[Any]:
    """The rows of a matrix (n, F) by the names of its columns, (n,); a matrix without columns as it is."""
    return matrix.view(record).reshape(-1) if record.names else matrix
