"""Ends a worker whose input topic was deleted and made anew: offsets of the one are no places in the other.

Both at once the client's metadata does not notice: the name is there as before, and where the new log is already as
long as the old one was, reading just goes on in it.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

from faust.types import TP

from detector.errors import UserError
from detector.stream.identity import RESET
from detector.stream.partition_task import PartitionTask

#: As often as the client renews its metadata. An answer costs 6–8 ms of CPU, connection included.
INTERVAL_S = 15.0

#: Ids, by name, of those of the given topics that exist; UserError where Kafka does not tell.
AskIds = Callable[[list[str]], Mapping[str, str]]


class TopicWatch:
    """Asks Kafka again and again for the ids of the topics that `tasks` read; `fail` is told of another one."""

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
            # One that is missing was deleted, which the next rebalance says; one that ended no longer counts.
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
        # A thread of its own, not the loop's executor: a worker that ends does not wait for a broker that is gone.
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Mapping[str, str]] = loop.create_future()

        def ask() -> None:
            found: Mapping[str, str] = {}
            try:
                with suppress(UserError):  # others say that Kafka cannot be reached
                    found = self._ask_ids(topics)
            finally:
                with suppress(RuntimeError):  # the loop has ended meanwhile
                    loop.call_soon_threadsafe(_resolve, answer, found)

        threading.Thread(target=ask, name="topic ids", daemon=True).start()
        return await answer


def _resolve(answer: "asyncio.Future[Mapping[str, str]]", found: Mapping[str, str]) -> None:
    if not answer.done():
        answer.set_result(found)
