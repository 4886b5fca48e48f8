"""Scores of a history, event by event: the worker's own stages over slices of a log that may be longer than memory.

Only the state rows, one for each account and wallet, are kept between slices.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detector.contract.alerts import alert_id
from detector.contract.batch import OWN, Batch
from detector.core.admission import APPLY_FRESH
from detector.core.alerting import Topics, position_of
from detector.core.budget_controller import controller_of
from detector.core.memory import MemoryRun, Played
from detector.core.model import Model
from detector.core.stage import CASE_OFFSET, CASE_ORIGIN, CASE_UPDATE, FACTS, Chain
from detector.core.stages.cases import HELD
from detector.core.topology import topology_of

STATUSES = ("applied", "duplicate")
APPLIED, DUPLICATE, UNREAD = 0, 1, -1
#: Columns of the events file that are repeated beside the scores, as they stand there.
KEPT = ("event_id", "kind", "occurred_at_ms", "account", "wallet")
_WORD = pa.dictionary(pa.int8(), pa.string())


def score_schema(model: Model, *, features: bool) -> pa.Schema:
    """Columns of a table of scores: `alarm` in false alarms a day, `score` 1 − p-value, each detector's score.

    They are null where no detector looks at the event; `case_id` where it does not alert; `update` also where the
    event adds nothing new to its case, so that no update is raised.
    """
    return pa.schema(
        [
            *((name, pa.int64() if name == "occurred_at_ms" else pa.string()) for name in KEPT),
            ("status", _WORD),
            ("alarm", pa.float64()),
            ("score", pa.float64()),
            ("detector", _WORD),
            *((f"score_{detector.name}", pa.float64()) for detector in model.detectors),
            ("alert", pa.bool_()),
            ("case_id", pa.string()),
            ("update", pa.int32()),
            *((name, pa.float32()) for name in (model.feature_names if features else ())),
        ]
    )


class Scoring:
    """Scores one log from its beginning, slice by slice, as a worker does that reads it from one partition.

    `topics` name the source topics in case ids. `events`, `duplicates`, `scored` and `alerts` are counts so far:
    events of kinds that the chain reads, redeliveries among them, events scored by a detector, and alerts.
    """

    def __init__(self, model: Model, chain: Chain, *, ttl_ms: int, topics: Topics, features: bool = False) -> None:
        self.schema = score_schema(model, features=features)
        self.events = self.duplicates = self.scored = self.alerts = 0
        self._model = model
        self._chain = chain
        self._run = MemoryRun(topology_of(chain, controller_of(model)), model, ttl_ms=ttl_ms)
        self._topics = topics
        self._features = features

    def warm_up(self, batches: Iterable[Batch]) -> None:
        """Take events that come before the log, offsets ascending: they fill the state and are not scored."""
        for batch in batches:
            self._run.process(batch)

    def score(self, table: pa.Table, batches: Iterable[Batch]) -> pa.Table:
        """The scores of the next slice of the log, in its order; events that the chain does not read are left out.

        `batches` are those of `table`, offsets ascending over all slices, `record` the row in `table`.
        """
        rows = _Rows.empty(table.num_rows, len(self._model.detectors), len(self._chain.features), self._features)
        for batch in batches:
            rows.status[batch.record] = DUPLICATE
            self._fill(rows, self._run.process(batch))
        read = rows.status != UNREAD
        if not read.all():
            table, rows = table.filter(pa.array(read)), rows.select(read)
        self.events += table.num_rows
        self.duplicates += int((rows.status == DUPLICATE).sum())
        self.scored += int(np.isfinite(rows.alarm).sum())
        self.alerts += int(rows.alert.sum())
        return self._table(table, rows)

    def _fill(self, rows: "_Rows", scored: Played) -> None:
        """Fill in the last stage's results for a batch; only the sender's side of a transfer is an event of the log."""
        outcome, batch = scored.last, scored.last.events.batch
        judged = outcome.judgement
        assert judged is not None
        own = np.flatnonzero((outcome.status <= APPLY_FRESH) & (batch.role == OWN))
        at = batch.record[own]
        rows.status[at] = APPLIED
        rows.alarm[at], rows.score[at] = judged.alarm[own], 1.0 - judged.p_value[own]
        rows.detector[at], rows.scores[at] = judged.detector[own], judged.scores[own]
        rows.alert[at] = scored.alert[own]
        if self._features:
            rows.X[at] = outcome.events.X[own]
        cases = scored.cases.events
        rows.facts[cases.batch.record] = cases.facts

    def _table(self, table: pa.Table, rows: "_Rows") -> pa.Table:
        silent, calm = ~np.isfinite(rows.alarm), ~rows.alert
        held = rows.facts[:, CASE_UPDATE] == HELD
        columns: dict[str, Any] = {
            **{name: table[name] for name in KEPT if name in table.column_names},
            "status": _words(rows.status, STATUSES),
            "alarm": pa.array(rows.alarm, mask=silent),
            "score": pa.array(rows.score, mask=silent),
            "detector": _words(rows.detector, [detector.name for detector in self._model.detectors], silent),
            "alert": rows.alert,
            "case_id": self._case_ids(rows),
            "update": pa.array(rows.facts[:, CASE_UPDATE].astype(np.int32), mask=calm | held),
        }
        for index, detector in enumerate(self._model.detectors):
            own = rows.scores[:, index]
            columns[f"score_{detector.name}"] = pa.array(own, mask=np.isnan(own))
        if self._features:
            columns |= {name: rows.X[:, index] for index, name in enumerate(self._chain.feature_names)}
        absent = pa.nulls(table.num_rows)
        arrays = [_of_type(columns.get(field.name, absent), field.type) for field in self.schema]
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def _case_ids(self, rows: "_Rows") -> pa.Array:
        firsts = rows.facts[rows.alert][:, [CASE_ORIGIN, CASE_OFFSET]].tolist()
        names = [alert_id(self._chain.name, position_of(origin, row, self._topics)) for origin, row in firsts]
        return pa.array(names, pa.string()).take(pa.array(np.cumsum(rows.alert) - 1, mask=~rows.alert))


class _Rows(NamedTuple):
    """Results for the `n` events of a slice, by row."""

    status: npt.NDArray[np.int8]
    alarm: npt.NDArray[np.float64]
    score: npt.NDArray[np.float64]
    detector: npt.NDArray[np.int8]
    scores: npt.NDArray[np.float64]  # (n, n_detectors)
    alert: npt.NDArray[np.bool_]
    facts: npt.NDArray[np.int64]  # (n, len(FACTS)), of events that alert
    X: npt.NDArray[np.float32]  # (n, F); (n, 0) where features are not wanted

    @classmethod
    def empty(cls, n: int, detectors: int, width: int, features: bool) -> Self:  # noqa: FBT001 - of this file alone
        return cls(
            status=np.full(n, UNREAD, np.int8),
            alarm=np.full(n, np.inf),
            score=np.zeros(n),
            detector=np.zeros(n, np.int8),
            scores=np.full((n, detectors), np.nan),
            alert=np.zeros(n, np.bool_),
            facts=np.zeros((n, len(FACTS)), np.int64),
            X=np.full((n, width if features else 0), np.nan, np.float32),
        )

    def select(self, which: npt.NDArray[np.bool_]) -> Self:
        return self._replace(**{name: column[which] for name, column in self._asdict().items()})


def _words(codes: npt.NDArray[np.int8], words: Iterable[str], absent: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=absent), pa.array(list(words), pa.string()))


def _of_type(column: Any, kind: pa.DataType) -> Any:
    arrow = column if isinstance(column, pa.Array | pa.ChunkedArray) else pa.array(column)
    return arrow if arrow.type == kind else arrow.cast(kind)
