"""A labelled log as the model saw it: scored events and events of cases, in order of arrival."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from detector.contract.batch import OWN, Batch
from detector.contract.vocabulary import DEBIT, KINDS, OK
from detector.core import memory
from detector.core.admission import APPLY_FRESH
from detector.core.budget_controller import controller_of
from detector.core.memory import MemoryRun
from detector.core.model import Model
from detector.core.stage import Chain
from detector.core.topology import topology_of
from detector.jst import day_of
from models.backtest.labels import HONEST, Labels


class Played(NamedTuple):
    """Events of kinds that the model scores and all labelled ones, `n` rows in order of arrival, each event once.

    `subject`: the account, or the wallet of an event without one; `bank` is ABSENT there. `taken` int64: yen debited,
    0 for other events. `day`: calendar day in Japan since 1970-01-01. `case`: see `Labels.case_of`.
    `scores` float64 (n, n_detectors), NaN where not scored. `X` float32 (n, F). `alert`: the worker would alert.
    """

    kind: npt.NDArray[np.int8]
    subject: npt.NDArray[np.uint64]
    account: npt.NDArray[np.uint64]
    wallet: npt.NDArray[np.uint64]
    bank: npt.NDArray[np.int16]
    occurred_at_ms: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    taken: npt.NDArray[np.int64]
    event_id: npt.NDArray[np.uint64]
    case: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float64]
    X: npt.NDArray[np.float32]
    alert: npt.NDArray[np.bool_]

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.kind)

    @property
    def scored(self) -> npt.NDArray[np.bool_]:
        """Which rows are of a kind that the model scores."""
        found: npt.NDArray[np.bool_] = ~np.isnan(np.fmax.reduce(self.scores, axis=1))
        return found

    @property
    def days(self) -> npt.NDArray[np.int64]:
        """The days that have scored events, ascending."""
        return np.unique(self.day[self.scored])

    def select(self, which: npt.NDArray[np.bool_]) -> Self:
        """The rows at `which`."""
        return self._replace(**{name: column[which] for name, column in self._asdict().items()})


def play(
    batches: Iterable[Batch],
    model: Model,
    chain: Chain,
    labels: Labels,
    *,
    ttl_ms: int,
    warm_up: Iterable[Batch] = (),
    advance: Callable[[int], object] = lambda _: None,
) -> Played:
    """Score `batches` of one log, offsets ascending, without learning from them.

    The state begins empty, or after `warm_up`, the log before. `advance` gets each batch's size.
    """
    run = MemoryRun(topology_of(chain, controller_of(model)), model, ttl_ms=ttl_ms)
    for batch in warm_up:
        run.process(batch)
        advance(batch.size)
    kinds = [KINDS.index(kind) for detector in model.detectors for kind in detector.spec.kinds]
    parts = [_empty(model)]
    for events in batches:
        scored = run.process(events)
        outcome, batch = scored.last, scored.last.events.batch
        case = labels.case_of(batch.event_id)
        own = (outcome.status <= APPLY_FRESH) & (batch.role == OWN)
        which = np.flatnonzero(own & (np.isin(batch.kind, kinds) | (case != HONEST)))
        parts.append(_columns(batch.select(which), case[which], scored, which))
        advance(events.size)
    played = Played(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    return played.select(_first_of_each(played))


def _columns(batch: Batch, case: npt.NDArray[np.int32], scored: memory.Played, which: npt.NDArray[np.int64]) -> Played:
    """The rows of `batch`, which are the events at `which` behind the last stage."""
    outcome = scored.last
    assert outcome.judgement is not None
    debits = (batch.kind == DEBIT) & (batch.result == OK)
    return Played(
        kind=batch.kind,
        subject=batch.subject,
        account=batch.account,
        wallet=batch.wallet,
        bank=batch.bank,
        occurred_at_ms=batch.occurred_at_ms,
        day=day_of(batch.occurred_at_ms),
        taken=np.where(debits, batch.amount_yen, 0),
        event_id=batch.event_id,
        case=case,
        scores=outcome.judgement.scores[which],
        X=outcome.events.X[which],
        alert=scored.alert[which],
    )


def _first_of_each(played: Played) -> npt.NDArray[np.bool_]:
    """Mask of first deliveries: a row that has forgotten an event applies a late redelivery again."""
    identity = [played.event_id, played.kind.astype(np.uint64), played.subject, played.wallet]
    first = np.zeros(len(played.kind), np.bool_)
    first[np.unique(np.stack(identity), axis=1, return_index=True)[1]] = True
    return first


def _empty(model: Model) -> Played:
    whole, ids, small = np.empty(0, np.int64), np.empty(0, np.uint64), np.empty(0, np.int8)
    scores, X = np.empty((0, len(model.detectors))), np.empty((0, len(model.feature_names)), np.float32)
    bank, case = np.empty(0, np.int16), np.empty(0, np.int32)
    flags = np.empty(0, np.bool_)
    return Played(small, ids, ids, ids, bank, whole, whole, whole, ids, case, scores, X, flags)
