"""A whole chain of stages in memory, over one log: training, back-test and replay.

The order of the log is the order of every hop, as if each had one partition: what the worker computes from its hop
topics in that order is the same to the last bit.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch, concatenate
from detector.contract.vocabulary import OPEN
from detector.core.desk import Desk
from detector.core.forward import both_sides, one_side
from detector.core.hop import Carried, nothing_carried
from detector.core.pipeline import Outcome, Pipeline
from detector.core.policy import Model
from detector.core.stage import Chain, Stage


class Scored(NamedTuple):
    """Events as the last stage saw them, `batch.record` pointing into the batch given, and what they came to."""

    batch: Batch
    outcome: Outcome


class ChainRun:
    """All stages of `chain`, one partition each; `model` judges after the last, None for features alone.

    `desk`: of a controlled model, that of `desk_of`.
    """

    def __init__(self, chain: Chain, model: Model | None, *, ttl_ms: int, desk: Stage | None = None) -> None:
        self.chain = chain
        last = len(chain.stages) - 1
        self.pipelines = [
            Pipeline(stage, model if place == last else None, ttl_ms=ttl_ms) for place, stage in enumerate(chain.stages)
        ]
        self._desk = Desk(model, desk, ttl_ms=ttl_ms) if model is not None and desk is not None else None

    def process(self, batch: Batch) -> Scored:
        """Take the next events of the log, account and wallet events mixed; a chain of one stage takes account events.

        Events that a stage refuses (a replay, a duplicate) do not reach the next.
        """
        first, *others = self.pipelines
        if not others:
            return self._decided(batch, first.process(batch))
        batch, carried = self._first(first, batch)
        for pipeline in others[:-1]:
            outcome = pipeline.process(batch, carried)
            which = one_side(batch, outcome.applied)
            batch, carried = batch.select(which), outcome.carried.select(which)
        return self._decided(batch, others[-1].process(batch, carried))

    def _decided(self, batch: Batch, outcome: Outcome) -> Scored:
        return Scored(batch, outcome if self._desk is None else self._desk.decide(batch, outcome))

    def _first(self, pipeline: Pipeline, batch: Batch) -> tuple[Batch, Carried]:
        """Account events through the first stage, wallet events past it; both in the order of the log."""
        of_wallets = batch.kind >= OPEN
        outcome = pipeline.process(batch.select(~of_wallets))
        accounts = batch.select(np.flatnonzero(~of_wallets)[outcome.applied])
        wallets = both_sides(batch.select(of_wallets))
        carried = outcome.carried.select(outcome.applied)
        if not wallets.size:
            return accounts, carried
        blank = nothing_carried(wallets.size, carried.X.shape[1])
        order = _by_log(accounts, wallets)
        joined = Carried(
            np.concatenate((carried.X, blank.X))[order], np.concatenate((carried.facts, blank.facts))[order]
        )
        return concatenate([accounts, wallets]).select(order), joined


def _by_log(one: Batch, other: Batch) -> npt.NDArray[np.int64]:
    """The order of the events of two batches of one log."""
    offset, place = np.concatenate((one.offset, other.offset)), np.concatenate((one.place, other.place))
    return np.lexsort((place, offset))
