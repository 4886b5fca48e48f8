"""Alert budgets in false alert groups a day: one for all banks, and one each for banks that set their own.

A limit on `alarm` yields that many groups a day over all banks, and for each bank its share of the groups of normal
events. So the shared budget is one limit for all. A bank with its own budget has the limit budget / share, which
yields that many groups at the bank; the other banks' limits do not change.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from detector.contract import canary

#: Zengin codes have four digits.
BANKS = 10_000
#: Any alarm that a detector gives is below it.
ALWAYS = 1e12
_CODE = re.compile(r"[0-9]{4}")


@dataclass(frozen=True, slots=True)
class BankBudgets:
    """`shares`: each bank's share of the alert groups of normal events, sum 1; `own`: budgets of banks that set one.

    Keys are four-digit bank codes. Raises ValueError for an own budget that is not positive, and for one
    of a bank without a share.
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    own: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for bank, share in self.shares.items():
            if not _CODE.fullmatch(bank) or not 0 <= share <= 1:
                raise ValueError(f"a share of {share} for bank {bank!r}: expected one in [0, 1] for four digits")
        for bank, budget in self.own.items():
            if not 0 < budget < np.inf:
                raise ValueError(f"a budget of {budget} false alert groups a day for bank {bank}: must be positive")
            if not self.shares.get(bank, 0) > 0:
                raise ValueError(
                    f"bank {bank} has no links or debits on the held-out days: its budget cannot be turned into a limit"
                )

    def of_bank(self, bank: str, budget: float) -> float:
        """Expected groups a day at a bank if `budget` is that of all banks."""
        return self.own.get(bank, budget * self.shares.get(bank, 0.0))

    def of_all(self, budget: float) -> float:
        """Expected groups a day over all banks: `budget`, except for banks with their own."""
        return self.of_others(budget) + sum(self.own.values())

    def of_others(self, budget: float) -> float:
        """Expected groups a day over all banks without their own budget."""
        return budget * (1.0 - sum(self.shares[bank] for bank in self.own))

    def limits(self, budget: float) -> npt.NDArray[np.float64]:
        """The greatest alarm that alerts, by bank code, float64 (BANKS + 1,); the last is for events without a bank.

        Of the canary's bank every event alerts that a detector scores.
        """
        limits = np.full(BANKS + 1, budget)
        limits[int(canary.BANK)] = ALWAYS
        for bank, own in self.own.items():
            limits[int(bank)] = own / self.shares[bank]
        return limits
