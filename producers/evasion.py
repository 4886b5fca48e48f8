"""Thieves who evade detection: smaller sums, longer waits, wallets of identity-checked subscribers."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import DEBIT, LINK, OK, OPEN, PAYMENT, PAYOUT
from producers import jst
from producers.campaigns import Campaign, Wave
from producers.cases import is_campaign
from producers.events import Events

#: The turn of the month does not wait: these cases keep their times.
BOUND_TO_DATES = ("T2",)
PIECE_MS = 15 * jst.SECOND_MS  # between the debits that a large one is cut into; as `acts.GAP`


@dataclass(frozen=True, slots=True)
class Evasion:
    """What such thieves do; the defaults change nothing, to the last byte.

    `most_yen` from one account through one wallet; `debit_yen` at most at once; `wait_h` from the link to the first
    debit; `pause_h` between two debits of a case; `narrowed` as in `campaigns.Wave`; `verified`: wallets of
    identity-checked subscribers.
    """

    most_yen: int | None = None
    debit_yen: int | None = None
    wait_h: float = 0.0
    pause_h: float = 0.0
    narrowed: tuple[tuple[str, float, float], ...] = ()
    verified: bool = False

    def planned(self, campaign: Campaign) -> Campaign:
        """The campaign as such thieves plan it."""
        return replace(campaign, waves=tuple(self._planned(wave) for wave in campaign.waves))

    def played(self, typology: str, events: Events) -> Events:
        """The events of one wave as such thieves play them: each case in its order, with pauses between."""
        if self.verified:
            events = events._replace(verified=np.ones(events.size, np.bool_))
        if self.most_yen is not None:  # taking less than the balance is never refused
            events = events.select((events.kind != DEBIT) | (events.result == OK))
        if self.debit_yen is not None:
            events = _in_pieces(events, self.debit_yen)
        if typology in BOUND_TO_DATES or not (self.wait_h or self.pause_h):
            return events
        return _delayed(events, int(self.wait_h * jst.HOUR_MS), int(self.pause_h * jst.HOUR_MS))

    def _planned(self, wave: Wave) -> Wave:
        low, high = wave.yen
        most = high if self.most_yen is None else self.most_yen
        return replace(wave, yen=(min(low, most), min(high, most)), narrowed=(*wave.narrowed, *self.narrowed))


NAIVE = Evasion()


def _in_pieces(events: Events, most: int) -> Events:
    """The events, each debit above `most` yen split into several, seconds apart."""
    pieces = np.where(events.kind == DEBIT, np.maximum(-(-events.amount_yen // most), 1), 1)
    which = np.repeat(np.arange(events.size), pieces)
    turn = np.arange(len(which)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    cut = _moved(events, np.zeros(events.size, np.int64), (pieces - 1) * PIECE_MS).select(which)
    left = np.minimum(cut.amount_yen - turn * most, most)
    return cut._replace(
        amount_yen=np.where(cut.kind == DEBIT, left, cut.amount_yen),
        occurred_at_ms=cut.occurred_at_ms + turn * PIECE_MS,
    )


def _delayed(events: Events, wait_ms: int, pause_ms: int) -> Events:
    """The events, with the debits of a case delayed: `wait_ms` after its links, `pause_ms` after each other."""
    wait = np.zeros(events.size, np.int64)
    links: dict[tuple[int, int], int] = {}
    debits: dict[int, int] = {}
    order = np.lexsort((events.occurred_at_ms, events.case))
    wanted = np.isin(events.kind, (LINK, DEBIT)) & ~is_campaign(events.case)
    for i in order[wanted[order]].tolist():
        case, wallet, now = int(events.case[i]), int(events.wallet[i]), int(events.occurred_at_ms[i])
        if events.kind[i] == LINK:
            links[case, wallet] = now
            continue
        after_link, after_debit = links.pop((case, wallet), None), debits.get(case)
        waited = [] if after_link is None else [after_link + wait_ms - now]
        paused = [] if after_debit is None else [after_debit + pause_ms - now]
        wait[i] = max(0, *waited, *paused) if waited or paused else 0
        debits[case] = now
    return _moved(events, wait, np.zeros(events.size, np.int64))


def _moved(events: Events, before: npt.NDArray[np.int64], after: npt.NDArray[np.int64]) -> Events:
    """The events, with a pause of so many ms before and after each event of a case; wallets opened later are younger.

    Campaign events keep their times, except that money is spent and paid out only after every case has received it.
    """
    order = np.lexsort((events.occurred_at_ms, events.case))
    case, pauses = events.case[order], (before + after)[order]
    sums = np.cumsum(pauses)
    first = np.searchsorted(case, case)
    moved = np.empty(events.size, np.int64)
    moved[order] = sums - (sums[first] - pauses[first]) - after[order]
    together = is_campaign(events.case)
    latest = moved[~together].max(initial=0)
    moved[together] = np.where(np.isin(events.kind[together], (PAYMENT, PAYOUT)), latest, 0)
    opens = np.flatnonzero(events.kind == OPEN)
    opened = dict(zip(events.wallet[opens].tolist(), moved[opens].tolist(), strict=True))
    younger = np.array([opened.get(wallet, 0) for wallet in events.wallet.tolist()], np.int64)
    return events._replace(occurred_at_ms=events.occurred_at_ms + moved, opened_at_ms=events.opened_at_ms + younger)
