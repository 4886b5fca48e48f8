"""Households: who lives together, and so shares an address, a service and at times an account."""

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import SERVICES
from producers.draws import Rng, fraction, pick

#: Households by persons, 1 … 5: every third person lives alone, 2.2 persons on average (census 2020, rounded).
SIZE_WEIGHTS = (0.38, 0.28, 0.17, 0.12, 0.05)
#: Shares of the wallets by service; *assumed*.
SERVICE_SHARES = dict(zip(SERVICES, (0.20, 0.14, 0.34, 0.04, 0.11, 0.11, 0.03, 0.03), strict=True))
FAMILY_SERVICE_SHARE = 0.35  # of wallets: at the service of the family, so that its members can send money; *assumed*

_SALT = 0xFA1


def households(rng: Rng, persons: int) -> npt.NDArray[np.int64]:
    """The household of each person, numbered from 0; members have neighbouring indices."""
    sizes = pick(rng, np.arange(1, len(SIZE_WEIGHTS) + 1), SIZE_WEIGHTS, persons)
    return np.repeat(np.arange(persons), sizes)[:persons]


def services_of(rng: Rng, home: npt.NDArray[np.uint64]) -> npt.NDArray[np.int8]:
    """The service of a wallet of each home: often the one that the family uses."""
    edges = np.cumsum(list(SERVICE_SHARES.values()))
    family = np.minimum(np.searchsorted(edges, fraction(home, _SALT), side="right"), len(SERVICES) - 1)
    own = pick(rng, np.arange(len(SERVICES)), list(SERVICE_SHARES.values()), len(home))
    return np.where(rng.random(len(home)) < FAMILY_SERVICE_SHARE, family, own).astype(np.int8)


def other_service(rng: Rng, service: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """A service other than each of `service`, by the shares of the services."""
    codes = np.arange(len(SERVICES))
    drawn: npt.NDArray[np.int8] = pick(rng, codes, list(SERVICE_SHARES.values()), len(service)).astype(np.int8)
    same = drawn == service
    drawn[same] = (service[same] + rng.integers(1, len(SERVICES), int(same.sum()))) % len(SERVICES)
    return drawn
