"""How many days of a history only fill the state: the first days, when every account, wallet and source is new.

They are no normal life. Learnt from, and counted when the limit is set, they would raise it for good: on a history that
begins empty the first days can have hundreds of times as many unusual accounts as those that follow.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import KINDS
from detector.core.detector_table import chosen
from detector.core.stage import Columns
from detector.errors import UserError
from models.datasets import FRAUD, SCORED_KINDS, Dataset, present_features
from models.forests import Sizes
from models.outcomes import alarm_of, calibrate, days_of_groups
from models.span import HELD_OUT_EVERY, split
from models.unsupervised import fit_unsupervised

#: With fewer days the second half, by which the first is judged, has no whole week.
LEAST_DAYS = 14
WEEK = 7  # days whose median counts, so that no weekend, no pay-day and no attack that nobody labelled decides
#: Settled: a week has at most so many times as many unusual accounts as the second half, and no day since the first has
#: had so many times as many as its worst day. Kinds of day differ by less; half of a month may lack a pay-day.
WEEK_AT_MOST, DAY_AT_MOST = 2.0, 1.5
#: Accounts counted as unusual: two in a thousand of a day's, and enough a day to count.
SHARE, FEWEST = 0.002, 5.0
#: Detectors that need no attacks, small: it is days that are compared, not events.
SIZES = Sizes(trees=50, max_samples=256, max_events=50_000)
FORMS = ("isolation_forest", "joint_tail")


class BurnIn(NamedTuple):
    """The first `days` of a history, by the calendar, that only fill the state.

    `unusual`: accounts a day that its second half calls unusual, by day of the history; empty where nobody looked.
    """

    days: int = 0
    unusual: tuple[int, ...] = ()

    def after(self, days: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Of the days of the history, ascending, those that are not left out."""
        return days[days >= days[0] + self.days] if len(days) else days


NO_BURN_IN = BurnIn()


def given(days: int, history: npt.NDArray[np.int64]) -> BurnIn:
    """A burn-in of so many days, as the user says; UserError where nothing of the history is left."""
    found = BurnIn(days)
    if len(history) and not len(found.after(history)):
        raise UserError(
            f"a burn-in of {days} days leaves nothing of a history of {len(history)}: give a lower --burn-in"
        )
    return found


def find(data: Dataset, columns: Columns, seed: int) -> BurnIn:
    """The burn-in of a history: until the accounts that look unusual a day are as few as in its second half.

    At most half of the history. Raises UserError for a history too short to tell, and for one that has not settled.
    """
    data = data.select(data.life != FRAUD)
    days = np.unique(data.day)
    if len(days) < LEAST_DAYS:
        raise UserError(
            f"{len(days)} days with links or debits are too few to tell when the state has settled: give a history of"
            f" at least {LEAST_DAYS} days, or --burn-in 0 to learn from its first day on"
        )
    half = len(days) // 2
    unusual = _unusual(data, days, days[half], columns, seed)
    usual, most = max(FEWEST, np.median(unusual[half:])), max(FEWEST, unusual[half:].max())
    weeks = np.array([np.median(unusual[at : at + WEEK]) for at in range(half)])
    # A cold start is loud from the first day on; loud weeks after a quiet one are an attack.
    loud_weeks = int(np.cumprod(weeks > WEEK_AT_MOST * usual).sum())
    loud_days = int(np.cumprod(unusual[:half] > DAY_AT_MOST * most).sum())
    first = max(loud_weeks + WEEK // 2 if loud_weeks else 0, loud_days)
    third, last = (float(np.median(part)) for part in np.array_split(unusual[half:], 2))
    if first >= half or third > WEEK_AT_MOST * max(last, FEWEST):
        quarters = ", ".join(f"{np.median(part):.0f}" for part in np.array_split(unusual, 4))
        raise UserError(
            f"in {len(days)} days the state has not settled: its quarters have {quarters} unusual accounts a day: give"
            " a longer history, or --burn-in DAYS for the days that shall only fill the state"
        )
    return BurnIn(int(days[first] - days[0]), tuple(unusual.tolist()))


def _unusual(
    data: Dataset, days: npt.NDArray[np.int64], half: np.int64, columns: Columns, seed: int
) -> npt.NDArray[np.int64]:
    """Accounts a day that detectors of the days from `half` on call unusual, int64 (n_days,)."""
    later = data.select(data.day >= half)
    span = split(later, None, days[days >= half][HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY])
    kinds = [KINDS[code] for code in SCORED_KINDS if (span.fitting.kind == code).sum() > 1]
    if not kinds:
        return np.zeros(len(days), np.int64)
    specs = chosen(FORMS, present_features(span.fitting, columns), kinds)
    detectors = tuple(fit_unsupervised(spec, span.fitting, columns, SIZES, seed) for spec in specs)
    alarm = alarm_of(detectors, calibrate(detectors, span), data)
    level = max(
        FEWEST, SHARE * len(days_of_groups(later, np.ones(len(later.kind), np.bool_))) / int((days >= half).sum())
    )
    found = days_of_groups(data, alarm <= level)
    return np.bincount(np.searchsorted(days, found), minlength=len(days))
