"""Ends a worker one of whose topics was re-created: offsets and rows of the old one mean nothing in the new one.

The client's metadata does not show it where both happen between two updates: the name is the same, and where the new
log is already as long as the old one was, the consumer reads on in it. To a changelog made anew the producer writes on:
it would hold the rows that changed since, and a restart would take them for all.
"""

import asyncio
from collections.abc import Callable, Mapping

from faust.types import TP

from detector.errors import UserError
from detector.stream.aside import ANSWER_S, ask_aside
from detector.stream.identity import RESET
from detector.stream.partition_task import PartitionTask

#: As often as the client renews its metadata. An answer costs 6–8 ms of CPU, connection included.
INTERVAL_S = 15.0

#: Ids, by name, of those of the given topics that exist; UserError where Kafka does not answer.
AskIds = Callable[[list[str]], Mapping[str, str]]


class TopicWatch:
    """Asks Kafka again and again for the ids of the topics of `tasks`; calls `fail` where one has changed."""

    def __init__(
        self,
        ask_ids: AskIds,
        tasks: Mapping[TP, PartitionTask],
        fail: Callable[[BaseException], None],
        interval_s: float = INTERVAL_S,
    ) -> None:
        self.turns, self.rest_s = 0, interval_s + ANSWER_S
        self._interval_s = interval_s
        self._ask_ids = ask_ids
        self._tasks = tasks
        self._fail = fail

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await asyncio.sleep(self._interval_s)
            held = list(self._tasks.values())
            names = sorted({name for task in held for name in (task.tp.topic, task.changelog[0]) if name})
            if names and (ids := await self._ids(names)) is not None:
                self._compare(held, ids)
            self.turns += 1

    def _compare(self, held: list[PartitionTask], ids: Mapping[str, str]) -> None:
        for task in held:
            rows, rows_id = task.changelog
            # A missing input was deleted, which the next rebalance reports; a missing changelog nobody would.
            changed = _differs(task.tp.topic, task.topic_id, ids.get(task.tp.topic, task.topic_id))
            changed = changed or (_differs(rows, rows_id, ids.get(rows, "")) if rows else "")
            if changed and not task.ended:  # an ended one no longer counts
                self._fail(UserError(f"{changed}: {RESET}"))
                return

    async def _ids(self, topics: list[str]) -> Mapping[str, str] | None:
        try:
            return await ask_aside(lambda: self._ask_ids(topics), "topic ids")
        except UserError:  # reported elsewhere: Kafka cannot be reached
            return None


def _differs(topic: str, expected: str, found: str) -> str:
    if found == expected:
        return ""
    happened = f"re-created while the worker used it (id {found}, " if found else "deleted while the worker used it ("
    return f"topic {topic} was {happened}offsets and rows are of {expected})"
