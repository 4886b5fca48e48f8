"""Tries again what failed because Kafka is away; tells a cancellation from a failure."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiokafka.errors import KafkaError

from detector.errors import KafkaAwayError, WorkerError
from detector.stream.ports import Presence

#: Failures while Kafka answers: a broker that just came back refuses this and that for a moment.
ATTEMPTS = 5

_Result = TypeVar("_Result")


async def patiently(attempt: Callable[[], Awaitable[_Result]], presence: Presence) -> _Result:
    """What `attempt()` returns, tried again as often as Kafka is away; `WorkerError` where it fails beside a Kafka
    that answers."""
    failures = 0
    while True:
        try:
            return await attempt()
        except (KafkaAwayError, KafkaError, TimeoutError) as error:
            if isinstance(error, KafkaError) and not error.retriable:
                raise
            failures += await presence.look()
            if failures == ATTEMPTS:
                raise WorkerError(f"Kafka answers, and still: {error!r}") from error
            await presence.back()


def raise_if_cancelled(error: BaseException) -> None:
    """Raise `error` where it is this task's own cancellation; one that leaked out of a library is a failure."""
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
        raise error
