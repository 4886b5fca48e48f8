"""Who knows whom: the wallets of a service, each with its family there and a fixed circle of friends."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import SERVICES
from producers.draws import fraction
from producers.ties import Ties

#: How much likelier a wallet of the service sends money than another; *assumed*: some began as a way to split bills.
SOCIAL = dict(zip(SERVICES, (0.6, 0.6, 1.5, 3.0, 0.5, 2.5, 0.5, 1.0), strict=True))
_SALT = 0xC1C


class Circles(NamedTuple):
    """The wallets that can send money, each once; `wallets` are their ties, all indices below are indices in these.

    `by_service` int64 (n,): the indices, service by service, the oldest first. `rank`, `first`, `mates` int64 (n,): a
    wallet's position in its service, the service's start in `by_service`, its number of wallets. `kin` int64 (n,): a
    member of the household with a wallet there, -1 for none. `trait` float64 (n,), in [0, 1): fixed, of the owner.
    """

    wallets: Ties
    by_service: npt.NDArray[np.int64]
    rank: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    mates: npt.NDArray[np.int64]
    kin: npt.NDArray[np.int64]
    trait: npt.NDArray[np.float64]

    def friend(self, of: npt.NDArray[np.int64], number: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The index of each owner's friend of that number, -1 where there is none (yet).

        Friends opened their wallets earlier, so that a circle does not change when people join.
        """
        drawn = fraction(self.wallets.wallet[of] * np.uint64(256) + number.astype(np.uint64), _SALT)
        index = self.by_service[self.first[of] + (drawn * self.rank[of]).astype(np.int64)]
        return np.where(self.rank[of] > 0, index, -1)

    def anyone(self, of: npt.NDArray[np.int64], number: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The index of each owner's acquaintance of that number, old or new."""
        drawn = fraction(self.wallets.wallet[of] * np.uint64(256) + number.astype(np.uint64), _SALT + 1)
        return self.by_service[self.first[of] + (drawn * self.mates[of]).astype(np.int64)]


def circles_of(ties: Ties) -> Circles:
    """The circles of all wallets of `ties`."""
    # A wallet with two accounts has two ties, the first of which was made with it.
    wallets = ties.select(np.unique(ties.wallet, return_index=True)[1])
    by_service = np.argsort(wallets.service, kind="stable")
    counts = np.bincount(wallets.service, minlength=len(SERVICES))
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])[wallets.service]
    rank = np.empty(len(by_service), np.int64)
    rank[by_service] = np.arange(len(by_service)) - first[by_service]
    trait = fraction(wallets.wallet, _SALT + 2)
    return Circles(wallets, by_service, rank, first, counts[wallets.service], _kin(wallets), trait)


def social(ties: Ties) -> npt.NDArray[np.float64]:
    """How readily each wallet sends money, by its service."""
    return np.array(list(SOCIAL.values()))[ties.service]


def _kin(wallets: Ties) -> npt.NDArray[np.int64]:
    """The next wallet of the same household at the same service, -1 for none."""
    order = np.lexsort((wallets.service, wallets.home))
    after = np.roll(order, -1)
    together = (wallets.home[order] == wallets.home[after]) & (wallets.service[order] == wallets.service[after])
    kin = np.full(len(order), -1, np.int64)
    kin[order] = np.where(together & (order != after), after, -1)
    return kin
