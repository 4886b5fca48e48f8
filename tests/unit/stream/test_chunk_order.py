"""A chunk that does not begin where the last one ended: what the shell makes of it."""

from typing import Any, cast

import pytest
from support.shells import INPUT, Ported, chunk_at

from detector.errors import WorkerError
from detector.observe.metrics import Metrics
from detector.stream.reporting import Reporting


class World(Ported):
    """A shell whose log begins at `begin` and has its next record, from any position, at `following`."""

    def __init__(self, *, position: int, begin: int = 0, following: int = 0) -> None:
        super().__init__()
        self.task = self.take(position=position)
        self.backend.ends = {INPUT: (begin, 10_000)}
        self.backend.following = following
        self.asked = self.backend.read_again
        self.metrics = Metrics("1")
        cast(Any, self.shell)._reporting = Reporting(self.metrics, ["counting", "cases"], 0)

    async def is_next(self, offset: int, begin: int | None = None) -> bool:
        """Whether a chunk at `offset` is the next, the log having nothing from `begin` on, None: not known."""
        chunk = chunk_at(offset)
        chunk = chunk if begin is None else chunk._replace(begin=begin)
        return await self.shell._task_before(chunk) is self.task

    @property
    def deleted(self) -> float | None:
        return self.metrics.registry.get_sample_value("kozamori_deleted_events_total", {"stage": "counting"})


async def test_of_a_chunk_that_overlaps_the_position_what_lies_behind_it_is_processed() -> None:
    world = World(position=51)
    processed: list[list[int]] = []

    async def process(_: Any, records: Any) -> None:
        processed.append([record.offset for record in records])

    cast(Any, world.shell)._process = process
    await world.shell.on_chunk(chunk_at(49, 50, 51, 52))
    assert [[51, 52]] == processed
    assert [] == world.asked


async def test_offsets_that_are_missing_in_the_log_are_no_hole() -> None:
    world = World(position=100, following=105)
    assert await world.is_next(105)
    assert [] == world.asked


async def test_what_was_fetched_right_behind_the_last_chunk_needs_no_look_into_the_log() -> None:
    world = World(position=100, following=101)
    assert not await world.is_next(105), "the log has a record before it"
    assert await world.is_next(105, begin=100)
    assert await world.is_next(105, begin=90)
    assert not await world.is_next(105, begin=101)
    assert [100] == world.asked


async def test_records_that_did_not_come_are_asked_for_once_and_later_ones_left_out() -> None:
    world = World(position=0, following=0)
    assert [False, False] == [await world.is_next(100), await world.is_next(200)]
    assert [0] == world.asked
    world.task.position = 100  # they came, and with them a chunk that was under way twice
    assert not await world.is_next(50)
    assert [0] == world.asked
    assert not await world.is_next(300)
    assert [0, 100] == world.asked


async def test_a_log_that_begins_anew_ends_the_worker() -> None:
    world = World(position=100)
    world.backend.ends = {INPUT: (0, 99)}
    with pytest.raises(WorkerError, match="continued at offset 3 instead of 100"):
        await world.is_next(3)


async def test_chunks_that_are_delivered_once_more_are_left_out_and_what_follows_them_is_read() -> None:
    world = World(position=205)
    assert [False, False] == [await world.is_next(5, begin=5), await world.is_next(105, begin=105)]
    assert [] == world.asked
    assert not await world.is_next(305, begin=305), "the one before it began behind the position"
    assert [205] == world.asked
    assert await world.is_next(205, begin=205)


async def test_records_that_were_deleted_unread_are_counted_once_and_end_nothing() -> None:
    world = World(position=100, begin=150, following=150)
    assert await world.is_next(152, begin=100)
    assert await world.is_next(152, begin=100)
    assert 50 == world.deleted
    world.task.position = 153
    world.backend.ends = {INPUT: (160, 10_000)}
    assert await world.is_next(158, begin=153)
    assert 55 == world.deleted, "what came out of the log was not deleted"


async def test_missing_offsets_of_a_log_that_still_begins_before_them_were_not_deleted() -> None:
    world = World(position=100, begin=100)
    assert await world.is_next(1_100, begin=100)
    assert 0 == world.deleted


async def test_nothing_is_done_for_a_partition_that_is_no_longer_held() -> None:
    world = World(position=0, following=0)
    world.task.ended = True
    assert not await world.is_next(100)
    assert [] == world.asked
