"""What the shell relies on behind its ports: the same tests for a Kafka in memory and for Faust with a real one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Protocol

import numpy as np
import pytest
from aiokafka.structs import OffsetAndMetadata
from faust.types import TP

from detector.core.stages.cases import CASES
from detector.kafka.redrives import Redrives
from detector.settings import Settings
from detector.stream.batch_writer import PRODUCER_BATCH_BYTES
from detector.stream.changelog import Header, Recovery, encode_header, encode_rows, encode_tombstones
from detector.stream.ports import Chunk, Listener, Ports

CHUNK = 10
PATIENCE_S = 30.0
QUIET_S = 0.5
HEADER = Header("hop", "id-1", 1, "cases")

KeyValue = tuple[bytes | None, bytes | None]


class Cluster(Protocol):
    """A Kafka with topics of its own for every test, one partition each; chunks have `CHUNK` records at most."""

    settings: Settings

    def ports(self) -> Ports:
        """Those of one more process."""

    def put(self, topic: str, records: Sequence[KeyValue], *, marked: bool = False) -> None:
        """Append records, if `marked` in a transaction: a marker follows them."""


class Inbox:
    """A listener that records its calls."""

    def __init__(self, on_chunk: Callable[[Chunk], Any] | None = None) -> None:
        self.calls: list[str] = []
        self.chunks: list[Chunk] = []
        self._on_chunk = on_chunk

    async def begin(self) -> None:
        self.calls.append("begin")

    async def on_chunk(self, chunk: Chunk) -> None:
        self.calls.append("chunk")
        self.chunks.append(chunk)
        if self._on_chunk is not None:
            await self._on_chunk(chunk)

    async def finish(self) -> None:
        self.calls.append("finish")

    def records(self, tp: TP) -> list[Any]:
        return [record for chunk in self.chunks if chunk.tp == tp for record in chunk.records]

    def offsets(self, tp: TP) -> list[int]:
        return [record.offset for record in self.records(tp)]


async def until(happens: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not happens():  # noqa: ASYNC110 - what happens, happens elsewhere
            await asyncio.sleep(0.005)


@asynccontextmanager
async def member(cluster: Cluster, inbox: Listener) -> AsyncIterator[Ports]:
    """A member of the group that has been assigned its partitions."""
    ports = cluster.ports()
    await ports.source.start(inbox)
    try:
        await until(lambda: bool(ports.source.assignment()) and "begin" in getattr(inbox, "calls", ()))
        yield ports
    finally:
        await ports.source.stop()


def values(count: int, start: int = 0) -> list[KeyValue]:
    return [(None, b"%d" % number) for number in range(start, start + count)]


def case_rows(*keys: int) -> Any:
    rows = np.zeros(len(keys), CASES.row)
    rows["key"], rows["version"], rows["kernel"] = keys, CASES.version, CASES.kernel_hash
    return rows


class PortsSuite:
    """Subclasses have a fixture `cluster`."""

    @pytest.fixture
    def tp(self, cluster: Cluster) -> TP:
        return TP(cluster.settings.account_events, 0)

    @pytest.fixture
    def hop(self, cluster: Cluster) -> TP:
        return TP(cluster.settings.hop_topic("cases"), 0)

    @pytest.fixture
    def changelog(self, cluster: Cluster) -> TP:
        return TP(cluster.settings.rows_topic("cases"), 0)

    async def test_chunks_come_in_offset_order_after_the_assignment_in_its_generation(
        self, cluster: Cluster, tp: TP
    ) -> None:
        inbox = Inbox()
        cluster.put(tp.topic, values(4 * CHUNK))
        async with member(cluster, inbox) as ports:
            await until(lambda: len(inbox.offsets(tp)) >= 4 * CHUNK)
            assert "begin" in inbox.calls[: inbox.calls.index("chunk")]
            assert {ports.source.generation} == {chunk.generation for chunk in inbox.chunks}
            cluster.put(tp.topic, values(3, 4 * CHUNK))
            await until(lambda: len(inbox.offsets(tp)) > 4 * CHUNK + 2)
        assert [*range(4 * CHUNK + 3)] == inbox.offsets(tp)
        assert [b"%d" % number for number in range(4 * CHUNK + 3)] == [record.value for record in inbox.records(tp)]
        assert CHUNK == max(len(chunk.records) for chunk in inbox.chunks)

    async def test_the_next_chunk_waits_for_the_one_before(self, cluster: Cluster, tp: TP) -> None:
        free = asyncio.Event()

        async def wait(_: Chunk) -> None:
            await free.wait()

        inbox = Inbox(wait)
        cluster.put(tp.topic, values(2 * CHUNK))
        async with member(cluster, inbox):
            await until(lambda: bool(inbox.chunks))
            await asyncio.sleep(QUIET_S)
            assert 1 == len(inbox.chunks)
            free.set()
            await until(lambda: len(inbox.offsets(tp)) >= 2 * CHUNK)

    async def test_what_is_held_comes_later_and_the_others_meanwhile(self, cluster: Cluster, tp: TP, hop: TP) -> None:
        inbox = Inbox()
        async with member(cluster, inbox) as ports:
            await ports.source.hold({tp, TP(tp.topic, 7)})  # the second is held by nobody
            await asyncio.sleep(QUIET_S)
            cluster.put(tp.topic, values(3 * CHUNK))
            cluster.put(hop.topic, values(2 * CHUNK))
            await until(lambda: len(inbox.offsets(hop)) == 2 * CHUNK)
            await asyncio.sleep(QUIET_S)
            assert [] == inbox.offsets(tp)
            await ports.source.hold({hop})
            cluster.put(hop.topic, values(1))
            await until(lambda: len(inbox.offsets(tp)) == 3 * CHUNK)
            await ports.source.hold(set())
            await until(lambda: len(inbox.offsets(hop)) == 2 * CHUNK + 1)
        assert ([*range(3 * CHUNK)], [*range(2 * CHUNK + 1)]) == (inbox.offsets(tp), inbox.offsets(hop))

    async def test_nothing_is_handed_over_after_a_pause(self, cluster: Cluster, tp: TP) -> None:
        inbox = Inbox()
        async with member(cluster, inbox) as ports:
            ports.source.pause()
            cluster.put(tp.topic, values(3))
            await asyncio.sleep(QUIET_S)
        assert [] == inbox.chunks

    async def test_a_commit_comes_back_with_its_metadata_and_without_one_nothing(
        self, cluster: Cluster, tp: TP, hop: TP
    ) -> None:
        cluster.put(tp.topic, values(9))
        async with member(cluster, Inbox()) as ports:
            source = ports.source
            assert {} == await source.committed({tp, hop})
            for mark in (OffsetAndMetadata(0, "口座"), OffsetAndMetadata(7, "x" * 4000)):
                assert await source.commit({tp: mark}, source.generation)
                assert {tp: mark} == await source.committed({tp, hop})
            both = {tp: OffsetAndMetadata(8, "a"), hop: OffsetAndMetadata(0, "b")}
            assert await source.commit(both, source.generation)
            assert both == await source.committed({tp, hop})

    async def test_a_commit_of_a_generation_that_is_over_is_refused(self, cluster: Cluster, tp: TP) -> None:
        cluster.put(tp.topic, values(9))
        first, second = Inbox(), Inbox()
        before, after = OffsetAndMetadata(3, "before"), OffsetAndMetadata(5, "after")
        async with member(cluster, first) as one:
            assert await one.source.commit({tp: before}, one.source.generation)
            other = cluster.ports()
            await other.source.start(second)
            try:
                await until(lambda: "finish" in first.calls and bool(second.calls))
                await until(lambda: (tp in one.source.assignment()) != (tp in other.source.assignment()))
                holds, gone = (one, other) if tp in one.source.assignment() else (other, one)
                assert not await gone.source.commit({tp: after}, gone.source.generation)
                assert {tp: before} == await holds.source.committed({tp})
                assert await holds.source.commit({tp: after}, holds.source.generation)
                assert {tp: after} == await gone.source.committed({tp})
            finally:
                await other.source.stop()

    async def test_what_is_read_again_comes_again_from_there(self, cluster: Cluster, tp: TP) -> None:
        cluster.put(tp.topic, values(4 * CHUNK))
        inbox = Inbox()
        async with member(cluster, inbox) as ports:
            await until(lambda: len(inbox.offsets(tp)) >= 4 * CHUNK)
            await ports.source.read_again(TP(tp.topic, 7), 0)  # held by nobody: nothing happens
            await ports.source.read_again(tp, CHUNK)
            await until(lambda: len(inbox.offsets(tp)) >= 7 * CHUNK)
        assert [*range(4 * CHUNK), *range(CHUNK, 4 * CHUNK)] == inbox.offsets(tp)

    async def test_futures_resolve_in_the_order_of_the_sends_which_is_the_log_s(
        self, cluster: Cluster, hop: TP
    ) -> None:
        inbox, resolved = Inbox(), list[int]()

        def note(number: int, _: object) -> None:
            resolved.append(number)

        async with member(cluster, inbox) as ports:
            futures = []
            for number in range(20):
                future = await ports.producer.send_batch(hop.topic, 0, [b"%d" % number, b"%d'" % number])
                future.add_done_callback(partial(note, number))
                futures.append(future)
            await asyncio.wait(futures, timeout=PATIENCE_S)
            assert all(future.done() and future.exception() is None for future in futures)
            await until(lambda: len(inbox.records(hop)) >= 40)
        assert [*range(20)] == resolved
        sent = [value for number in range(20) for value in (b"%d" % number, b"%d'" % number)]
        assert sent == [record.value for record in inbox.records(hop)]

    async def test_a_batch_is_in_the_log_whole_or_not_at_all(self, cluster: Cluster, hop: TP) -> None:
        inbox = Inbox()
        largest = [b"x" * (PRODUCER_BATCH_BYTES // 8)] * 7
        async with member(cluster, inbox) as ports:
            with pytest.raises(ValueError, match="do not fit into a batch"):
                await ports.producer.send_batch(hop.topic, 0, largest * 2)
            await (await ports.producer.send_batch(hop.topic, 0, largest))
            await until(lambda: len(inbox.records(hop)) >= len(largest))
            assert len(largest) == (await ports.source.end_offsets(hop))[hop]
        assert largest == [record.value for record in inbox.records(hop)]

    async def test_an_alert_is_durable_once_its_future_is_done(self, cluster: Cluster) -> None:
        async with member(cluster, Inbox()) as ports:
            future = await ports.producer.send_one(cluster.settings.alerts, b"key", b'{"alert_id": "a"}')
            async with asyncio.timeout(PATIENCE_S):
                await future

    async def test_an_empty_changelog_restores_to_nothing(self, cluster: Cluster, changelog: TP) -> None:
        found = await restored(cluster.ports(), changelog)
        assert (0, None) == (found.rows.count, found.header)

    async def test_rows_are_restored_to_the_end_whatever_was_removed_on_the_way(
        self, cluster: Cluster, changelog: TP
    ) -> None:
        rows, progress = case_rows(1, 2, 3), list[None]()
        later = case_rows(2)
        later["last_offset"] = 5
        gone = encode_tombstones(np.array([3], np.uint64), 8)
        async with member(cluster, Inbox()) as ports:
            for records in ([encode_header(HEADER)], encode_rows(rows, 7), encode_rows(later, 8), gone):
                for future in await ports.producer.send_records(changelog.topic, 0, iter(list(records))):
                    await future
        found = await restored(cluster.ports(), changelog, progress)
        assert HEADER == found.header
        assert [0, 5, 0] == found.rows.snapshot()["last_offset"].tolist()
        assert progress

    async def test_a_changelog_that_ends_with_a_marker_is_restored(self, cluster: Cluster, changelog: TP) -> None:
        cluster.put(changelog.topic, [encode_header(HEADER), *encode_rows(case_rows(1), 7)], marked=True)
        found = await restored(cluster.ports(), changelog)
        assert (1, HEADER) == (found.rows.count, found.header)

    async def test_a_restore_that_is_no_longer_wanted_gives_nothing(self, cluster: Cluster, changelog: TP) -> None:
        cluster.put(changelog.topic, [encode_header(HEADER)])
        reader = cluster.ports().reader
        assert await reader.restore({changelog: CASES}, lambda: False, lambda: None) is None

    async def test_the_bounds_of_a_log(self, cluster: Cluster, tp: TP, hop: TP) -> None:
        async with member(cluster, Inbox()) as ports:
            source = ports.source
            assert (0, {tp: 0, hop: 0}) == (await source.begin_offset(tp), await source.end_offsets(tp, hop))
            cluster.put(tp.topic, values(5))
            assert (0, {tp: 5}) == (await source.begin_offset(tp), await source.end_offsets(tp))
            await asyncio.to_thread(ports.topics.delete_before, {tp: 3})
            assert (3, {tp: 5}) == (await source.begin_offset(tp), await source.end_offsets(tp))

    async def test_markers_have_offsets_and_are_given_to_nobody(self, cluster: Cluster, tp: TP) -> None:
        inbox = Inbox()
        cluster.put(tp.topic, values(2), marked=True)  # 0, 1, the marker is 2
        cluster.put(tp.topic, values(1), marked=True)  # 3, the marker is 4
        async with member(cluster, inbox) as ports:
            await until(lambda: len(inbox.offsets(tp)) >= 3)
            assert [0, 1, 3] == inbox.offsets(tp)
            assert {tp: 5} == await ports.source.end_offsets(tp)
            assert 0 == ports.source.withheld(tp)
            async with asyncio.timeout(PATIENCE_S):
                while await ports.source.position(tp) != 5:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert [0, 3, 3] == [await ports.reader.first_offset(tp, offset) for offset in (0, 2, 3)]
            assert {tp} == await ports.reader.without_records({tp: (4, 5)})
            assert {tp} == await ports.reader.without_records({tp: (2, 3)})
            assert set() == await ports.reader.without_records({tp: (2, 5)})
            cluster.put(tp.topic, values(1), marked=True)  # 5, the marker is 6
            cluster.put(tp.topic, values(1))
            await until(lambda: 7 in inbox.offsets(tp))
            pairs = zip(inbox.chunks, inbox.chunks[1:], strict=False)
            assert [] == [after for before, after in pairs if after.begin != before.records[-1].offset + 1]

    async def test_deleted_records_are_no_records(self, cluster: Cluster, tp: TP) -> None:
        cluster.put(tp.topic, values(5))
        async with member(cluster, Inbox()) as ports:
            await asyncio.to_thread(ports.topics.delete_before, {tp: 3})
            assert 3 == await ports.reader.first_offset(tp, 1)
            assert {tp} == await ports.reader.without_records({tp: (0, 3)})
            assert set() == await ports.reader.without_records({tp: (0, 4)})

    async def test_topics_are_told_with_their_ids(self, cluster: Cluster, tp: TP) -> None:
        topics = cluster.ports().topics
        facts = await topics.facts()
        ids = await asyncio.to_thread(topics.ids, [tp.topic, f"{tp.topic}-that-is-not-there"])
        assert {tp.topic: facts[tp.topic].topic_id} == ids
        assert 1 == facts[tp.topic].partitions

    async def test_nothing_is_redriven_where_nobody_did(self, cluster: Cluster) -> None:
        assert Redrives() == await cluster.ports().topics.redrives()


async def restored(ports: Ports, changelog: TP, progress: list[None] | None = None) -> Recovery:
    reported = [] if progress is None else progress
    found = await ports.reader.restore({changelog: CASES}, lambda: True, lambda: reported.append(None))
    assert found is not None
    return found[changelog]
