"""A chunk that does not begin where the last one ended: what the shell makes of it."""

import pytest
from support.shells import INPUT, Ported

from detector.errors import WorkerError


class World(Ported):
    """A shell whose log begins at `begin` and has its next record, from any position, at `following`."""

    def __init__(self, *, position: int, begin: int = 0, following: int = 0) -> None:
        super().__init__()
        self.task = self.take(position=position)
        self.backend.ends = {INPUT: (begin, 10_000)}
        self.backend.following = following
        self.asked = self.backend.read_again

    async def is_next(self, offset: int) -> bool:
        return await self.shell._is_next(self.task, offset)


async def test_offsets_that_are_missing_in_the_log_are_no_hole() -> None:
    world = World(position=100, following=105)
    assert await world.is_next(105)
    assert [] == world.asked


async def test_records_that_did_not_come_are_asked_for_once_and_later_ones_left_out() -> None:
    world = World(position=0, following=0)
    assert [False, False] == [await world.is_next(100), await world.is_next(200)]
    assert [0] == world.asked
    world.task.position = 100  # they came, and with them a chunk that was under way twice
    assert not await world.is_next(50)
    assert [0] == world.asked
    assert not await world.is_next(300)
    assert [0, 100] == world.asked


async def test_a_log_that_begins_anew_or_has_lost_records_ends_the_worker() -> None:
    with pytest.raises(WorkerError, match="continued at offset 3 instead of 100"):
        await World(position=100).is_next(3)
    with pytest.raises(WorkerError, match="log begins at 150"):
        await World(position=100, begin=150).is_next(150)


async def test_nothing_is_done_for_a_partition_that_is_no_longer_held() -> None:
    world = World(position=0, following=0)
    world.task.ended = True
    assert not await world.is_next(100)
    assert [] == world.asked
