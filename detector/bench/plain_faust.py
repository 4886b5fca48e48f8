"""What the two plain Faust contestants share: `faust.Record` events, the app at its best settings, the forest."""

import asyncio
from pathlib import Path
from typing import Any

import faust
import joblib
import numpy as np
import numpy.typing as npt

from detector.bench.child import Task
from detector.bench.lap import Lap

FOREST = "plain.joblib"
#: Value of a feature that an event does not have: the textbook's answer to missing values.
MISSING = -1.0
#: To leave the group, so that it can be deleted; it takes a second, or with `take` for ever.
STOP_TIMEOUT_S = 10.0


class AccountEvent(faust.Record, serializer="json"):
    """A link, unlink or debit."""

    event_id: str
    kind: str
    occurred_at_ms: int
    service: str
    wallet: str
    wallet_opened_at_ms: int
    wallet_verified: bool
    source: str
    bank: str
    account: str
    auth: str | None = None
    result: str | None = None
    amount_yen: int | None = None
    purpose: str | None = None


class Scorer:
    """scikit-learn's forest with the threshold above which an event alerts."""

    def __init__(self, folder: str) -> None:
        self._forest, self._threshold = joblib.load(Path(folder, FOREST))

    def alerting(self, rows: list[list[float]]) -> npt.NDArray[np.intp]:
        """Indices of the feature lists that alert, all scored in one call."""
        if not rows:
            return np.zeros(0, np.intp)
        X = np.nan_to_num(np.array(rows, np.float32), nan=MISSING)
        return np.flatnonzero(-self._forest.score_samples(X) > self._threshold)


class PlainApp(faust.App):
    """A Faust app that reports its progress."""

    def __init__(self, task: Task) -> None:
        super().__init__(
            task.group,
            broker=f"kafka://{task.bootstrap}",
            store="memory://",
            web_enabled=False,
            topic_partitions=task.partitions,
            topic_disable_leader=True,
            # Faust's recommendation for throughput: large fetches, large buffers, batched sends.
            broker_max_poll_records=4096,
            stream_buffer_maxsize=16_384,
            producer_linger=0.05,
            producer_max_batch_size=512 * 1024,
            consumer_auto_offset_reset="earliest",
            worker_redirect_stdouts=False,
            autodiscover=False,
        )
        self.finished: asyncio.Future[Lap] | None = None
        self.input = self.topic(task.topic, key_type=bytes, key_serializer="raw", value_type=AccountEvent)
        self.alerts = self.topic(task.alerts, key_type=str, value_serializer="json")

    def finish(self, lap: Lap) -> None:
        """The task is done."""
        if self.finished is not None and not self.finished.done():
            self.finished.set_result(lap)


def run_app(app: PlainApp) -> Lap:
    """Run the app until it calls `finish`. Raises whatever ended it before."""

    async def serve() -> Lap:
        app.finished = asyncio.get_running_loop().create_future()
        await app.start()
        crashed: asyncio.Future[Any] = asyncio.ensure_future(app.wait_until_stopped())
        await asyncio.wait([app.finished, crashed], return_when=asyncio.FIRST_COMPLETED)
        if not app.finished.done():
            raise app.crash_reason or RuntimeError("the app stopped")
        await asyncio.wait([asyncio.ensure_future(app.stop())], timeout=STOP_TIMEOUT_S)
        return app.finished.result()

    # Not `asyncio.run`: Faust's tasks do not all end when they are cancelled, and the process ends anyway.
    return asyncio.new_event_loop().run_until_complete(serve())


def alert_of(event: AccountEvent) -> dict[str, Any]:
    """The textbook's alert: which event it was."""
    return {"event_id": event.event_id, "account": event.account, "amount_yen": event.amount_yen}
