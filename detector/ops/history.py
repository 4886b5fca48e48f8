"""Plays a history in memory and keeps its rows, by the partition in which a worker would look for them.

Only the stages' rows. Cases are not carried over: nobody was alerted of them, and an open one would swallow the first
alerts. Nor is a budget controller's row: it counts alerts that were raised.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch
from detector.contract.vocabulary import ACCOUNT_EVENTS, OPEN, WALLET_EVENTS
from detector.core.memory import MemoryRun
from detector.core.rows import Rows
from detector.core.topology import Topology
from detector.kafka.marks import Marks
from detector.stream.hop_writer import target_partitions

#: Event time from which on a log has the events itself, where it has none.
NEVER_MS = np.iinfo(np.int64).max

Numbers = npt.NDArray[np.int64]


class Slice(NamedTuple):
    """The next events of a history, offsets ascending, and the partition of each in its source topic, int64 (n,)."""

    batch: Batch
    partition: Numbers


class History:
    """The state that a history leaves in `partitions` partitions.

    `begins_ms`, int64 (partitions,) by source topic, is the time of the first event of each partition that a worker
    will read: events from then on are left out, as the log has them. `played` and `left_out` count events, `first_ms`
    and `last_ms` bound the times of those played.
    """

    def __init__(self, topology: Topology, begins_ms: Mapping[int, Numbers], *, partitions: int, ttl_ms: int) -> None:
        self.played = self.left_out = 0
        self.first_ms, self.last_ms = NEVER_MS, 0
        self._begins_ms = begins_ms
        self._partitions = partitions
        # Without a model nothing alerts: no event reaches the controller or the cases.
        self._run = MemoryRun(topology, None, ttl_ms=ttl_ms)
        self._stages = {node.name: node.stage for node in topology.nodes if node.stage is not None}
        self._first = topology.chain.stages[0].name
        self._partition_of_row = np.zeros(0, np.int64)

    def play(self, part: Slice) -> None:
        """Take the next events."""
        batch, partition = part
        of_accounts = batch.kind < OPEN
        begins_ms = np.where(
            of_accounts, self._begins_ms[ACCOUNT_EVENTS][partition], self._begins_ms[WALLET_EVENTS][partition]
        )
        kept = batch.occurred_at_ms < begins_ms
        self.left_out += int(np.count_nonzero(~kept))
        if not kept.any():
            return
        batch, partition, of_accounts = batch.select(kept), partition[kept], of_accounts[kept]
        self._run.process(batch)
        self.played += batch.size
        self.first_ms = min(self.first_ms, int(batch.occurred_at_ms.min()))
        self.last_ms = max(self.last_ms, int(batch.occurred_at_ms.max()))
        self._note(batch.account[of_accounts], partition[of_accounts])

    def marks(self, node: str, topic_id: str) -> Marks:
        """What a worker would know of the node's input behind the history."""
        pipeline = self._run.pipelines[node]
        return Marks(pipeline.watermark_ms, topic_id, begun_ms=pipeline.begun_ms)

    def rows(self, stage: str) -> list[Rows]:
        """The stage's rows of every partition by ascending key, those left out that have expired."""
        pipeline = self._run.pipelines[stage]
        rows: Rows = pipeline.rows.snapshot()
        if stage == self._first:
            place = self._partition_of_row[pipeline.rows.find(rows["key"])]
        else:
            place = target_partitions(self._stages[stage].placed_by(rows["key"]), self._partitions)
        place[pipeline.watermark_ms - rows["last_seen_ms"] > pipeline.ttl_ms] = self._partitions
        order = np.argsort(place, kind="stable")
        cuts = np.searchsorted(place[order], np.arange(self._partitions + 1))
        return [rows[order[begin:end]] for begin, end in pairwise(cuts.tolist())]

    def _note(self, account: npt.NDArray[np.uint64], partition: Numbers) -> None:
        """A row knows the hash of its account; its topic is partitioned by the account itself."""
        rows = self._run.pipelines[self._first].rows
        if len(self._partition_of_row) < len(rows.rows):
            more = len(rows.rows) - len(self._partition_of_row)
            self._partition_of_row = np.concatenate((self._partition_of_row, np.zeros(more, np.int64)))
        self._partition_of_row[rows.find(account)] = partition
