"""Records of a changelog in lists, for a recovery that takes columns."""

from collections.abc import Iterable

import numpy as np

from detector.contract.records import Records
from detector.stream.changelog import Recovery


def feed(recovery: Recovery, records: Iterable[tuple[bytes | None, bytes | None]]) -> None:
    """Let the recovery take the next records, key and value each."""
    records = list(records)
    nothing = np.zeros(len(records), np.int64)
    columns = [value for _, value in records], [key for key, _ in records]
    recovery.take(Records.from_lists(*columns, nothing, nothing))
