"""What the watch-list costs: how often honest people charge late what they linked in suspicious circumstances."""

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import DEBIT, LINK
from detector.core.watch_list import WatchList
from models.datasets import Dataset


def fit_watch(
    held_out: Dataset, alarm: npt.NDArray[np.float64], days: int, *, share: float, budget: float
) -> WatchList:
    """The watch-list for `share` of the budget, by the alarms float64 (n,) of events of `days` normal days.

    What alerts anyway costs nothing here. Links before these days have no alarm, but their late charges are there: the
    days count as fewer by the part of late charges that has its link among them.
    """
    quiet = alarm > budget
    link = (held_out.kind == LINK) & (held_out.linked_s > 0) & np.isfinite(alarm) & quiet
    late = (held_out.kind == DEBIT) & (held_out.linked_s > 0)
    links, charges = _pairs(held_out, link), _pairs(held_out, late & quiet)
    known = np.isin(_pairs(held_out, late), _pairs(held_out, held_out.kind == LINK))
    part = known.mean() if known.any() else 1.0
    return WatchList(share, np.sort(alarm[link][np.isin(links, charges)]), days * float(part))


def _pairs(data: Dataset, which: npt.NDArray[np.bool_]) -> npt.NDArray[np.void]:
    """Account and second of the link, as one value each."""
    pairs = np.empty(int(which.sum()), [("account", np.uint64), ("linked_s", np.int64)])
    pairs["account"], pairs["linked_s"] = data.account[which], data.linked_s[which]
    return pairs
