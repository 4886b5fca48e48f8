"""Lag, also where a log ends with what no consumer is given."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

from faust.types import TP
from structlog.testing import capture_logs

from detector.stream.lag import LOOKS, LagWatch
from detector.stream.ports import Span

INPUT = TP("account-events", 0)


class World:
    """A log whose offsets of `markers` hold no record, a consumer that fetched up to `fetched`, and a position.

    The log begins at `begin`; of its records, `open` lie behind an open transaction.
    """

    def __init__(self, *, position: int, end: int, fetched: int, markers: frozenset[int] = frozenset()) -> None:
        self.end, self.fetched, self.markers = end, fetched, markers
        self.begin = self.open = 0
        self.looks: list[Span] = []
        self.reported: list[int] = []
        self.deleted: list[int] = []
        self.withhold: list[int] = []
        self.task = SimpleNamespace(position=position, deleted_to=0, held=False, lag=0, tp=INPUT, node="account")
        reporting = SimpleNamespace(lag=self._report, deleted=lambda _, events: self.deleted.append(events))
        kafka, tasks = cast(Any, self), cast(Any, {INPUT: self.task})
        self.watch = LagWatch(kafka, kafka, tasks, cast(Any, reporting))

    def _report(self, _: Any, records: int, withheld: int) -> None:
        self.reported.append(records)
        self.withhold.append(withheld)

    async def end_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        return dict.fromkeys(partitions, self.end)

    async def begin_offset(self, _: TP) -> int:
        return self.begin

    def withheld(self, _: TP) -> int:
        return self.open

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


async def test_a_task_that_is_held_back_has_lag_and_waits_for_nothing() -> None:
    world = World(position=4, end=10, fetched=4)
    world.task.held = True
    await world.watch.look()
    assert (0, [6]) == (world.watch.waiting, world.reported)


async def test_markers_at_the_end_of_a_log_do_not_wait() -> None:
    world = World(position=9, end=10, fetched=10, markers=frozenset({9}))
    assert [1, 0, 0] == [await world.waiting(1) for _ in range(3)]
    assert [(9, 10)] == world.looks, "the same offsets were read twice"
    assert 10 == world.task.position
    assert [] == world.deleted


async def test_records_that_were_fetched_and_got_lost_afterwards_wait() -> None:
    world = World(position=7, end=10, fetched=10, markers=frozenset({9}))
    assert [3, 3, 3] == [await world.waiting(1) for _ in range(3)]


async def test_records_behind_markers_wait() -> None:
    world = World(position=9, end=10, fetched=10, markers=frozenset({9}))
    assert 0 == await world.waiting(2)
    world.end = 12
    assert 2 == await world.waiting(2)


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


async def test_a_log_of_which_all_was_deleted_unread_is_passed_over_and_counted() -> None:
    world = World(position=4, end=10, fetched=10, markers=frozenset(range(10)))
    world.begin = 10
    assert 0 == await world.waiting(3)
    assert (10, [6]) == (world.task.position, world.deleted)


async def test_a_task_that_moves_while_its_log_is_looked_at_is_left_alone() -> None:
    world = World(position=9, end=10, fetched=10, markers=frozenset({9}))
    await world.watch.look()

    async def moves(spans: Mapping[TP, Span]) -> set[TP]:
        world.task.position = 12
        return set(spans)

    cast(Any, world).without_records = moves
    await world.watch.look()
    assert 12 == world.task.position


async def test_an_open_transaction_is_no_lag_and_is_told_once_when_it_stays_open() -> None:
    world = World(position=10, end=10, fetched=10)
    world.open = 7
    with capture_logs() as logged:
        for looks in range(1, 3 * LOOKS):
            assert 0 == await world.waiting(1)
            assert (looks >= LOOKS) == bool(logged)
            assert (7 if looks > 1 else 0) == world.withhold[-1]
        (told,) = logged
        assert ("account", 0, 10, 7) == tuple(told[name] for name in ("stage", "partition", "offset", "events"))
        world.end = world.fetched = world.task.position = 12  # it ended, and another was begun
        await world.waiting(LOOKS - 1)
        assert [told] == logged
        await world.waiting(1)
        assert 2 == len(logged)
