"""Runs blocking calls in daemon threads: a worker that ends waits for none of them."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from detector.kafka.clients import TIMEOUT_S

#: What an admin client takes at most: to connect, and for an answer.
ANSWER_S = 2 * TIMEOUT_S

_Answer = TypeVar("_Answer")


async def ask_aside(ask: Callable[[], _Answer], name: str) -> _Answer:
    """What `ask()` returns or raises, from a daemon thread of that name.

    Not from the loop's executor: its threads keep a process from ending while they wait for a broker that is gone.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_Answer] = loop.create_future()

    def resolve(found: _Answer | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(found)  # type: ignore[arg-type]  # None only beside an error
        else:
            answer.set_exception(error)

    def run() -> None:
        found, error = None, None
        try:
            found = ask()
        except Exception as raised:  # noqa: BLE001 - raised to the caller
            error = raised
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(resolve, found, error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await answer
