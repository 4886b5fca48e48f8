"""Wallets, sources and strangers' accounts of the thieves, numbered so that nothing is used twice."""

import numpy as np
import numpy.typing as npt

from producers import cases
from producers.normal import event_numbers
from producers.ties import ODD

SERIES = 1 << 27  # of event numbers and of wallets, apart from those of any month
STRANGERS = 1 << 39  # account numbers from here on belong to nobody who has a wallet


class Supply:
    """Fresh numbers for the cases of one typology in one run; the same calls give the same numbers.

    `index` is the typology's in the table; runs that begin on different `day`s get different numbers.
    """

    def __init__(self, index: int, day: int) -> None:
        self.index = index
        self.series = SERIES | index << 14 | day & (1 << 14) - 1
        self._used: dict[str, int] = {}

    def cases(self, count: int) -> npt.NDArray[np.int32]:
        """Numbers of `count` cases."""
        return cases.case_numbers(self.index, self._take("cases", count))

    def campaign(self) -> int:
        """The number of a campaign."""
        return cases.campaign_number(self.index, int(self._take("campaigns", 1)[0]))

    def wallets(self, count: int) -> npt.NDArray[np.uint64]:
        """Wallets nobody else has."""
        return (self._take("wallets", count) + (self.series << 20)).astype(np.uint64)

    def sources(self, count: int) -> npt.NDArray[np.uint64]:
        """Addresses or devices nobody else uses."""
        return np.uint64(ODD << 60 | self.series << 20) | self._take("sources", count).astype(np.uint64)

    def accounts(self, codes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """An account at the bank of each code, never tied to a wallet of normal life."""
        number = self._take("accounts", len(codes)) + (((self.series & SERIES - 1) << 20) + STRANGERS)
        return (codes << np.uint64(40)) | number.astype(np.uint64)

    def events(self, seed: int, count: int) -> npt.NDArray[np.uint64]:
        """Event numbers of the simulation of that seed."""
        first = self._used.get("events", 0)
        self._used["events"] = first + count
        return event_numbers(seed, self.series, first + count)[first:]

    def _take(self, what: str, count: int) -> npt.NDArray[np.int64]:
        first = self._used.get(what, 0)
        self._used[what] = first + count
        return first + np.arange(count, dtype=np.int64)
