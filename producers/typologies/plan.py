"""What a typology is, and what its generator is given: when each case begins, whose account, from which source."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from producers.draws import Rng
from producers.events import Events
from producers.typologies.supply import Supply

NEVER_MS = 1 << 62  # links are not stopped


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a typology: its range, unit, and where the range comes from (`assumed` where nobody knows)."""

    name: str
    low: float
    high: float
    unit: str
    basis: str


#: Columns of a plan with a value for each case.
_OF_A_CASE = ("case", "begins_ms", "account", "wallet", "service", "source", "yen", "link_until_ms")


class Plan(NamedTuple):
    """`n` cases to play; arrays have shape `(n,)`. What is the same for all cases has a default.

    A generator may move a begin to earlier, and to later within its day; the link must come before `link_until_ms`.
    """

    case: npt.NDArray[np.int32]
    begins_ms: npt.NDArray[np.int64]  # the fraudulent wallet is opened
    account: npt.NDArray[np.uint64]  # of the victim
    wallet: npt.NDArray[np.uint64]
    service: npt.NDArray[np.int8]
    source: npt.NDArray[np.uint64]
    yen: npt.NDArray[np.int64]  # one drain of the account yields at most so much: the cap, or what is on it
    link_until_ms: npt.NDArray[np.int64]  # the bank stops new links
    supply: Supply
    accounts: int  # size of the population they hide in
    ends_ms: int = NEVER_MS  # end of the days simulated; what is later is not seen
    narrowed: Mapping[str, tuple[float, float]] = {}  # ranges of this campaign, within those of the table
    verified: bool = False

    @property
    def size(self) -> int:
        """Number of cases."""
        return len(self.case)

    def select(self, which: npt.NDArray[np.int64]) -> "Plan":
        """The cases at `which`."""
        return self._replace(**{name: getattr(self, name)[which] for name in _OF_A_CASE})

    def range_of(self, parameter: Parameter) -> tuple[float, float]:
        """The range of a parameter here."""
        return self.narrowed.get(parameter.name, (parameter.low, parameter.high))


def whole_days(dates: list[dt.date]) -> list[dt.date]:
    """Days on which cases can begin: all of them."""
    return dates


@dataclass(frozen=True, slots=True)
class Typology:
    """A fraud pattern: `generate(rng, plan)` plays the cases of a plan, with case numbers on every event.

    `usual` is the number of cases that shows it well; `days` chooses the days on which a case can begin from those
    simulated (for T2 also days before).
    """

    id: str
    name: str
    parameters: tuple[Parameter, ...]
    generate: Callable[[Rng, Plan], Events]
    usual: int = 4
    days: Callable[[list[dt.date]], list[dt.date]] = whole_days


def between(rng: Rng, plan: Plan, parameter: Parameter, size: int) -> npt.NDArray[np.int64]:
    """`size` whole numbers from the parameter's range, both ends included."""
    low, high = plan.range_of(parameter)
    return rng.integers(int(low), int(high) + 1, size)


def one_of(rng: Rng, plan: Plan, parameter: Parameter) -> float:
    """A number from the parameter's range."""
    return float(rng.uniform(*plan.range_of(parameter)))


def bundles(rng: Rng, plan: Plan, parameter: Parameter) -> list[npt.NDArray[np.int64]]:
    """Cases that follow each other, in bundles as large as the parameter says; the last may be smaller."""
    order = np.argsort(plan.begins_ms, kind="stable")
    found = []
    while len(order):
        size = int(between(rng, plan, parameter, 1)[0])
        found.append(order[:size])
        order = order[size:]
    return found
