"""How many records wait, as the broker says when asked.

Asked for, not taken from fetches: a consumer that silently stopped fetching would know of no new records.
"""

import asyncio
from collections.abc import Mapping

from aiokafka.errors import KafkaError
from faust.types import TP

from detector.stream.app import App
from detector.stream.reporting import Reporting
from detector.stream.tenure import Tenure

INTERVAL_S = 2.0
TIMEOUT_S = 10.0


class LagWatch:
    """Asks again and again; `waiting` is the sum over partitions as last known."""

    def __init__(self, app: App, tenures: Mapping[TP, Tenure], reporting: Reporting) -> None:
        self.waiting = 0
        self._app = app
        self._tenures = tenures
        self._reporting = reporting

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            held = list(self._tenures)
            try:
                ends = await asyncio.wait_for(self._app.consumer.highwaters(*held), TIMEOUT_S) if held else {}
            except (TimeoutError, KafkaError):
                self.waiting = max(self.waiting, 1)  # unknown counts as waiting: only without progress does it matter
                continue
            self._note({tp: end for tp, end in ends.items() if tp in self._tenures})

    def _note(self, ends: Mapping[TP, int]) -> None:
        self.waiting = 0
        for tp, end in ends.items():
            tenure = self._tenures[tp]
            lag = max(0, end - tenure.position)
            self.waiting += lag
            self._reporting.lag(tenure, lag)
