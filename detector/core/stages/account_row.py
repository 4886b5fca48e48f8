"""Row of the account stage: the stored state of one bank account."""

from typing import Any

import numpy as np
from numba import njit

from detector.core.stage import HEADER

DEBITS = 6  # successful debits remembered
WALLETS = 4  # wallets remembered, the least recently used is evicted first
SOURCES = 8  # addresses, likewise: home, work and the last few that a carrier gave a telephone
SERVICES = 8  # of a month; a ninth takes the slot of the one with the least yen
HABIT_BINS = 6  # of four hours each

FIELDS: tuple[tuple[Any, ...], ...] = (
    *HEADER,
    ("first_seen_s", "<u4"),  # first own field: pads the header to a multiple of eight
    ("log_squares", "<u8"),  # of the log amounts below
    ("debit_s", "<u4", (DEBITS,)),  # epoch seconds, 0 = empty
    ("debit_yen", "<u4", (DEBITS,)),
    ("wallet", "<u4", (WALLETS,)),  # upper half of the hash, 0 = empty; most recently used first
    ("linked_s", "<u4", (WALLETS,)),  # 0 = link not seen, or unlinked
    ("month_yen", "<u4", (SERVICES,)),  # by service, each in the slot of its tag
    ("month_service", "<u2", (SERVICES,)),  # tags: 1 + code, 0 = free
    ("log_sum", "<u4"),  # of 1000 ln(yen), rounded
    ("month", "<u2"),  # newest month seen, since January 1970
    ("debits", "<u2"),
    # Upper sixteen bits of the hash, 0 = empty; most recently used first. A stranger is taken for one of eight
    # with probability 1 / 8,192.
    ("source", "<u2", (SOURCES,)),
    ("source_day", "<u2"),  # newest day of a new address
    ("new_sources", "u1", (2,)),  # new addresses that day and the day before, without the first of all
    ("next_debit", "u1"),
    ("habit", "u1", (HABIT_BINS,)),  # debits by time of day
    ("auth", "u1", (WALLETS,)),  # 1 + code, 0 = unknown
    ("_pad", "u1"),
)
ROW = np.dtype([*FIELDS], align=True)
#: As version 3 had it, with link attempts and the number of debits in a month.
_GONE = {
    "month": (("month_debits", "<u2"), ("day", "<u2")),
    "new_sources": (("attempts", "u1", (2,)), ("failures", "u1", (2,)), ("streak", "u1")),
}
BEFORE = np.dtype([field for own in FIELDS[:-1] for field in (own, *_GONE.get(own[0], ()))], align=True)


@njit(cache=True)
def clear(row: Any, now_s: int) -> None:
    """Forget everything; the account is first seen now."""
    row.log_squares = 0
    row.log_sum = 0
    row.debits = 0
    row.month = 0
    row.next_debit = 0
    row.debit_s[:] = 0
    row.debit_yen[:] = 0
    row.wallet[:] = 0
    row.linked_s[:] = 0
    row.month_yen[:] = 0
    row.month_service[:] = 0
    row.habit[:] = 0
    row.auth[:] = 0
    row.source[:] = 0
    row.source_day = 0
    row.new_sources[:] = 0
    row.first_seen_s = now_s
