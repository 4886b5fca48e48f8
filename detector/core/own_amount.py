"""A debit's features for another amount, all else the same: how each feature depends on the amount.

Computed from the features alone, which leave one thing unknown: how the account's amounts vary if this one equals its
usual to a thousandth (the deviation then stays).
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import MONTHLY_CAP_YEN
from detector.core.stage import Feature
from detector.core.stages.wallet_row import ROW

Values = npt.NDArray[np.float64]
LEAST_LOG = 1e-3  # ln of an amount is stored in thousandths
MOST_TENS = int(np.iinfo(ROW["debit_tens"].base).max)  # of a debit in a wallet's row


class Debit(NamedTuple):
    """A debit: the `amount_yen` requested, whether it succeeded (`done`), whether its wallet is under a day old."""

    amount_yen: int
    done: bool
    young: bool


Amounts = npt.NDArray[np.int64]


class Change:
    """A debit and the amounts to try instead: `asked` int64 (m,)."""

    def __init__(self, debit: Debit, asked: Amounts) -> None:
        self.debit = debit
        self.asked = asked
        #: No values, of a feature that needs no other.
        self.nothing = np.full(len(asked), np.nan)
        self._less: dict[Callable[[Amounts], Amounts], Values] = {}

    def less(self, of: Callable[[Amounts], Amounts] = np.positive) -> Values:
        """The decrease of a sum of `of(yen)` over successful debits: many features are such sums."""
        if of not in self._less:
            before = of(np.array([self.debit.amount_yen]))
            self._less[of] = (before - of(self.asked)).astype(np.float64) * self.debit.done
        return self._less[of]

    @cached_property
    def log(self) -> Values:
        """The increase of ln of the amount, in steps of a thousandth."""
        rise: Values = (np.rint(1000 * np.log(self.asked)) - np.rint(1000 * np.log(self.debit.amount_yen))) / 1000
        return rise


#: New values of a feature, float64 (m,), from its value, the change, and the old and new values of the one it needs.
Form = Callable[[float, Change, float, Values], Values]


def _tens(yen: Amounts) -> Amounts:
    return 10 * np.minimum(yen // 10, MOST_TENS)


def _whole_tens(yen: Amounts) -> Amounts:
    return yen // 10 * 10


def _caps(x: float, change: Change) -> Values:
    # In whole yen, as in the kernel: the float32 share has too few digits for a difference.
    shares: Values = (np.rint(x * MONTHLY_CAP_YEN) - change.less()) / MONTHLY_CAP_YEN
    return shares


def _proportional(x: float, before: float, after: Values) -> Values:
    return x * after / before if before else np.full(len(after), x)


def _inverse(x: float, before: float, after: Values) -> Values:
    shares: Values = np.divide(x * before, after, out=np.full(len(after), np.nan), where=after > 0)
    return shares


def _deviation(x: float, before: float, after: Values) -> Values:
    return x * np.log(after) / np.log(before) if abs(np.log(before)) > LEAST_LOG else np.full(len(after), x)


#: Forms of dependence on the amount, by their name in the features tables.
FORMS: Mapping[str, Form] = {
    "asked": lambda _x, change, _before, _after: change.asked.astype(np.float64),
    "ratio": lambda x, change, _before, _after: x * np.exp(change.log),
    "deviation": lambda x, _change, before, after: _deviation(x, before, after),
    "sum": lambda x, change, _before, _after: x - change.less(),
    "tens": lambda x, change, _before, _after: x - change.less(_tens),
    "young_tens": lambda x, change, _before, _after: x - change.less(_whole_tens) * change.debit.young,
    "caps": lambda x, change, _before, _after: _caps(x, change),
    "proportional": lambda x, _change, before, after: _proportional(x, before, after),
    "inverse": lambda x, _change, before, after: _inverse(x, before, after),
}


def with_amounts(
    features: tuple[Feature, ...], x: npt.NDArray[np.float32], debit: Debit, asked: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """The features float32 (m, F) of the debit with features `x` float32 (F,), had its amount been `asked`."""
    change = Change(debit, asked)
    index = {feature.name: j for j, feature in enumerate(features)}
    X = np.empty((len(asked), len(x)), np.float32)
    X[:] = x
    changing = [(j, feature.amount) for j, feature in enumerate(features) if feature.amount and not np.isnan(x[j])]
    # Those that need another one after it.
    for j, amount in sorted(changing, key=lambda one: bool(one[1].of)):
        needed = index.get(amount.of)
        before, after = (np.nan, change.nothing) if needed is None else _values(needed, x, X)
        X[:, j] = FORMS[amount.form](float(x[j]), change, before, after)
    return X


def _values(j: int, x: npt.NDArray[np.float32], X: npt.NDArray[np.float32]) -> tuple[float, Values]:
    return float(x[j]), X[:, j].astype(np.float64)
