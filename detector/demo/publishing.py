"""Events to Kafka while this process looks after the screen."""

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from detector.kafka.security import client_options
from detector.settings import Settings
from producers.files import read_tables
from producers.pace import Pace
from producers.publish import publish

#: What is under way is confirmed in a fraction of a second, unless Kafka is gone.
STOP_S = 5.0


class Publisher:
    """Publishes a file of events in the background; a context manager that stops it on leaving.

    `confirmed` counts the events that Kafka has taken.
    """

    def __init__(self, events: Path, settings: Settings, pace: Pace) -> None:
        self.confirmed = 0
        self._events = events
        self._settings = settings
        self._pace = pace
        self._stop = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def running(self) -> bool:
        """Whether there is more to publish; raises what went wrong."""
        if self._error is not None:
            raise self._error
        return self._thread.is_alive()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        try:
            publish(
                read_tables(self._events),
                client_options(self._settings),
                self._settings.prefix,
                pace=self._pace,
                on_confirmed=self._count,
                stop=self._stop.is_set,
            )
        except Exception as error:  # noqa: BLE001 - raised again in `running`
            self._error = error

    def _count(self, confirmed: int) -> None:
        self.confirmed = confirmed
