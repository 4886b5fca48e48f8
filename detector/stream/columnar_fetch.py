"""Columns of records out of aiokafka's fetcher, which keeps what it is good at: positions, leaders, errors, waiting.

Two of its parts are replaced once a consumer has started, neither patched: the client that it sends through, by one
that keeps the message sets of an answer; the mapping that it puts results into, by one where each result iterates over
slices of columns instead of over records. An answer comes and is put there in one step of the event loop, so that a
result has the message set of its own answer.
"""

import sys
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.structs import TopicPartition

from detector.contract.records import Records
from detector.stream.message_sets import OldFormatError, read_message_set


def read_by_columns(consumer: AIOKafkaConsumer, most: int, *, columnar: bool = True) -> None:
    """Let a consumer that has started and fetched nothing yet give slices of at most `most` records.

    Not `columnar`: slices of what aiokafka reads itself, record by record.
    """
    fetcher = consumer._fetcher  # noqa: SLF001 - no public way
    fetcher._client = client = _Client(fetcher._client)  # noqa: SLF001
    fetcher._records = _Results(client, most, columnar=columnar)  # noqa: SLF001


async def fetch(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition] | None, timeout_s: float, most: int
) -> dict[TopicPartition, Records]:
    """The next slice of each of `partitions` (all, if none) that has one, until there are `most` records.

    Waits at most `timeout_s` for the first. What is left of a slice's fetch comes first the next time.
    """
    fetcher = consumer._fetcher  # noqa: SLF001 - as Faust does
    found: dict[TopicPartition, Records] = {}
    wanted, size = partitions, 0
    while True:
        taken = await fetcher.fetched_records(wanted, timeout=0 if found else timeout_s, max_records=1)
        for tp, (records,) in taken.items():
            found[tp] = records
            size += len(records)
            fetcher._records.drop_if_read(tp)  # noqa: SLF001
            fetcher._notify(fetcher._wait_consume_future)  # noqa: SLF001
        # An error of another partition would lose what was found: it is for the next call.
        wanted = [tp for tp in fetcher._records.results() if tp not in found and (not partitions or tp in partitions)]  # noqa: SLF001
        if not taken or not wanted or size >= most:
            return found


class ColumnConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka ships no types
    """A consumer without a group that gives columns, at most `max_poll_records` of a partition at once."""

    def __init__(self, *topics: str, columnar: bool = True, **options: Any) -> None:
        super().__init__(*topics, **options)
        self._most: int = self._max_poll_records or sys.maxsize
        self._columnar = columnar

    async def start(self) -> None:
        """See aiokafka."""
        await super().start()
        read_by_columns(self, self._most, columnar=self._columnar)

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, Records]:
        """See aiokafka: columns where that gives records."""
        with self._subscription.fetch_context():
            return await fetch(self, partitions, timeout_ms / 1000, max_records or self._most)


class _Client:
    """aiokafka's client; `sets` are the message sets of the last answer to a fetch."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.sets: dict[TopicPartition, bytes] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def send(self, node_id: int, request: Any, **options: Any) -> Any:
        """Send a request; its answer."""
        response = await self._client.send(node_id, request, **options)
        if isinstance(request, FetchRequest):
            self.sets = {
                TopicPartition(topic, partition): rest[-1]
                for topic, partitions in response.topics
                for partition, *rest in partitions
            }
        return response


class _Results(OrderedDict[TopicPartition, Any]):
    """The fetcher's results and errors by partition."""

    def __init__(self, client: _Client, most: int, *, columnar: bool) -> None:
        super().__init__()
        self._client, self._most, self._columnar = client, most, columnar

    def __setitem__(self, tp: TopicPartition, result: Any) -> None:
        if type(result) is FetchResult:
            raw = self._client.sets.pop(tp) if self._columnar else None
            result._partition_records = Slices(result._partition_records, raw, self._most)  # noqa: SLF001
        super().__setitem__(tp, result)

    def results(self) -> list[TopicPartition]:
        """The partitions that have records."""
        return [tp for tp, result in self.items() if type(result) is FetchResult]

    def drop_if_read(self, tp: TopicPartition) -> None:
        """Forget a result of which nothing is left, so that more is fetched of its partition."""
        result: Any = self.get(tp)
        if type(result) is FetchResult and result._partition_records.read:  # noqa: SLF001
            del self[tp]


class Slices(Iterator[Records]):
    """Stands in for aiokafka's `PartitionRecords`: the records of one answer in slices of at most `most`.

    `raw`: the message set that `plain` iterates over; None: `plain` reads it, as it does where the format is old.
    `next_fetch_offset`: where reading goes on behind the slices taken. `read`: whether all were.
    """

    def __init__(self, plain: Any, raw: bytes | None, most: int) -> None:
        self.next_fetch_offset: int = plain.next_fetch_offset
        self.read = False
        self._plain, self._raw, self._most = plain, raw, most
        self._left: Records | None = None
        self._end = self.next_fetch_offset

    def __next__(self) -> Records:
        if self._left is None:
            self._left = self._parsed()
            self._raw = self._plain = None  # the answer's bytes
        left = self._left
        taken, self._left = left[: self._most], left[self._most :]
        self.read = not len(self._left)
        self.next_fetch_offset = self._end if self.read else int(self._left.offset[0])
        if not len(taken):
            raise StopIteration
        return taken

    def _parsed(self) -> Records:
        plain = self._plain
        if self._raw is not None:
            committed = plain._isolation_level == READ_COMMITTED  # noqa: SLF001 - no public way
            aborted: Sequence[tuple[int, int]] = plain._aborted_transactions  # noqa: SLF001
            try:
                found = read_message_set(
                    self._raw,
                    self.next_fetch_offset,
                    aborted,
                    committed=committed,
                    check_crcs=plain._check_crcs,  # noqa: SLF001
                )
            except OldFormatError:
                pass
            else:
                self._end = found.next_offset
                return found.records
        records = Records.of(list(plain))
        self._end = plain.next_fetch_offset
        return records
