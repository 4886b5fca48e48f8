"""Row of the campaigns stage: the counts of one key, and its spell."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.core.stage import HEADER
from detector.core.stages.campaign_patterns import KEYS, MOST, SOURCE
from detector.core.stages.distinct import counts
from detector.core.stages.jst import day_of

USUAL_DAYS = 30  # days in the mean that is the usual
#: Days without anything that a new key is taken to have had before: sources are new every day, but a bank or a service
#: is new only to us.
QUIET_DAYS = np.array([10 if key == SOURCE else 3 for key in range(max(KEYS) + 1)])
SEEN = 4  # of each count: what comes again is counted once
NAMED_BANKS = 16  # of a campaign, by name
BITS = 128  # of accounts
_DISTINCT = counts(BITS)

ROW = np.dtype(
    [
        *HEADER,
        ("role", "u1"),  # a key of `KEYS`
        ("patterns", "u1"),  # bits of those that were too large in this spell
        ("banks_named", "u1"),
        ("seen_next", "u1", (MOST,)),
        ("news", "<u2"),  # of the last event
        ("count", "<f4", (MOST,)),  # as of `counted_s`
        ("usual", "<f4", (MOST,)),  # a day
        ("today", "<u2", (MOST,)),
        ("seen", "<u2", (MOST, SEEN)),
        ("day", "<u2"),
        ("days", "<u2"),  # in the mean, at most USUAL_DAYS
        ("counted_s", "<u4"),
        ("origin", "<i4"),  # of the spell's first event
        ("origin_offset", "<i8"),
        ("began_ms", "<i8"),  # 0: no spell
        ("hot_s", "<u4"),  # last event above the usual
        ("first_yen_s", "<u4"),  # 0: none taken
        ("yen_taken", "<u4"),
        ("yen_at_risk", "<u4"),
        ("told_yen", "<u4"),
        ("accounts", "<u8", (2,)),  # bits of their hashes
        ("at_risk", "<u8", (2,)),  # likewise, of those whose yen left were added to `yen_at_risk`
        ("counted", "<u2"),  # how many those are
        ("told_accounts", "<u2"),
        ("updates", "<u2"),  # told so far; 0: not told yet
        ("failures", "<u2"),
        ("linked", "<u2"),
        ("opened", "<u2"),
        ("alerts", "<u2"),
        ("banks", "<u2", (NAMED_BANKS,)),  # 1 + code
    ]
)  # fmt: skip


@njit(cache=True)
def clear(row: Any, role: int, time_s: int) -> None:
    """Forget everything; the key is of this role, and new at this time."""
    row.role = role
    row.seen_next[:] = 0
    row.count[:] = 0
    row.usual[:] = 0
    row.today[:] = 0
    row.seen[:, :] = 0
    row.day = day_of(time_s)
    row.days = QUIET_DAYS[role]
    row.counted_s = time_s
    end(row)


@njit(cache=True)
def end(row: Any) -> None:
    """Forget the spell."""
    row.patterns = 0
    row.banks_named = 0
    row.origin = 0
    row.origin_offset = 0
    row.began_ms = 0
    row.hot_s = 0
    row.first_yen_s = 0
    row.yen_taken = 0
    row.yen_at_risk = 0
    row.told_yen = 0
    row.accounts[:] = 0
    row.at_risk[:] = 0
    row.counted = 0
    row.told_accounts = 0
    row.updates = 0
    row.failures = 0
    row.linked = 0
    row.opened = 0
    row.alerts = 0
    row.banks[:] = 0


def about(bits: npt.NDArray[np.uint64]) -> int:
    """About how many accounts are in the bits of a row, uint64 (2,)."""
    return int(_DISTINCT[sum(int(word).bit_count() for word in bits)])
