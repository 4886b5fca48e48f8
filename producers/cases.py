"""Numbers and names of fraud cases, and the stages of one.

A case is one attacked account whose money is taken or was to be taken; everything the thief does for it carries its
number. What a thief does for many victims at once (a spray's tries on accounts that held, wallets opened in stock, a
collector's payouts) carries the number of the campaign, which counts as no case.
"""

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import DEBIT, KINDS, LINK, OPEN, PAYMENT, PAYOUT, TRANSFER, UNLINK
from producers.events import NO_CASE, Events

#: `probe`: a PIN guess; `test`: a small charge that only tests whether money can be taken.
STAGES = ("open", "probe", "link", "test", "charge", "spend", "transfer", "payout", "unlink")
PROBE, TEST = STAGES.index("probe"), STAGES.index("test")
_OF_KIND = {
    OPEN: "open",
    LINK: "link",
    DEBIT: "charge",
    PAYMENT: "spend",
    TRANSFER: "transfer",
    PAYOUT: "payout",
    UNLINK: "unlink",
}
#: The stage that an event of each kind usually is.
STAGE_OF_KIND: npt.NDArray[np.int8] = np.array([STAGES.index(_OF_KIND[kind]) for kind in range(len(KINDS))], np.int8)

#: A number is `typology << 24 | serial`, so that 32 bits hold the typology too; campaigns have bit 23 set.
_TYPOLOGY_BITS = 24
_CAMPAIGN = 1 << 23


def case_numbers(index: int, serials: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Numbers of cases of the typology at `index` of the table."""
    return (serials + (index << _TYPOLOGY_BITS)).astype(np.int32)


def campaign_number(index: int, serial: int) -> int:
    """Number of a campaign of the typology at `index` of the table."""
    return index << _TYPOLOGY_BITS | _CAMPAIGN | serial


def typology_indices(case: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Index in the table of each case's typology; the cases are real ones, none is `NO_CASE`."""
    return case >> _TYPOLOGY_BITS


def is_campaign(case: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Whether each number is a campaign's."""
    found: npt.NDArray[np.bool_] = (case != NO_CASE) & (case & _CAMPAIGN != 0)
    return found


def case_id(case: int) -> str:
    """The name of a case (`T3-0007`) or of a campaign (`T3-campaign-0001`)."""
    kind = "campaign-" if case & _CAMPAIGN else ""
    return f"{typology_id(case >> _TYPOLOGY_BITS)}-{kind}{case & _CAMPAIGN - 1:04}"


def typology_id(index: int) -> str:
    """The name of the typology at `index` of the table."""
    return f"T{index + 1}"


def of_cases(events: Events) -> Events:
    """The events of cases and campaigns."""
    return events.select(events.case != NO_CASE)


def victims_of(events: Events) -> npt.NDArray[np.int32]:
    """The distinct cases in `events`, campaigns left out."""
    return np.unique(events.case[(events.case != NO_CASE) & ~is_campaign(events.case)])
