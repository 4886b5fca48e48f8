"""A chunk that does not begin where the last one ended: what the shell makes of it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import TP

from detector.errors import WorkerError
from detector.settings import Settings
from detector.stream import shell as module
from detector.stream.shell import Shell

PLACE = TP("account-events", 2)


class World:
    """A shell whose log begins at `begin` and has its next record, from any position, at `following`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, position: int, begin: int = 0, following: int = 0) -> None:
        self.asked: list[int] = []  # positions read again
        self.task: Any = SimpleNamespace(tp=PLACE, position=position, read_again_from=-1, ended=False, node="account")
        self.shell = cast(Any, object.__new__(Shell))
        self.shell._settings = Settings()

        async def earliest_offsets(tp: TP) -> dict[TP, int]:
            return {tp: begin}

        async def read_again(_: TP, offset: int) -> None:
            self.asked.append(offset)

        async def first_offset(*_: object) -> int:
            return following

        self.shell.app = SimpleNamespace(
            consumer=SimpleNamespace(earliest_offsets=earliest_offsets),
            chunk_consumer=SimpleNamespace(read_again=read_again),
        )
        monkeypatch.setattr(module, "first_offset", first_offset)

    async def is_next(self, offset: int) -> bool:
        answer: bool = await self.shell._is_next(self.task, offset)
        return answer


async def test_offsets_that_are_missing_in_the_log_are_no_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, position=100, following=105)
    assert await world.is_next(105)
    assert [] == world.asked


async def test_records_that_did_not_come_are_asked_for_once_and_later_ones_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, position=0, following=0)
    assert [False, False] == [await world.is_next(100), await world.is_next(200)]
    assert [0] == world.asked
    world.task.position = 100  # they came, and with them a chunk that was under way twice
    assert not await world.is_next(50)
    assert [0] == world.asked
    assert not await world.is_next(300)
    assert [0, 100] == world.asked


async def test_a_log_that_begins_anew_or_has_lost_records_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WorkerError, match="continued at offset 3 instead of 100"):
        await World(monkeypatch, position=100).is_next(3)
    with pytest.raises(WorkerError, match="log begins at 150"):
        await World(monkeypatch, position=100, begin=150).is_next(150)


async def test_nothing_is_done_for_a_partition_that_is_no_longer_held(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, position=0, following=0)
    world.task.ended = True
    assert not await world.is_next(100)
    assert [] == world.asked
