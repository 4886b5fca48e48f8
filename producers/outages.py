"""Outages: a bank or a service stops sending for a while, then sends what it held back in one burst."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import OPEN, SERVICES
from producers import banks, jst
from producers.draws import Rng, pick
from producers.events import Events

#: A month, each of one bank or service, by day; *assumed*.
BANK_OUTAGES, SERVICE_OUTAGES = 4, 1
BANK_LENGTH_MS = (jst.HOUR_MS // 2, 3 * jst.HOUR_MS)
SERVICE_LENGTH_MS = (15 * jst.MINUTE_MS, 90 * jst.MINUTE_MS)
HEAP_MS = jst.MINUTE_MS  # time in which the held events arrive


class Outage(NamedTuple):
    """The silence of a bank (Zengin code) or of a service (its index in `SERVICES`), epoch ms."""

    of_bank: bool
    code: int
    begins_ms: int
    ends_ms: int

    def holds(self, sent: Events, arrival_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Mask of the events held back: a bank's account events, or all events of a service."""
        if self.of_bank:
            silent = (sent.kind < OPEN) & (sent.account >> np.uint64(40) == np.uint64(self.code))
        else:
            silent = sent.service == self.code
        held: npt.NDArray[np.bool_] = silent & (arrival_ms >= self.begins_ms) & (arrival_ms < self.ends_ms)
        return held


def held(sent: Events, arrival_ms: npt.NDArray[np.int64], outages: list[Outage]) -> npt.NDArray[np.int64]:
    """Arrival times with outages: held events arrive in a burst after each, roughly in order."""
    arrival = arrival_ms.copy()
    for outage in outages:
        which = outage.holds(sent, arrival)
        length = outage.ends_ms - outage.begins_ms
        arrival[which] = outage.ends_ms + (arrival[which] - outage.begins_ms) * HEAP_MS // length
    return arrival


def outages_of(rng: Rng, month: int) -> list[Outage]:
    """The outages of the numbered month."""
    # Larger banks have more that can fail.
    bank = pick(rng, banks.CODES, np.sqrt(banks.SHARES), BANK_OUTAGES)
    service = rng.integers(0, len(SERVICES), SERVICE_OUTAGES)
    return [
        *(_outage(rng, month, int(code), BANK_LENGTH_MS, of_bank=True) for code in bank),
        *(_outage(rng, month, int(code), SERVICE_LENGTH_MS, of_bank=False) for code in service),
    ]


def _outage(rng: Rng, month: int, code: int, length_ms: tuple[int, int], *, of_bank: bool) -> Outage:
    days = jst.days_of(month)
    begins = jst.midnight_ms(days[rng.integers(0, len(days))]) + int(rng.integers(8, 20)) * jst.HOUR_MS
    return Outage(of_bank, code, begins, begins + int(rng.integers(*length_ms)))
