"""How many dead letters are too many: stop before they swallow the stream."""

from detector.errors import WorkerError

WINDOW_S = 60.0


class DeadLetterQuota:
    """Counts records and dead letters in windows of a minute."""

    def __init__(self, limit_per_min: int, share: float) -> None:
        self._limit = limit_per_min
        self._share = share
        self._since: float | None = None
        self._records = self._dead = 0

    def count(self, now_s: float, records: int, dead: int) -> None:
        """Count a chunk at `now_s` (any monotonic clock); `WorkerError` beyond both the number and the share."""
        if self._since is None or now_s - self._since >= WINDOW_S:
            self._since, self._records, self._dead = now_s, 0, 0
        self._records += records
        self._dead += dead
        if self._dead > self._limit and self._dead > self._share * self._records:
            raise WorkerError(
                f"{self._dead} of {self._records} records within a minute were dead letters, more than"
                f" dead_letter_limit_per_min={self._limit} and dead_letter_share={self._share}:"
                " mend the producer, or raise the limits"
            )
