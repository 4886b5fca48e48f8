"""Ends a worker whose input topic was deleted and re-created: offsets of the old topic mean nothing in the new one.

The client's metadata does not show it where both happen between two updates: the name is the same, and where the new
log is already as long as the old one was, the consumer reads on in it.
"""

import asyncio
from collections.abc import Callable, Mapping

from faust.types import TP

from detector.errors import UserError
from detector.stream.aside import ask_aside
from detector.stream.identity import RESET
from detector.stream.partition_task import PartitionTask

#: As often as the client renews its metadata. An answer costs 6–8 ms of CPU, connection included.
INTERVAL_S = 15.0

#: Ids, by name, of those of the given topics that exist; UserError where Kafka does not answer.
AskIds = Callable[[list[str]], Mapping[str, str]]


class TopicWatch:
    """Asks Kafka again and again for the ids of the topics that `tasks` read; calls `fail` where one has changed."""

    def __init__(
        self,
        ask_ids: AskIds,
        tasks: Mapping[TP, PartitionTask],
        fail: Callable[[BaseException], None],
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._ask_ids = ask_ids
        self._tasks = tasks
        self._fail = fail
        self._interval_s = interval_s

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await asyncio.sleep(self._interval_s)
            held = list(self._tasks.values())
            if held:
                self._compare(held, await self._ids(sorted({task.tp.topic for task in held})))

    def _compare(self, held: list[PartitionTask], ids: Mapping[str, str]) -> None:
        for task in held:
            # A missing topic was deleted, which the next rebalance reports; an ended task no longer counts.
            found = ids.get(task.tp.topic, task.topic_id)
            if found != task.topic_id and not task.ended:
                self._fail(
                    UserError(
                        f"topic {task.tp.topic} was re-created while the worker read it"
                        f" (id {found}, offsets are of {task.topic_id}): {RESET}"
                    )
                )
                return

    async def _ids(self, topics: list[str]) -> Mapping[str, str]:
        try:
            return await ask_aside(lambda: self._ask_ids(topics), "topic ids")
        except UserError:  # reported elsewhere: Kafka cannot be reached
            return {}
