"""Drift of normal life: more newcomers, more or larger charges, other hours."""

import datetime as dt
from dataclasses import dataclass

import numpy as np

from producers import jst
from producers.ties import Ties

_THOUSAND = 1_000  # yen: what people charge are whole thousands


@dataclass(frozen=True, slots=True)
class Drift:
    """How people live from the month of `since` on; the defaults change nothing, to the last byte.

    `newcomers`: factor on new wallets a day, most of them linked and charged at once; `charges` and `yen`: factors on
    the number and the amount of usual charges; `later_h`: hours by which preferred hours shift.
    """

    newcomers: float = 1.0
    charges: float = 1.0
    yen: float = 1.0
    later_h: float = 0.0
    since: dt.date = dt.date.min

    def __post_init__(self) -> None:
        if min(self.newcomers, self.charges, self.yen) < 0:
            raise ValueError(f"{self}: nothing can be fewer than none")

    def in_month(self, month: int) -> "Drift":
        """What holds in the numbered month."""
        return self if month >= jst.month_of(self.since) else USUAL

    def lived(self, ties: Ties) -> Ties:
        """The ties with the habits of such a life."""
        thousands = np.maximum(np.rint(ties.usual_yen * (self.yen / _THOUSAND)), 1)
        return ties._replace(
            charges_a_month=ties.charges_a_month * self.charges,
            usual_yen=thousands.astype(np.int64) * _THOUSAND,
            hour=(ties.hour + self.later_h) % 24,
        )


USUAL = Drift()
