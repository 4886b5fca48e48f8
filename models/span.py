"""Split of a history into training days and held-out days."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.errors import UserError
from models.datasets import NORMAL, Dataset
from models.inject import Cases

MIN_DAYS = 3  # two to train on, one to calibrate on
#: Rates are counted on days that the detectors have not seen: every third one. Spread over the history, so that the
#: turn of the month, pay-day and campaigns count in proportion; the last third of the days would miss some.
HELD_OUT_EVERY = 3
#: … of the last thirty: each kind of day once. On older days the state knew less, and more was unusual.
HELD_OUT_WITHIN = 30


class Span(NamedTuple):
    """Training data (normal events of two days of three, and cases) and the held-out rest."""

    fitting: Dataset
    held_out: Dataset
    held_out_days: int
    cases: Cases | None
    held_out_cases: Cases | None


def check_days(days: npt.NDArray[np.int64]) -> None:
    """Raise UserError for fewer days than three."""
    if len(days) < MIN_DAYS:
        raise UserError(f"{len(days)} days with links or debits: give a history of at least {MIN_DAYS} days (JST)")


def held_out_of(days: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The days that are held out, of `days`, ascending."""
    return days[-HELD_OUT_WITHIN:][HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY]


def split(data: Dataset, cases: Cases | None, held_out: npt.NDArray[np.int64]) -> Span:
    """The span of a history of which these days are held out."""
    later = np.isin(data.day, held_out)
    return Span(
        fitting=data.select(~later & (data.life == NORMAL)),
        held_out=data.select(later),
        held_out_days=len(held_out),
        cases=None if cases is None else cases.select(~cases.held_out),
        held_out_cases=None if cases is None else cases.select(cases.held_out),
    )
