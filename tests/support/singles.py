"""How well one feature alone would find cases: a threshold in hindsight, at a budget of false alert groups a day."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import DEBIT, KINDS, OK
from detector.core.chain import ChainRun
from detector.core.chains import CHAINS
from detector.core.stage import Feature
from producers import jst
from producers.batches import to_batches
from producers.events import NO_CASE, Events
from producers.tables import to_table
from producers.texts import Texts

EARLY_YEN = 100_000  # at most so much of a case is debited, the alerting debit included (DESIGN section 4)
_TTL_MS = 400 * jst.DAY_MS
_PIECE = 65_536


class Seen(NamedTuple):
    """`n` events as the longest chain of stages saw them, duplicates left out; all arrays but `X` of shape `(n,)`.

    `case` is `NO_CASE` in normal life; `gone_yen` what was debited of the case so far, this event included; `group`
    numbers the pairs of whom an alert would be about and the day.
    """

    X: npt.NDArray[np.float32]
    kind: npt.NDArray[np.int8]
    case: npt.NDArray[np.int32]
    gone_yen: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]


class Single(NamedTuple):
    """What a threshold on one feature of one kind of event finds: shares of the cases."""

    feature: str
    kind: str
    early: float
    found: float


def seen_by_the_chain(arrived: Events, begins_ms: int) -> Seen:
    """The events from `begins_ms` on, features after the state of all before."""
    chain = CHAINS[-1]
    run = ChainRun(chain, None, ttl_ms=_TTL_MS)
    table = to_table(arrived, Texts(0))
    X, record, subject = [], [], []
    for batch in to_batches(table, _PIECE, which="all"):
        scored = run.process(batch)
        applied = scored.outcome.applied
        own = applied[scored.batch.role[applied] == 0]
        X.append(scored.outcome.X[own])
        record.append(scored.batch.offset[own])
        subject.append(scored.batch.subject[own])
    place = np.concatenate(record)
    events = arrived.select(place)
    day = (events.occurred_at_ms + jst.OFFSET_MS) // jst.DAY_MS
    group = np.unique(np.stack([np.concatenate(subject), day.astype(np.uint64)]), axis=1, return_inverse=True)[1]
    late = events.occurred_at_ms >= begins_ms
    gone = _gone_yen(events)
    return Seen(np.concatenate(X)[late], events.kind[late], events.case[late], gone[late], group[late])


def singles(seen: Seen, false_groups: float) -> Iterator[Single]:
    """What each feature finds where its threshold lets at most `false_groups` groups of normal life alert."""
    cases = len(np.unique(seen.case[seen.case != NO_CASE]))
    for column, feature in enumerate(CHAINS[-1].features):
        for kind in feature.kinds:
            yield _single(seen, column, feature, kind, cases, false_groups)


def _single(seen: Seen, column: int, feature: Feature, kind: str, cases: int, false_groups: float) -> Single:
    of_kind = seen.kind == KINDS.index(kind)
    risk = feature.risk * seen.X[of_kind, column]
    case, group, gone = seen.case[of_kind], seen.group[of_kind], seen.gone_yen[of_kind]
    alerts = risk >= _threshold(risk[case == NO_CASE], group[case == NO_CASE], false_groups)
    found, early = (np.unique(case[alerts & (case != NO_CASE) & which]) for which in (True, gone <= EARLY_YEN))
    return Single(feature.name, kind, len(early) / cases, len(found) / cases)


def _threshold(risk: npt.NDArray[np.float32], group: npt.NDArray[np.int64], false_groups: float) -> float:
    """The lowest value that at most `false_groups` groups reach."""
    known = ~np.isnan(risk)
    order = np.argsort(-risk[known], kind="stable")
    values, first = np.unique(group[known][order], return_index=True)
    del values
    maxima = np.sort(risk[known][order][first])[::-1]
    allowed = int(false_groups)
    if allowed >= len(maxima):
        return -np.inf
    # Ties with the first group too many are too many.
    above = maxima[maxima > maxima[allowed]]
    return float(above[-1]) if len(above) else np.inf


def _gone_yen(events: Events) -> npt.NDArray[np.int64]:
    taken = np.where((events.kind == DEBIT) & (events.result == OK), events.amount_yen, 0)
    gone = np.zeros(events.size, np.int64)
    for case in np.unique(events.case[events.case != NO_CASE]):
        of = np.flatnonzero(events.case == case)
        gone[of] = np.cumsum(taken[of])
    return gone
