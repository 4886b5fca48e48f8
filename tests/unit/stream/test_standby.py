"""A standby reads what others write, until somebody takes it; a restore goes on where it was."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from aiokafka.structs import TopicPartition
from faust.types import TP
from support.stages import COUNTING, rows_of

from detector.contract.records import Records
from detector.stream.changelog import Header, encode_header, encode_rows
from detector.stream.restore import KafkaReader

TOPIC = "rows"
ONE, TWO = TP(TOPIC, 0), TP(TOPIC, 1)
STAGES = {ONE: COUNTING, TWO: COUNTING}
IDS = {TOPIC: "id-1"}
HEADER = encode_header(Header("events", "id-0", 2, COUNTING.name))
PATIENCE_S = 60.0


class Logs:
    """The changelog partitions; `read` counts the records that consumers were given."""

    def __init__(self) -> None:
        self.records: dict[TP, list[tuple[bytes, bytes | None]]] = defaultdict(list)
        self.read = 0

    def write(self, tp: TP, *keys: int, offset: int) -> None:
        """Rows of these keys, last changed at the offset."""
        rows = rows_of(*((key, offset) for key in keys))
        self.records[tp] += encode_rows(rows, 7)

    def reader(self) -> KafkaReader:
        return KafkaReader({}, lambda **_: Consumer(self))


class Consumer:
    """Of the logs; gives two records of a partition at a time."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._positions: dict[TopicPartition, int] = {}

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        self._positions = dict.fromkeys(partitions, 0)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self._positions[tp] = offset

    def highwater(self, tp: TopicPartition) -> int:
        return len(self._logs.records[TP(*tp)])

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return {tp: self.highwater(tp) for tp in partitions}

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def position(self, tp: TopicPartition) -> int:
        return self._positions[tp]

    async def getmany(self, *partitions: TopicPartition, timeout_ms: int) -> dict[TopicPartition, Records]:
        await asyncio.sleep(0.001)
        found = {}
        for tp in partitions or self._positions:
            at = self._positions[tp]
            records = self._logs.records[TP(*tp)][at : at + 2]
            if records:
                found[tp] = Records.from_lists(
                    [value for _, value in records],
                    [key for key, _ in records],
                    at + np.arange(len(records)),
                    np.zeros(len(records), np.int64),
                )
                self._positions[tp] += len(records)
                self._logs.read += len(records)
        return found


async def until(happens: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not happens():  # noqa: ASYNC110 - what happens, happens elsewhere
            await asyncio.sleep(0.001)


async def restored(reader: KafkaReader, *partitions: TP) -> dict[TP, list[int]]:
    """The positions of the rows that are restored."""
    found = await reader.restore(dict.fromkeys(partitions, COUNTING), lambda: True, lambda: None)
    assert found is not None
    return {tp: each.rows.snapshot()["last_offset"].tolist() for tp, each in found.items()}


async def test_who_takes_over_reads_only_what_the_standby_has_not() -> None:
    logs = Logs()
    logs.records[ONE].append(HEADER)
    logs.write(ONE, *range(9), offset=1)
    reader = logs.reader()
    reader.follow({ONE: COUNTING}, IDS)
    follows = asyncio.ensure_future(reader.standby.run())
    await until(lambda: logs.read == 10)
    logs.write(ONE, 0, offset=5)
    await until(lambda: logs.read == 11)
    assert {(COUNTING.name, 0): 0} == reader.standby.lags
    follows.cancel()
    logs.write(ONE, 1, offset=6)
    assert {ONE: [5, 6, 1, 1, 1, 1, 1, 1, 1]} == await restored(reader, ONE)
    assert 12 == logs.read
    assert {} == reader.standby.lags


async def test_a_restore_that_was_broken_off_goes_on_where_it_was() -> None:
    logs, wanted = Logs(), iter([True, False])
    logs.write(ONE, *range(8), offset=1)
    reader = logs.reader()
    reader.follow({ONE: COUNTING}, IDS)
    assert await reader.restore({ONE: COUNTING}, lambda: next(wanted), lambda: None) is None
    assert {ONE: [1] * 8} == await restored(reader, ONE)
    assert 8 == logs.read


async def test_what_was_read_of_a_topic_made_anew_does_not_count() -> None:
    logs = Logs()
    logs.write(ONE, *range(4), offset=1)
    reader = logs.reader()
    reader.follow({ONE: COUNTING}, IDS)
    follows = asyncio.ensure_future(reader.standby.run())
    await until(lambda: logs.read == 4)
    logs.records[ONE] = []
    logs.write(ONE, 9, offset=2)
    reader.follow({ONE: COUNTING}, {TOPIC: "id-2"})
    follows.cancel()
    assert {ONE: [2]} == await restored(reader, ONE)


async def test_what_is_no_longer_to_be_followed_is_let_go_and_the_rest_read_on() -> None:
    logs = Logs()
    logs.write(ONE, *range(4), offset=1)
    logs.write(TWO, *range(6), offset=1)
    reader = logs.reader()
    reader.follow(STAGES, IDS)
    follows = asyncio.ensure_future(reader.standby.run())
    await until(lambda: logs.read == 10)
    reader.follow({TWO: COUNTING}, IDS)
    logs.write(TWO, 1, offset=3)
    await until(lambda: logs.read == 11)
    assert {(COUNTING.name, 1): 0} == reader.standby.lags
    follows.cancel()


async def test_rows_of_another_kind_are_followed_no_more_and_end_nobody() -> None:
    logs = Logs()
    logs.records[ONE].append((np.arange(2, dtype="<u8").tobytes(), b"\xff" * COUNTING.row.itemsize))
    reader = logs.reader()
    reader.follow({ONE: COUNTING}, IDS)
    follows = asyncio.ensure_future(reader.standby.run())
    await until(lambda: not reader.standby.followed)
    assert not follows.done()
    follows.cancel()
