"""What desks can bear, in false alert groups a day: one budget for all banks, and those of banks with one of their own.

A limit on `alarm` sends that many groups a day to all desks together, and to each bank its share of them in normal
life. So a budget of all banks is one limit for all. A bank with a budget of its own has the limit budget / share, at
which normal life sends it that many; it changes no other bank's.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from detector.errors import UserError

#: Zengin codes have four digits.
BANKS = 10_000
_OWN = re.compile(r"([0-9]{4})=([0-9]+(?:\.[0-9]+)?)")


@dataclass(frozen=True, slots=True)
class BankBudgets:
    """`shares`: each bank's part of normal life's alert groups, summing to 1; `own`: budgets of banks that set one.

    Both by the four digits of the bank's code. Raises ValueError for an own budget that is not positive, and for one
    of a bank without a share.
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    own: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for bank, budget in self.own.items():
            if not 0 < budget < np.inf:
                raise ValueError(f"a budget of {budget} false alert groups a day for bank {bank}: must be positive")
            if not self.shares.get(bank, 0) > 0:
                raise ValueError(
                    f"bank {bank} has no links or debits on the held-out days: its budget cannot be turned into a limit"
                )

    def of_bank(self, bank: str, budget: float) -> float:
        """What a bank may expect a day where `budget` is that of all banks."""
        return self.own.get(bank, budget * self.shares.get(bank, 0.0))

    def of_all(self, budget: float) -> float:
        """What all banks together may expect a day: `budget` but for the banks that have their own."""
        return self.of_others(budget) + sum(self.own.values())

    def of_others(self, budget: float) -> float:
        """What those without a budget of their own may expect together."""
        return budget * (1.0 - sum(self.shares[bank] for bank in self.own))

    def limits(self, budget: float) -> npt.NDArray[np.float64]:
        """The greatest alarm that alerts, by bank code, float64 (BANKS + 1,); the last is for events without a bank."""
        limits = np.full(BANKS + 1, budget)
        for bank, own in self.own.items():
            limits[int(bank)] = own / self.shares[bank]
        return limits


def parse_own(given: Iterable[str]) -> dict[str, float]:
    """Own budgets by bank from words such as `0116=2`; raises UserError where one is none, or a bank comes twice."""
    own: dict[str, float] = {}
    for word in given:
        found = _OWN.fullmatch(word)
        if found is None or not float(found[2]) > 0 or found[1] in own:
            raise UserError(
                f"got the bank budget {word!r}, expected a four-digit code and false alert groups a day, each bank"
                " once, such as 0116=2"
            )
        own[found[1]] = float(found[2])
    return own
