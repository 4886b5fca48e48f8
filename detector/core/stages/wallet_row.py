"""Row of the wallet stage: the stored state of one wallet.

Rings store yen in whole tens, at most 655,350 a movement (twice the monthly cap): two bytes each.
"""

from typing import Any

import numpy as np
from numba import njit

from detector.core.stage import HEADER

ACCOUNTS = 6  # remembered; families link two to four, and a hoard shows from three on
DEBITS = 6  # successful ones remembered, as in the account stage: a drain to the cap takes three to five
FLOWS = 6  # movements out of and into the wallet remembered: a fan-out has two to six branches
TRIED_BITS = 32  # a bit for each account tried in a day: of ten, one shares another's on average

FIELDS: tuple[tuple[Any, ...], ...] = (
    *HEADER,
    ("first_link_s", "<u4"),  # first successful one, 0 = none; pads the header to a multiple of eight
    ("last_link_s", "<u4"),
    ("account", "<u4", (ACCOUNTS,)),  # upper half of the hash, 0 = empty
    ("debit_s", "<u4", (DEBITS,)),  # epoch seconds, 0 = empty
    ("flow_s", "<u4", (FLOWS,)),
    ("decayed_s", "<u4"),  # newest debit in the two sums below
    ("decayed_yen", "<f4"),
    ("decayed_debits", "<f4"),
    ("month_yen", "<u4"),
    ("hour", "<u4"),  # newest hour of an event, since 1970
    ("tried", "<u4", (2,)),  # bits of accounts tried that day and the day before
    ("linked_day", "<u2", (ACCOUNTS,)),  # of the account's newest successful link, 0 = not seen
    ("debit_tens", "<u2", (DEBITS,)),
    ("flow_tens", "<u2", (FLOWS,)),
    ("accounts_ever", "<u2"),
    ("month", "<u2"),  # newest month seen, since January 1970
    ("day", "<u2"),  # newest day of a link attempt
    ("attempts", "u1", (2,)),  # link attempts that day and the day before
    ("failures", "u1", (2,)),
    ("streak", "u1"),  # failures since the last successful link
    ("relinks", "u1"),  # accounts linked again after they were unlinked
    ("flow_kind", "u1", (FLOWS,)),
    ("events", "u1", (2,)),  # that hour and the hour before
    ("cut", "u1"),  # bits of the slots of unlinked accounts
    ("next_account", "u1"),
    ("next_debit", "u1"),
    ("next_flow", "u1"),
    ("_pad", "<u4"),
)
ROW = np.dtype([*FIELDS], align=True)
#: As version 2 had it, with shops, their categories and other wallets.
_GONE = {"first_link_s": ("categories", "<u8"), "flow_tens": ("flow_other", "<u2", (FLOWS,))}
BEFORE = np.dtype([field for own in FIELDS[:-1] for field in (own, _GONE.get(own[0])) if field], align=True)


@njit(cache=True)
def clear(row: Any) -> None:
    """Forget everything."""
    row.first_link_s = 0
    row.last_link_s = 0
    row.account[:] = 0
    row.debit_s[:] = 0
    row.flow_s[:] = 0
    row.decayed_s = 0
    row.decayed_yen = 0
    row.decayed_debits = 0
    row.month_yen = 0
    row.hour = 0
    row.tried[:] = 0
    row.linked_day[:] = 0
    row.debit_tens[:] = 0
    row.flow_tens[:] = 0
    row.accounts_ever = 0
    row.month = 0
    row.day = 0
    row.attempts[:] = 0
    row.failures[:] = 0
    row.streak = 0
    row.relinks = 0
    row.flow_kind[:] = 0
    row.events[:] = 0
    row.cut = 0
    row.next_account = 0
    row.next_debit = 0
    row.next_flow = 0
