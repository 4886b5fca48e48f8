"""Detects floods of dead letters: an operator must know which partition they come from, and the stream continues."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

WINDOW_S = 60.0
#: Of a partition and minute: as many tell one producer's flood from a change of format everywhere.
MOST_KEYS = 1_000


class Flood(NamedTuple):
    """Records, dead letters and the dead letters' keys, at most `MOST_KEYS`, of a source partition in a minute."""

    records: int
    dead_letters: int
    keys: int


@dataclass(slots=True)
class _Window:
    since_s: float
    records: int = 0
    dead: int = 0
    # Keys identify accounts: hashes of this process, which are told to nobody.
    keys: set[int] = field(default_factory=set)
    told: bool = False


class DeadLetterQuota:
    """Counts records and dead letters of every source partition in windows of a minute."""

    def __init__(self, limit_per_min: int, share: float) -> None:
        self._limit = limit_per_min
        self._share = share
        self._windows: dict[object, _Window] = {}

    def count(self, source: object, now_s: float, records: int, keys: Sequence[bytes | None]) -> Flood | None:
        """Count a chunk of a source partition at `now_s` (any monotonic clock), with the keys of its dead letters.

        What to tell where the partition's minute is beyond number and share: once a minute, else None.
        """
        window = self._windows.get(source)
        if window is None or now_s - window.since_s >= WINDOW_S:
            window = self._windows[source] = _Window(now_s)
        window.records += records
        window.dead += len(keys)
        if len(window.keys) < MOST_KEYS:
            window.keys.update(map(hash, keys[: MOST_KEYS - len(window.keys)]))
        if window.told or window.dead <= self._limit or window.dead <= self._share * window.records:
            return None
        window.told = True
        return Flood(window.records, window.dead, len(window.keys))
