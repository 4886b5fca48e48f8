"""What a typology is, and what its generator is given: when each case begins, whose account, from which source."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from producers.draws import Rng
from producers.events import Events


class Plan(NamedTuple):
    """`n` cases to play; every array has shape `(n,)`. `accounts` is the size of the population they hide in."""

    case: npt.NDArray[np.int32]
    begins_ms: npt.NDArray[np.int64]  # the fraudulent wallet is opened
    account: npt.NDArray[np.uint64]  # of the victim
    wallet: npt.NDArray[np.uint64]
    service: npt.NDArray[np.int8]
    source: npt.NDArray[np.uint64]
    accounts: int


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a typology: its range, unit, and where the range comes from (`assumed` where nobody knows)."""

    name: str
    low: float
    high: float
    unit: str
    basis: str


@dataclass(frozen=True, slots=True)
class Typology:
    """A fraud pattern: `generate(rng, plan)` plays the cases of a plan, with case numbers on every event."""

    id: str
    name: str
    parameters: tuple[Parameter, ...]
    generate: Callable[[Rng, Plan], Events]
