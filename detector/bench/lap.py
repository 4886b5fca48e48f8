"""Result of one run: events, wall seconds, CPU seconds."""

import time

import msgspec


class Lap(msgspec.Struct, frozen=True):
    """`events` processed in `seconds` of wall time and `cpu_seconds` of the process, all its threads together."""

    events: int
    seconds: float
    cpu_seconds: float

    @property
    def events_per_s(self) -> float:
        """Throughput."""
        return self.events / self.seconds

    @property
    def cpu_us_per_event(self) -> float:
        """CPU time an event takes, µs."""
        return 1e6 * self.cpu_seconds / self.events


class Stopwatch:
    """Runs from the first record to the last; start-up before the first record does not count."""

    def __init__(self) -> None:
        self._began: tuple[float, float] | None = None

    def start(self) -> None:
        """Start at the first record; later calls do nothing."""
        if self._began is None:
            self._began = _now()

    def stop(self, events: int) -> Lap:
        """The last of `events` records is finished. Raises RuntimeError when none was seen."""
        if self._began is None:
            raise RuntimeError("no record was read")
        wall, cpu = _now()
        return Lap(events, wall - self._began[0], cpu - self._began[1])


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()
