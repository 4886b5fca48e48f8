"""Reads changelog partitions to their end."""

from collections.abc import Callable, Mapping
from functools import partial

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

#: Records of a slice: enough to load rows in bulk, few enough not to block the event loop for long.
SLICE_RECORDS = 20_000
#: A slice's bytes: 20,000 rows of 256 bytes with their keys, as one fetch.
FETCH_BYTES = 8 * 1024 * 1024


def kafka_reader(settings: Settings) -> "KafkaReader":
    """A reader with the connection and the way of fetching that the settings say."""
    return KafkaReader(client_options(settings), partial(ColumnConsumer, columnar=settings.columnar_fetch))


class KafkaReader(LogReader):
    """A reader of logs that also restores rows."""

    async def restore(
        self, stages: Mapping[TP, Stage], still_wanted: Callable[[], bool], progressed: Callable[[], None]
    ) -> dict[TP, Recovery] | None:
        """See `Reader`."""
        recoveries = {TopicPartition(*tp): Recovery(stage) for tp, stage in stages.items()}
        try:
            return await self._read(recoveries, still_wanted, progressed)
        except KafkaError as error:
            kind = KafkaAwayError if error.retriable else WorkerError
            raise kind(f"rows could not be restored: {error!r}") from error

    async def _read(
        self,
        recoveries: Mapping[TopicPartition, Recovery],
        still_wanted: Callable[[], bool],
        progressed: Callable[[], None],
    ) -> dict[TP, Recovery] | None:
        # Workers write no transactions: one that somebody leaves open in a changelog must hide no row behind it.
        everything = {"auto_offset_reset": "earliest", "isolation_level": "read_uncommitted"}
        limits = {"max_partition_fetch_bytes": FETCH_BYTES, "max_poll_records": SLICE_RECORDS}
        async with self.opened(**everything, **limits) as consumer:
            consumer.assign(list(recoveries))
            ends = await consumer.end_offsets(list(recoveries))
            begins = await consumer.beginning_offsets(list(recoveries))
            unread = {tp for tp in recoveries if begins[tp] < ends[tp]}
            while unread:
                for tp, records in (await consumer.getmany(*unread, timeout_ms=POLL_MS)).items():
                    recoveries[tp].take(records)
                    progressed()
                if not still_wanted():
                    return None
                unread = {tp for tp in unread if await consumer.position(tp) < ends[tp]}
        return {TP(tp.topic, tp.partition): recovery for tp, recovery in recoveries.items()}
