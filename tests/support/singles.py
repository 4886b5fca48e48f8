"""How well one feature alone would find cases: a threshold in hindsight, at a budget of false alert groups a day."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.batch import OWN
from detector.contract.vocabulary import DEBIT, KINDS, OK
from detector.core.chains import CHAINS
from detector.core.memory import MemoryRun
from detector.core.topology import topology_of
from producers import jst
from producers.batches import to_batches
from producers.cases import is_campaign
from producers.events import NO_CASE, Events
from producers.tables import to_table
from producers.texts import Texts

EARLY_YEN = 100_000  # at most so much of a case is debited, the alerting debit included
_TTL_MS = 400 * jst.DAY_MS
_PIECE = 65_536
_NEVER = 1 << 60  # yen


class Seen(NamedTuple):
    """`n` events as the longest chain of stages saw them, duplicates left out; all arrays but `X` of shape `(n,)`.

    `case` is `NO_CASE` in normal life; what a thief does for no single case is left out. `gone_yen` is what was debited
    of the case so far, this event included; `group` numbers the pairs of whom an alert would be about and the day.
    """

    X: npt.NDArray[np.float32]
    kind: npt.NDArray[np.int8]
    case: npt.NDArray[np.int32]
    gone_yen: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]


class Single(NamedTuple):
    """What a threshold on one feature of one kind of event finds, as shares."""

    feature: str
    early: float  # of the cases alerted while at most `EARLY_YEN` are gone
    found: float  # of the cases alerted at all
    lost: float  # of the yen of all cases: gone at the first alert, the alerting debit included


def seen_by_the_chain(arrived: Events, begins_ms: int) -> Seen:
    """The events from `begins_ms` on, features after the state of all before."""
    run = MemoryRun(topology_of(CHAINS[-1]), None, ttl_ms=_TTL_MS)
    table = to_table(arrived, Texts(0))
    X, record, subject = [], [], []
    for batch in to_batches(table, _PIECE, which="all"):
        last = run.process(batch).last
        seen, applied = last.events.batch, last.applied
        own = applied[seen.role[applied] == OWN]
        X.append(last.events.X[own])
        record.append(seen.offset[own])
        subject.append(seen.subject[own])
    place = np.concatenate(record)
    events = arrived.select(place)
    day = (events.occurred_at_ms + jst.OFFSET_MS) // jst.DAY_MS
    group = np.unique(np.stack([np.concatenate(subject), day.astype(np.uint64)]), axis=1, return_inverse=True)[1]
    late = (events.occurred_at_ms >= begins_ms) & ~is_campaign(events.case)
    gone = _gone_yen(events)
    return Seen(np.concatenate(X)[late], events.kind[late], events.case[late], gone[late], group[late])


def singles(seen: Seen, false_groups: float) -> Iterator[Single]:
    """What each feature finds where its threshold lets at most `false_groups` groups of normal life alert."""
    for column, feature in enumerate(CHAINS[-1].features):
        for kind in feature.kinds:
            of_kind = seen.kind == KINDS.index(kind)
            risk = np.full(len(of_kind), -np.inf)
            risk[of_kind] = np.nan_to_num(feature.risk * seen.X[of_kind, column], nan=-np.inf)
            normal = of_kind & (seen.case == NO_CASE)
            yield single(
                f"{feature.name} of a {kind}",
                seen,
                risk >= threshold_of(risk[normal], seen.group[normal], false_groups),
            )


def single(feature: str, seen: Seen, alerts: npt.NDArray[np.bool_]) -> Single:
    """What these alerts are worth."""
    bad = seen.case != NO_CASE
    cases, place = np.unique(seen.case[bad], return_inverse=True)
    total, first = np.zeros(len(cases), np.int64), np.full(len(cases), _NEVER)
    np.maximum.at(total, place, seen.gone_yen[bad])
    np.minimum.at(first, place, np.where(alerts[bad], seen.gone_yen[bad], _NEVER))
    lost = np.minimum(first, total).sum() / max(1, total.sum())
    return Single(feature, float((first <= EARLY_YEN).mean()), float((first < _NEVER).mean()), float(lost))


def threshold_of(risk: npt.NDArray[np.float64], group: npt.NDArray[np.int64], false_groups: float) -> float:
    """The lowest value that at most `false_groups` groups reach."""
    order = np.argsort(-risk, kind="stable")
    maxima = np.sort(risk[order][np.unique(group[order], return_index=True)[1]])[::-1]
    # Ties with the first group too many are too many.
    above = maxima[maxima > maxima[min(int(false_groups), len(maxima) - 1)]]
    return float(above[-1]) if len(above) else np.inf


def _gone_yen(events: Events) -> npt.NDArray[np.int64]:
    taken = np.where((events.kind == DEBIT) & (events.result == OK), events.amount_yen, 0)
    gone = np.zeros(events.size, np.int64)
    for case in np.unique(events.case[events.case != NO_CASE]):
        of = np.flatnonzero(events.case == case)
        gone[of] = np.cumsum(taken[of])
    return gone
