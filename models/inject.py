"""Simulated attacks injected into a history of normal life, and their events as the last stage sees them."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch, concatenate
from detector.contract.vocabulary import DEBIT, OK
from detector.core.admission import APPLY_FRESH
from detector.core.memory import MemoryRun
from detector.core.stage import Chain
from detector.core.topology import topology_of
from detector.jst import day_of
from models.datasets import SCORED_KINDS

NO_CASE = -1
EARLY_YEN = 100_000  # of a victim: while no more is debited, an alert saves most


class Attacks(NamedTuple):
    """The events of simulated cases, in order of arrival; arrays of shape `(n,)`.

    `arrival_ms` int64 is when an event reaches the bus; `case` int64 is unique over all attacks, `NO_CASE` for
    events without a single victim; `typology` int8 is its index in `names`; `held_out` bool: the case is for
    evaluation, not for training.
    """

    batch: Batch
    arrival_ms: npt.NDArray[np.int64]
    case: npt.NDArray[np.int64]
    typology: npt.NDArray[np.int8]
    held_out: npt.NDArray[np.bool_]
    names: tuple[str, ...]


class Cases(NamedTuple):
    """Link and debit events of cases as the last stage saw them, in order of arrival; arrays of shape `(n,)`.

    `X` float32 (n, n_features), `kind` int8 and `day` int64 as in `Dataset`; `case` int64, `typology` int8 and
    `held_out` bool as in `Attacks`; `yen` int64: debited from the victim in this case so far, this event included.
    """

    X: npt.NDArray[np.float32]
    kind: npt.NDArray[np.int8]
    case: npt.NDArray[np.int64]
    typology: npt.NDArray[np.int8]
    held_out: npt.NDArray[np.bool_]
    day: npt.NDArray[np.int64]
    yen: npt.NDArray[np.int64]
    names: tuple[str, ...]

    @property
    def early(self) -> npt.NDArray[np.bool_]:
        """Mask of the events before more than `EARLY_YEN` are debited."""
        return self.yen <= EARLY_YEN

    def select(self, which: npt.NDArray[np.bool_]) -> Self:
        """The events at `which`."""
        return self._replace(**{name: column[which] for name, column in self._asdict().items() if name != "names"})


def collect_cases(
    batches: Iterable[Batch],
    attacks: Attacks,
    chain: Chain,
    ttl_ms: int,
    advance: Callable[[int], None] = lambda _: None,
) -> Cases:
    """The cases of `attacks`, injected into all `batches` of one history; calls `advance` with each batch's size.

    The history's own events are not kept: with attacks injected a victim's events are no longer normal, and
    `datasets.collect` has the originals.
    """
    run = MemoryRun(topology_of(chain), None, ttl_ms=ttl_ms)
    empty = np.empty((0, len(chain.features)), np.float32)
    parts: list[tuple[npt.NDArray[np.generic], ...]] = [
        (empty, *(np.empty(0, dtype) for dtype in (np.int64, np.int8, np.int64, np.int64)))
    ]
    for events, mark in _injected(batches, attacks):
        outcome = run.process(events).last
        batch = outcome.events.batch
        of_case = (mark >= 0) & (attacks.case[mark] != NO_CASE)
        scored = np.isin(batch.kind, SCORED_KINDS) & (outcome.status <= APPLY_FRESH)
        which = np.flatnonzero(scored & of_case[batch.record])
        day = day_of(batch.occurred_at_ms[which])
        taken = np.where((batch.kind == DEBIT) & (batch.result == OK), batch.amount_yen, 0)
        parts.append((outcome.events.X[which], day, batch.kind[which], taken[which], mark[batch.record[which]]))
        advance(int((mark < 0).sum()))
    X, day, kind, taken, index = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    case = attacks.case[index]
    return Cases(
        X=X,
        kind=kind,
        case=case,
        typology=attacks.typology[index],
        held_out=attacks.held_out[index],
        day=day,
        yen=_running(taken, case),
        names=attacks.names,
    )


def _injected(batches: Iterable[Batch], attacks: Attacks) -> Iterator[tuple[Batch, npt.NDArray[np.int64]]]:
    """All events in order of arrival with new offsets, and for each its index in `attacks`, -1 for normal events.

    A normal event's arrival time is the greatest event time up to it, as the history has no other.
    """
    done, offset, latest_ms = 0, 0, 0
    attack = attacks.batch
    for batch in batches:
        if not batch.size:
            continue
        arrived_ms = np.maximum(np.maximum.accumulate(batch.occurred_at_ms), latest_ms)
        latest_ms = int(arrived_ms[-1])
        until = int(np.searchsorted(attacks.arrival_ms, latest_ms))
        injected = np.arange(done, until)
        done = until
        order = np.argsort(np.concatenate((arrived_ms, attacks.arrival_ms[injected])), kind="stable")
        mark = np.concatenate((np.full(batch.size, -1), injected))[order]
        both = concatenate([batch, attack.select(injected)]).select(order)
        yield (
            both._replace(
                offset=np.arange(offset, offset + both.size),
                record=np.arange(both.size, dtype=np.int32),
                hop_index=np.zeros(both.size, np.int32),
            ),
            mark,
        )
        offset += both.size


def _running(yen: npt.NDArray[np.int64], case: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Running sum of yen by case, the event included."""
    order = np.argsort(case, kind="stable")
    sums = np.cumsum(yen[order])
    first = np.searchsorted(case[order], case[order])
    running = np.empty(len(yen), np.int64)
    running[order] = sums - (sums[first] - yen[order][first])
    return running
