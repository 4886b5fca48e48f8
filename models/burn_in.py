"""How many days of a history only fill the state: the first days, when every account, wallet and source is new.

They are no normal life. Learnt from, and counted when the limit is set, they would raise it for good: on a history that
begins empty the first days can have hundreds of times as many unusual accounts as those that follow.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import KINDS
from detector.core.detector_table import chosen
from detector.core.detectors import Detector, ForestDetector, JointTailDetector
from detector.core.stage import Columns
from detector.errors import UserError
from models.datasets import FRAUD, SCORED_KINDS, Dataset
from models.forests import Sizes, fit_forest
from models.joint_tails import fit_joint_tail
from models.outcomes import alarm_of, calibrate
from models.span import split

#: With fewer days the second half, by which the first is judged, has no whole week.
LEAST_DAYS = 14
WEEK = 7  # days averaged, so that no weekend and no pay-day decides
#: Settled: a week has at most so many times as many unusual accounts as the second half, and no day so many times as
#: many as its worst day. Kinds of day differ by less; half of a month may lack a pay-day.
WEEK_AT_MOST, DAY_AT_MOST = 2.0, 1.5
#: Accounts counted as unusual: two in a thousand of a day's, and enough a day to count.
SHARE, FEWEST = 0.002, 5.0
#: Detectors that need no attacks, small: it is days that are compared, not events.
SIZES = Sizes(trees=50, max_samples=256, max_events=50_000)
FORMS = ("isolation_forest", "joint_tail")
EVERY = 3  # held-out days of the second half


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
    usual, most = max(FEWEST, unusual[half:].mean()), max(FEWEST, unusual[half:].max())
    weeks = np.array([unusual[at : at + WEEK].mean() for at in range(half)])
    loud = np.flatnonzero((weeks > WEEK_AT_MOST * usual) | (unusual[:half] > DAY_AT_MOST * most))
    first = int(loud[-1]) + 1 if len(loud) else 0
    third, last = (float(part.mean()) for part in np.array_split(unusual[half:], 2))
    if first == half or third > WEEK_AT_MOST * max(last, FEWEST):
        quarters = ", ".join(f"{part.mean():.0f}" for part in np.array_split(unusual, 4))
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
    span = split(later, None, days[days >= half][EVERY - 1 :: EVERY])
    present = {name for name, x in zip(columns.feature_names, span.fitting.X.T, strict=True) if not np.isnan(x).all()}
    kinds = [KINDS[code] for code in SCORED_KINDS if (span.fitting.kind == code).sum() > 1]
    detectors: list[Detector] = []
    for spec in chosen(FORMS, present, kinds):
        if spec.form == "joint_tail":
            detectors.append(JointTailDetector(spec, fit_joint_tail(spec, span.fitting, columns)))
        else:
            codes = [KINDS.index(kind) for kind in spec.kinds]
            forests = {code: fit_forest(KINDS[code], span.fitting, columns.features, SIZES, seed) for code in codes}
            detectors.append(ForestDetector(spec, forests))
    alarm = alarm_of(tuple(detectors), calibrate(tuple(detectors), span), data)
    level = max(FEWEST, SHARE * len(_accounts(later, np.ones(len(later.kind), np.bool_))) / int((days >= half).sum()))
    found = _accounts(data, alarm <= level)
    return np.bincount(np.searchsorted(days, found), minlength=len(days))


def _accounts(data: Dataset, which: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The day of each (account, day) that has an event at `which`."""
    pairs = np.unique(np.stack([data.day[which].astype(np.uint64), data.account[which]]), axis=1)
    day: npt.NDArray[np.int64] = pairs[0].astype(np.int64)
    return day
