"""Runs the topology in memory over one log: training, scoring, back-test, replay.

Every node's input has the order of the log, as if each node had one partition. A worker whose hops have that order
computes the same to the last bit.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.batch import OWN, Batch
from detector.contract.texts import Strings
from detector.contract.vocabulary import ACCOUNT_EVENTS, OPEN
from detector.core.events import Events, in_log_order
from detector.core.expiry import ttl_of
from detector.core.model import Model
from detector.core.pipeline import Outcome, Pipeline
from detector.core.topology import Topology


class Played(NamedTuple):
    """Result of a part of the log, by node; `batch.record` of each node's events is the index in the given batch."""

    outcomes: Mapping[str, Outcome]
    topology: Topology

    @property
    def last(self) -> Outcome:
        """Outcome of the chain's last stage, where a model judges."""
        return self.outcomes[self.topology.chain.stages[-1].name]

    @property
    def alert(self) -> npt.NDArray[np.bool_]:
        """Which of the last stage's events alert, after any budget controller, bool (n,)."""
        batch = self.last.events.batch
        alert: npt.NDArray[np.bool_] = np.isin(batch.record, self.cases.events.batch.record)
        alert &= batch.role == OWN
        return alert

    @property
    def cases(self) -> Outcome:
        """Outcome of the node that raises: alerting events as updates of cases."""
        return next(self.outcomes[node.name] for node in self.topology.nodes if node.raises)


class MemoryRun:
    """All nodes of `topology`, one partition each; `model`: None for features alone; `ttl_ms`: of accounts."""

    def __init__(self, topology: Topology, model: Model | None, *, ttl_ms: int) -> None:
        self.topology = topology
        self.pipelines = {
            node.name: Pipeline(topology, node, model, ttl_ms=ttl_of(node.name, ttl_ms)) for node in topology.nodes
        }

    def process(self, batch: Batch, strings: Strings | None = None) -> Played:
        """Take the next events of the log, account and wallet events mixed; those that no node reads are dropped.

        Events that a node refuses (a replay, a duplicate) do not reach the next. `strings`: needed if alerts will be
        built from the result.
        """
        waiting: dict[str, list[Events]] = {node.name: [] for node in self.topology.nodes}
        of_accounts = batch.kind < OPEN
        for node in self.topology.nodes:
            if node.source is not None:
                own = np.flatnonzero(of_accounts == (node.source == ACCOUNT_EVENTS))
                mine = None if strings is None else strings.select(own)
                waiting[node.name].append(Events.fresh(batch.select(own), self.topology.width, mine))
        outcomes = {}
        for name, pipeline in self.pipelines.items():
            outcome = outcomes[name] = pipeline.process(in_log_order(waiting.pop(name)))
            for target, which in outcome.sent:
                waiting[target].append(outcome.events.select(which))
        return Played(outcomes, self.topology)
