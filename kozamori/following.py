"""Alerts for programs that use asyncio."""

import asyncio
from types import TracebackType
from typing import Any, Self

from detector.contract.alerts import Alert
from detector.subscriber import AlertSubscriber


class AsyncAlertSubscriber:
    """`async with AsyncAlertSubscriber("127.0.0.1:9092") as alerts: async for alert in alerts: …`.

    The same as `AlertSubscriber`, whose arguments it takes: with a `group`, an alert counts as done when the next one
    is requested, or when the block ends without an exception. Each wait is in a thread of its own; a cancelled wait
    stops the subscriber, and ends within half a second.
    """

    def __init__(self, bootstrap: str | list[str], **options: Any) -> None:
        self._bootstrap = bootstrap
        self._options = options
        self._alerts: AlertSubscriber | None = None

    async def __aenter__(self) -> Self:
        self._alerts = await asyncio.to_thread(AlertSubscriber, self._bootstrap, **self._options)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._alerts is not None:
            await asyncio.to_thread(self._alerts.__exit__, kind, error, trace)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Alert:
        assert self._alerts is not None, "enter it first: `async with`"
        waiting = asyncio.ensure_future(asyncio.to_thread(next, self._alerts, None))
        try:
            alert = await asyncio.shield(waiting)
        except asyncio.CancelledError:
            # The thread uses the client: it must have left it before anything closes it.
            self._alerts.stop()
            await asyncio.wait([waiting])
            raise
        if alert is None:
            raise StopAsyncIteration
        return alert
