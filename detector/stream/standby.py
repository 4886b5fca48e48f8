"""Follows changelogs of partitions that others have, so that this worker has their rows when it takes one over."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from faust.types import TP

from detector.contract.records import Records
from detector.core.stage import Stage
from detector.errors import UserError
from detector.stream.changelog import Recovery
from detector.stream.reader import POLL_MS, LogReader

log = structlog.get_logger(__name__)

#: Rows are read beside live events: few at a time, so that these wait for milliseconds.
SLICE_RECORDS = 2_000
FETCH_BYTES = 1024 * 1024
#: Between two looks whether there is something to follow, and after Kafka did not answer.
PAUSE_S = 0.5


#: Records not read yet, by stage and partition.
Lags = Mapping[tuple[str, int], int]


@dataclass(slots=True)
class Followed:
    """The rows of a changelog partition up to `position`, of the topic with this id.

    `lag` records were unread then; None: not known yet.
    """

    recovery: Recovery
    stage: str = ""
    topic_id: str = ""
    position: int = 0
    lag: int | None = None

    def feed(self, records: Sequence[Any]) -> None:
        """Take the next records of the log; see `Recovery.take`."""
        columns = Records.of(records)
        self.recovery.take(columns)
        self.position = int(columns.offset[-1]) + 1


class Standby:
    """Reads what `follow` names until it is taken; `told` is called with the lags after every turn.

    What this release cannot read is followed no more: whoever is assigned it will say so.
    """

    def __init__(self, reader: LogReader) -> None:
        self.turns, self.rest_s = 0, PAUSE_S + POLL_MS / 1000
        self.followed: dict[TP, Followed] = {}
        self.told: Callable[[Lags], None] = lambda _: None
        self._reader = reader

    def follow(self, stages: Mapping[TP, Stage], ids: Mapping[str, str]) -> None:
        """See `Reader`."""
        known = self.followed
        self.followed = {
            tp: known[tp]
            if tp in known and known[tp].topic_id == ids[tp.topic]
            else Followed(Recovery(stage), stage.name, ids[tp.topic])
            for tp, stage in stages.items()
        }

    @property
    def lags(self) -> Lags:
        """Records not read yet, by stage and partition (called from another thread)."""
        found = [(followed.stage, tp.partition, followed.lag) for tp, followed in list(self.followed.items())]
        return {(stage, partition): lag for stage, partition, lag in found if lag is not None}

    def take(self, tp: TP) -> Followed | None:
        """What was read of a partition, which is followed no more."""
        return self.followed.pop(tp, None)

    def give(self, tp: TP, followed: Followed) -> None:
        """What was read of a partition that was not taken over in the end."""
        self.followed.setdefault(tp, followed)

    async def run(self) -> None:
        """Read until cancelled; Kafka may be away."""
        while True:
            if self.followed:
                try:
                    await self._read()
                except (KafkaError, OSError) as error:
                    log.debug("rows are not followed for now", error=repr(error))
            self.told(self.lags)
            await asyncio.sleep(PAUSE_S)
            self.turns += 1

    async def _read(self) -> None:
        limits = {"max_partition_fetch_bytes": FETCH_BYTES, "max_poll_records": SLICE_RECORDS}
        async with self._reader.opened(
            auto_offset_reset="earliest", isolation_level="read_uncommitted", **limits
        ) as consumer:
            reading: dict[TP, Followed] = {}
            while self.followed:
                if not _same(reading, self.followed):
                    reading = dict(self.followed)
                    consumer.assign([TopicPartition(*tp) for tp in reading])
                    for tp, followed in reading.items():
                        if followed.position:
                            consumer.seek(TopicPartition(*tp), followed.position)
                for partition, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                    tp = TP(*partition)
                    if self.followed.get(tp) is reading[tp]:
                        self._feed(tp, reading[tp], records)
                    await asyncio.sleep(0)  # what lies fetched is given without a pause: others have their turn
                for tp, followed in reading.items():
                    end = consumer.highwater(TopicPartition(*tp))
                    followed.lag = max(0, (end or 0) - followed.position)
                self.told(self.lags)
                self.turns += 1

    def _feed(self, tp: TP, followed: Followed, records: Sequence[Any]) -> None:
        try:
            followed.feed(records)
        except UserError as error:
            log.warning("rows cannot be followed", topic=tp.topic, partition=tp.partition, error=str(error))
            del self.followed[tp]


def _same(some: Mapping[TP, Followed], others: Mapping[TP, Followed]) -> bool:
    return some.keys() == others.keys() and all(some[tp] is others[tp] for tp in some)
