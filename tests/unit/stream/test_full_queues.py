"""A partition whose queue is full is left out of a fetch, and is fetched again as soon as its queue was taken from."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from detector.stream.transport import LOOK_AGAIN_S, Consumer

ONE, TWO = TP("events", 0), TP("events", 1)
FAUST_S = 1.0


class Thread:
    """Where records are fetched: what was asked for, and for how long."""

    def __init__(self) -> None:
        self.asked: list[tuple[set[TP] | None, float]] = []

    def assignment(self) -> set[TP]:
        return {ONE, TWO}

    async def getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, Any]:  # noqa: ASYNC109
        self.asked.append((active_partitions, timeout))
        return {}


class Fetching(Consumer):
    """A consumer without an app; `active` has what is not full, look by look."""

    flow_active = True
    should_stop = False  # a property of Faust's

    def __init__(self, *active: set[TP]) -> None:
        self._thread: Any = Thread()
        self._looks = list(active)
        self.slept: list[float] = []
        self.app: Any = SimpleNamespace(client_only=False)
        self.not_waiting_next_records: Any = asyncio.Event()

    def _get_active_partitions(self) -> set[TP]:
        return self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]

    async def sleep(self, n: Any, **_: Any) -> None:
        self.slept.append(n)

    async def fetch(self) -> list[tuple[set[TP] | None, float]]:
        await self._wait_next_records(FAUST_S)
        asked: list[tuple[set[TP] | None, float]] = self._thread.asked
        return asked


@pytest.mark.parametrize(
    ("expected_s", "active"), [(FAUST_S, {ONE, TWO}), (LOOK_AGAIN_S, {ONE})], ids=["none is full", "one is full"]
)
def test_a_fetch_waits_for_the_others_no_longer_than_a_full_queue_may_take(expected_s: float, active: set[TP]) -> None:
    async def scenario() -> None:
        consumer = Fetching(active)
        assert [(active, expected_s)] == await consumer.fetch()
        assert [] == consumer.slept

    asyncio.run(scenario())


def test_where_all_are_full_the_first_that_is_not_is_fetched_at_once() -> None:
    async def scenario() -> None:
        consumer = Fetching(set(), set(), {TWO})
        assert [({TWO}, LOOK_AGAIN_S)] == await consumer.fetch()
        assert [LOOK_AGAIN_S] * 2 == consumer.slept

    asyncio.run(scenario())
