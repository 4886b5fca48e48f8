"""One stage by itself: a topology of a single node, for tests of what a stage does with the events of its log."""

from typing import Any

import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch
from detector.core.events import Events
from detector.core.pipeline import Outcome, Pipeline
from detector.core.rows import PackedRows
from detector.core.stage import FACTS, Chain, Stage
from detector.core.stages.cases import CASES
from detector.core.topology import Node, Topology

NEVER_MS = 10**15


class Alone:
    """The node of one stage, without edges; with a `model` it judges."""

    def __init__(
        self,
        stage: Stage,
        model: Any = None,
        *,
        ttl_ms: int = NEVER_MS,
        rows: PackedRows | None = None,
        watermark_ms: int = 0,
    ) -> None:
        node = Node(stage.name, stage, judges=model is not None, raises=stage is CASES)
        self._topology = Topology(Chain((stage,)), (node,))
        self._pipeline = Pipeline(self._topology, node, model, ttl_ms=ttl_ms, rows=rows, watermark_ms=watermark_ms)

    def process(self, batch: Batch, facts: npt.NDArray[np.int64] | None = None) -> Outcome:
        """The next events of the log; `facts` are those of the nodes before, zero where None."""
        events = Events.fresh(batch, self._topology.width)
        return self._pipeline.process(events if facts is None else events._replace(facts=facts))

    @property
    def rows(self) -> PackedRows:
        """Its rows."""
        return self._pipeline.rows

    @property
    def watermark_ms(self) -> int:
        """The greatest event time so far."""
        return self._pipeline.watermark_ms


def no_facts(n: int) -> npt.NDArray[np.int64]:
    """The facts of `n` events that no node has seen."""
    return np.zeros((n, len(FACTS)), np.int64)
