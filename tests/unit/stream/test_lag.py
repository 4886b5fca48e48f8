"""Lag, also where a log ends with what no consumer is given."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

from faust.types import TP

from detector.stream.lag import LagWatch
from detector.stream.ports import Span

INPUT = TP("account-events", 0)


class World:
    """A log whose offsets of `markers` hold no record, a consumer that fetched up to `fetched`, and a position."""

    def __init__(self, *, position: int, end: int, fetched: int, markers: frozenset[int] = frozenset()) -> None:
        self.end, self.fetched, self.markers = end, fetched, markers
        self.looks: list[Span] = []
        self.reported: list[int] = []
        self.task = SimpleNamespace(position=position, lag=0)
        reporting = SimpleNamespace(lag=lambda _, records: self.reported.append(records))
        kafka, tasks = cast(Any, self), cast(Any, {INPUT: self.task})
        self.watch = LagWatch(kafka, kafka, tasks, cast(Any, reporting))

    async def end_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        return dict.fromkeys(partitions, self.end)

    async def position(self, _: TP) -> int:
        return self.fetched

    async def without_records(self, spans: Mapping[TP, Span]) -> set[TP]:
        self.looks += spans.values()
        return {tp for tp, span in spans.items() if self.markers.issuperset(range(*span))}

    async def waiting(self, looks: int) -> int:
        for _ in range(looks):
            await self.watch.look()
        assert self.watch.waiting == self.reported[-1]
        return self.watch.waiting


async def test_what_was_not_fetched_waits() -> None:
    world = World(position=4, end=10, fetched=4)
    assert 6 == await world.waiting(3)
    assert [] == world.looks


async def test_markers_at_the_end_of_a_log_do_not_wait() -> None:
    world = World(position=9, end=10, fetched=10, markers=frozenset({9}))
    assert [1, 0, 0] == [await world.waiting(1) for _ in range(3)]
    assert [(9, 10)] == world.looks, "the same offsets were read twice"


async def test_records_that_were_fetched_and_got_lost_afterwards_wait() -> None:
    world = World(position=7, end=10, fetched=10, markers=frozenset({9}))
    assert [3, 3, 3] == [await world.waiting(1) for _ in range(3)]


async def test_records_behind_markers_wait() -> None:
    world = World(position=9, end=10, fetched=10, markers=frozenset({9}))
    assert 0 == await world.waiting(2)
    world.end = 12
    assert 3 == await world.waiting(2)


async def test_a_position_that_moves_is_not_looked_at() -> None:
    world = World(position=0, end=10, fetched=10)
    for position in range(10):
        world.task.position = position
        assert 10 - position == await world.waiting(1)
    assert [] == world.looks


async def test_partitions_that_went_do_not_wait() -> None:
    world = World(position=0, end=10, fetched=10)
    assert 10 == await world.waiting(1)
    cast(Any, world.watch)._tasks.clear()
    await world.watch.look()
    assert 0 == world.watch.waiting
