"""Detects too many dead letters: an operator must know, and the stream continues."""

WINDOW_S = 60.0


class DeadLetterQuota:
    """Counts records and dead letters in windows of a minute."""

    def __init__(self, limit_per_min: int, share: float) -> None:
        self._limit = limit_per_min
        self._share = share
        self._since: float | None = None
        self._records = self._dead = 0
        self._reported = False

    @property
    def counts(self) -> dict[str, int]:
        """Records and dead letters of this minute so far."""
        return {"records": self._records, "dead_letters": self._dead}

    def count(self, now_s: float, records: int, dead: int) -> bool:
        """Count a chunk at `now_s` (any monotonic clock); whether its minute is beyond number and share, once."""
        if self._since is None or now_s - self._since >= WINDOW_S:
            self._since, self._records, self._dead, self._reported = now_s, 0, 0, False
        self._records += records
        self._dead += dead
        beyond = self._dead > self._limit and self._dead > self._share * self._records
        first, self._reported = beyond and not self._reported, self._reported or beyond
        return first
