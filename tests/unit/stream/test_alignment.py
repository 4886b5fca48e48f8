"""Which source partitions wait for which, while a backlog is read."""

from collections.abc import Collection, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.errors import KafkaConnectionError
from faust.types import TP

from detector.jst import HOUR_S
from detector.stream.alignment import BOUND_MS, PATIENCE_LOOKS, Alignment, Read, ahead

HOUR_MS = 1000 * HOUR_S
NOW_MS = 1_600_000_000_000
TOPICS = "accounts", "wallets"
A0, A1, W0, W1 = (TP(topic, number) for topic in TOPICS for number in (0, 1))
ENDS = dict.fromkeys((A0, A1, W0, W1), 100)


@pytest.mark.parametrize(
    ("expected", "read"),
    [
        (({A0}, NOW_MS), {A0: (50, NOW_MS + BOUND_MS + 1), W0: (20, NOW_MS)}),
        ((set(), NOW_MS), {A0: (50, NOW_MS + BOUND_MS), W0: (20, NOW_MS)}),
        (({A0, A1}, 0), {A0: (50, NOW_MS), A1: (9, NOW_MS), W0: (0, 0)}),  # nothing is known of the wallets yet
        ((set(), NOW_MS), {A0: (100, NOW_MS + HOUR_MS), W0: (20, NOW_MS)}),  # live: it waits for nobody
        ((set(), NOW_MS + HOUR_MS), {A0: (50, NOW_MS + HOUR_MS), W0: (100, NOW_MS)}),  # and nobody for it
        ((set(), -1), {A0: (100, NOW_MS), W0: (101, NOW_MS - HOUR_MS)}),
        ((set(), -1), {}),
    ],
)
def test_who_has_a_backlog_and_is_ahead_waits_for_the_hindmost_that_has_one(
    expected: tuple[set[TP], int], read: Mapping[TP, tuple[int, int]]
) -> None:
    assert expected == ahead({tp: Read(*each) for tp, each in read.items()}, ENDS, BOUND_MS)


class World:
    """Four logs, of which this worker reads those with a task; `calls` has what it was told to hold."""

    def __init__(self, **tasks: tuple[int, int]) -> None:
        self.tasks = {TP(*_TP[name]): _task(*read) for name, read in tasks.items()}
        self.ends = dict(ENDS)
        self.calls: list[set[TP]] = []
        self.alignment = Alignment(cast(Any, self), TOPICS, cast(Any, self.tasks))

    async def end_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        return {tp: self.ends[tp] for tp in partitions}

    async def hold(self, partitions: Collection[TP]) -> None:
        self.calls.append(set(partitions))

    def reads(self, tp: TP, position: int, watermark_ms: int) -> None:
        self.tasks[tp].position, self.tasks[tp].pipeline.watermark_ms = position, watermark_ms

    @property
    def held(self) -> set[TP]:
        return {tp for tp, task in self.tasks.items() if task.held}


_TP = {"a0": A0, "a1": A1, "w0": W0, "w1": W1}


def _task(position: int, watermark_ms: int) -> Any:
    return SimpleNamespace(position=position, pipeline=SimpleNamespace(watermark_ms=watermark_ms), held=False)


async def test_nothing_is_held_before_the_logs_ends_are_known() -> None:
    world = World(a0=(50, NOW_MS + HOUR_MS), w0=(20, NOW_MS))
    await world.alignment.align()
    assert [] == world.calls


async def test_who_is_ahead_is_held_until_the_others_are_there() -> None:
    world = World(a0=(50, NOW_MS + HOUR_MS), w0=(20, NOW_MS), a1=(100, NOW_MS), w1=(100, NOW_MS))
    await world.alignment.look()
    await world.alignment.align()
    assert ([{A0}], {A0}) == (world.calls, world.held)
    world.reads(W0, 40, NOW_MS + HOUR_MS // 2)
    await world.alignment.align()
    assert [{A0}] == world.calls, "it is told once"
    world.reads(W0, 60, NOW_MS + 2 * HOUR_MS)
    await world.alignment.align()
    assert ([{A0}, {W0}], {W0}) == (world.calls, world.held)
    world.reads(A0, 100, NOW_MS + 2 * HOUR_MS)
    await world.alignment.align()
    assert ([{A0}, {W0}, set()], set()) == (world.calls, world.held)


async def test_partitions_of_other_workers_are_not_waited_for() -> None:
    world = World(a0=(50, NOW_MS + HOUR_MS), a1=(20, NOW_MS + HOUR_MS))
    await world.alignment.look()
    await world.alignment.align()
    assert [] == world.calls


async def test_events_that_arrived_since_the_last_look_are_no_backlog() -> None:
    world = World(a0=(100, NOW_MS + HOUR_MS), w0=(100, NOW_MS))
    await world.alignment.look()
    world.ends = dict.fromkeys(ENDS, 101)
    await world.alignment.look()
    await world.alignment.align()
    assert [] == world.calls
    await world.alignment.look()  # they are still unread
    await world.alignment.align()
    assert [{A0}] == world.calls


async def test_who_stands_is_waited_for_no_longer_until_it_moves() -> None:
    world = World(a0=(50, NOW_MS + HOUR_MS), w0=(20, NOW_MS))
    for _ in range(PATIENCE_LOOKS + 2):
        assert [{A0}] * bool(world.calls) == world.calls
        await world.alignment.look()
        await world.alignment.align()
    assert [{A0}, set()] == world.calls
    world.reads(W0, 30, NOW_MS + 1)
    await world.alignment.align()
    assert [{A0}, set(), {A0}] == world.calls


async def test_a_new_assignment_holds_nothing() -> None:
    world = World(a0=(50, NOW_MS + HOUR_MS), w0=(20, NOW_MS))
    await world.alignment.look()
    await world.alignment.align()
    await world.alignment.begin()
    assert [{A0}] == world.calls
    await world.alignment.align()
    assert [{A0}, {A0}] == world.calls


async def test_an_assignment_goes_on_where_kafka_cannot_say_how_long_the_logs_are() -> None:
    async def away(*_: TP) -> Mapping[TP, int]:
        raise KafkaConnectionError

    world = World(a0=(50, NOW_MS + HOUR_MS), w0=(20, NOW_MS))
    cast(Any, world).end_offsets = away
    await world.alignment.begin()
    await world.alignment.align()
    assert [] == world.calls


async def test_one_partition_of_one_topic_asks_nobody() -> None:
    world = World(a0=(50, NOW_MS))
    alone = Alignment(cast(Any, None), TOPICS[:1], cast(Any, world.tasks))
    await alone.begin()
    await alone.align()
