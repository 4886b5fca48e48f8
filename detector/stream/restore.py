"""Reads changelog partitions to their end, from where a standby was, if there is one."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from faust.types import TP

from detector.core.stage import Stage
from detector.errors import KafkaAwayError, WorkerError
from detector.kafka.security import client_options
from detector.settings import Settings
from detector.stream.changelog import Recovery
from detector.stream.columnar_fetch import ColumnConsumer
from detector.stream.reader import POLL_MS, LogReader
from detector.stream.standby import Followed, Standby

#: Records of a slice: enough to load rows in bulk, few enough not to block the event loop for long.
SLICE_RECORDS = 20_000
#: A slice's bytes: 20,000 rows of 256 bytes with their keys, as one fetch.
FETCH_BYTES = 8 * 1024 * 1024


def kafka_reader(settings: Settings) -> "KafkaReader":
    """A reader with the connection and the way of fetching that the settings say."""
    return KafkaReader(client_options(settings), partial(ColumnConsumer, columnar=settings.columnar_fetch))


class KafkaReader(LogReader):
    """A reader of logs that also restores rows, and follows those of others."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.standby = Standby(self)

    def follow(self, stages: Mapping[TP, Stage], ids: Mapping[str, str]) -> None:
        """See `Reader`."""
        self.standby.follow(stages, ids)

    async def restore(
        self, stages: Mapping[TP, Stage], still_wanted: Callable[[], bool], progressed: Callable[[], None]
    ) -> dict[TP, Recovery] | None:
        """See `Reader`."""
        taken = {tp: self.standby.take(tp) or Followed(Recovery(stage)) for tp, stage in stages.items()}
        done = False
        try:
            done = await self._read({TopicPartition(*tp): each for tp, each in taken.items()}, still_wanted, progressed)
        except KafkaError as error:
            kind = KafkaAwayError if error.retriable else WorkerError
            raise kind(f"rows could not be restored: {error!r}") from error
        finally:
            if not done:  # the next restore goes on where this one was
                for tp, each in taken.items():
                    self.standby.give(tp, each)
        return {tp: each.recovery for tp, each in taken.items()} if done else None

    async def _read(
        self,
        taken: Mapping[TopicPartition, Followed],
        still_wanted: Callable[[], bool],
        progressed: Callable[[], None],
    ) -> bool:
        """Whether all was read to the end that it had at first."""
        # Workers write no transactions: one that somebody leaves open in a changelog must hide no row behind it.
        everything = {"auto_offset_reset": "earliest", "isolation_level": "read_uncommitted"}
        limits = {"max_partition_fetch_bytes": FETCH_BYTES, "max_poll_records": SLICE_RECORDS}
        async with self.opened(**everything, **limits) as consumer:
            consumer.assign(list(taken))
            ends = await consumer.end_offsets(list(taken))
            begins = await consumer.beginning_offsets(list(taken))
            for tp, each in taken.items():
                if each.position:
                    consumer.seek(tp, each.position)
            unread = {tp for tp, each in taken.items() if max(begins[tp], each.position) < ends[tp]}
            while unread:
                for tp, records in (await consumer.getmany(*unread, timeout_ms=POLL_MS)).items():
                    taken[tp].feed(records)
                    progressed()
                    await asyncio.sleep(0)  # what lies fetched is given without a pause: others have their turn
                if not still_wanted():
                    return False
                unread = {tp for tp in unread if await consumer.position(tp) < ends[tp]}
        return True
