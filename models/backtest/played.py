"""A labelled log as the model saw it: what it scored, and what belongs to a case, in order of arrival."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from detector.contract.batch import OWN, Batch
from detector.contract.vocabulary import DEBIT, KINDS, OK
from detector.core.admission import APPLY_FRESH
from detector.core.chain import ChainRun, Scored
from detector.core.desk import desk_of
from detector.core.handover import LATE_FIRST_CHARGE
from detector.core.pipeline import Outcome, Pipeline
from detector.core.policy import Model
from detector.core.stage import ALARM_MILLIONTHS, CASE_UPDATE, TOLD, Chain
from detector.core.stages.cases import CASES, HELD
from detector.core.triage import MILLION
from models.backtest.labels import HONEST, Labels
from models.datasets import DAY_MS, JST_MS


class Played(NamedTuple):
    """Events of kinds that the model scores and all labelled ones, `n` rows in order of arrival, each event once.

    `subject`: the account, or the wallet of an event without one; `bank` is ABSENT there. `taken` int64: yen debited,
    0 for all that debits nothing. `day`: calendar day in Japan since 1970-01-01. `case`: see `Labels.case_of`.
    `scores` float64 (n, n_detectors), NaN where not scored; `watch_alarm` float64: of the first charge after a link on
    the model's watch-list, infinite elsewhere. `X` float32 (n, F). `alert`: whether the worker would.
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
    watch_alarm: npt.NDArray[np.float64]
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

    The state begins empty, or with what `warm_up`, the log before, makes of it. `advance` is told each batch's size.
    """
    run = ChainRun(chain, model, ttl_ms=ttl_ms, desk=desk_of(model))
    cases = Pipeline(CASES, None, ttl_ms=ttl_ms)
    for batch in warm_up:
        _watch_alarm(run.process(batch), cases)
        advance(batch.size)
    kinds = [KINDS.index(kind) for detector in model.detectors for kind in detector.spec.kinds]
    parts = [_empty(model)]
    for events in batches:
        batch, outcome = scored = run.process(events)
        watch_alarm = _watch_alarm(scored, cases)
        case = labels.case_of(batch.event_id)
        own = (outcome.status <= APPLY_FRESH) & (batch.role == OWN)
        which = np.flatnonzero(own & (np.isin(batch.kind, kinds) | (case != HONEST)))
        parts.append(_columns(batch.select(which), case[which], outcome, watch_alarm[which], which))
        advance(events.size)
    played = Played(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    return played.select(_first_of_each(played))


def _watch_alarm(scored: Scored, cases: Pipeline) -> npt.NDArray[np.float64]:
    """The alarm, float64 (n,), of the events that alert by the watch-list which the cases stage keeps."""
    batch, outcome = scored
    alarm, told = np.full(batch.size, np.inf), outcome.told
    if len(told):
        facts = cases.process(batch.select(told), outcome.carried.select(told)).carried.facts
        woken = (facts[:, TOLD] == LATE_FIRST_CHARGE) & (facts[:, CASE_UPDATE] != HELD)
        alarm[told[woken]] = facts[woken, ALARM_MILLIONTHS] / MILLION
    return alarm


def _columns(
    batch: Batch,
    case: npt.NDArray[np.int32],
    outcome: Outcome,
    watch_alarm: npt.NDArray[np.float64],
    which: npt.NDArray[np.int64],
) -> Played:
    """The rows of `batch`, which are the events at `which` of `outcome`."""
    assert outcome.judgement is not None
    debits = (batch.kind == DEBIT) & (batch.result == OK)
    return Played(
        kind=batch.kind,
        subject=batch.subject,
        account=batch.account,
        wallet=batch.wallet,
        bank=batch.bank,
        occurred_at_ms=batch.occurred_at_ms,
        day=(batch.occurred_at_ms + JST_MS) // DAY_MS,
        taken=np.where(debits, batch.amount_yen, 0),
        event_id=batch.event_id,
        case=case,
        scores=outcome.judgement.scores[which],
        watch_alarm=watch_alarm,
        X=outcome.X[which],
        alert=outcome.judgement.alert[which],
    )


def _first_of_each(played: Played) -> npt.NDArray[np.bool_]:
    """An event delivered again after long is applied again by a row that forgot it; it is one event all the same."""
    told_by = [played.event_id, played.kind.astype(np.uint64), played.subject, played.wallet]
    first = np.zeros(len(played.kind), np.bool_)
    first[np.unique(np.stack(told_by), axis=1, return_index=True)[1]] = True
    return first


def _empty(model: Model) -> Played:
    whole, ids, small = np.empty(0, np.int64), np.empty(0, np.uint64), np.empty(0, np.int8)
    scores, X = np.empty((0, len(model.detectors))), np.empty((0, len(model.feature_names)), np.float32)
    bank, case = np.empty(0, np.int16), np.empty(0, np.int32)
    flags, none = np.empty(0, np.bool_), np.empty(0)
    return Played(small, ids, ids, ids, bank, whole, whole, whole, ids, case, scores, none, X, flags)
