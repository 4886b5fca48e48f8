"""Simulated attacks adapted to a history: victims, wallets and sources of its own people, in shares drawn each round.

Whatever is the same in all simulated attacks is what trees learn first: that nobody knew the victim, that the thief's
address is new, that a wallet was opened. Elsewhere it is otherwise, so each round has its own share of each.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch
from detector.contract.vocabulary import LINK, OPEN, UNLINK
from detector.jst import DAY_MS, JST_MS
from models.history import History, Ties
from models.small_sums import in_small_sums

#: Greatest share in a round, of victims that the history knows, of their cases through the victim's own wallet, of
#: thieves' wallets used from an address of the history, and of cases that take longer than usual. All *assumed*:
#: nobody published them, so all are in.
KNOWN, OWN_WALLET, SHARED_SOURCE, SLOW = 0.9, 0.9, 0.6, 0.6
LINKED_AGAIN = 0.5  # of those who take over a wallet, as with a new phone
SLOWEST = 60.0  # times as long: what takes a minute in the press's trace takes an hour
#: Typologies that can go through a wallet which the victim has: all others begin by opening or linking one.
THROUGH_OWN = ("T1", "T8", "T9", "T11", "T12")


class Adapted(NamedTuple):
    """A round's events; which of the events given each is, int64 (n,); and when they arrive, epoch ms int64 (n,)."""

    batch: Batch
    index: npt.NDArray[np.int64]
    arrival_ms: npt.NDArray[np.int64]


def adapted(
    rng: np.random.Generator,
    batch: Batch,
    arrival_ms: npt.NDArray[np.int64],
    case: npt.NDArray[np.int64],
    through_own: npt.NDArray[np.bool_],
    history: History,
) -> Adapted:
    """The events of one round, arriving at `arrival_ms`, as they would be in `history`.

    `case` int64 (n,): negative for events without a single victim; `through_own` bool (n,): of a case that may go
    through the victim's own wallet, and then has neither an opening nor a link.
    """
    batch, index, later_ms = in_small_sums(rng, batch, case, history.sums)
    batch = batch._replace(occurred_at_ms=batch.occurred_at_ms + later_ms)
    arrival_ms, case, through_own = arrival_ms[index] + later_ms, case[index], through_own[index]
    columns = {name: getattr(batch, name).copy() for name in Ties._fields}
    kept = np.ones(batch.size, np.bool_)
    known, own = (rng.uniform(least, 1.0) for least in (0.3, 0.3))
    cases = np.unique(case[case >= 0])
    if len(history.ties.account):
        ties = history.ties.select(rng.integers(0, len(history.ties.account), len(cases)))
        for number in np.flatnonzero(rng.random(len(cases)) < known).tolist():
            mine = case == cases[number]
            victims = mine & (batch.account != 0)
            if len(np.unique(batch.account[victims])) != 1:
                continue
            columns["account"][victims], columns["bank"][victims] = ties.account[number], ties.bank[number]
            if not through_own[mine].all() or rng.random() >= own:
                continue
            wallets = np.unique(batch.wallet[mine & (batch.kind == OPEN) | victims])
            if len(wallets) == 1:
                of_wallet = mine & (batch.wallet == wallets[0])
                for name in ("service", "wallet", "wallet_opened_at_ms", "wallet_verified"):
                    columns[name][of_wallet] = getattr(ties, name)[number]
                again = rng.random() < LINKED_AGAIN
                kept &= ~(mine & np.isin(batch.kind, (OPEN, UNLINK) if again else (OPEN, LINK, UNLINK)))
    columns["source"] = _sources(rng, batch, history)
    later_ms = _slowed(rng, batch.occurred_at_ms, case, history)
    columns["occurred_at_ms"] = batch.occurred_at_ms + later_ms
    return Adapted(batch._replace(**columns).select(kept), index[kept], (arrival_ms + later_ms)[kept])


def _slowed(
    rng: np.random.Generator, at_ms: npt.NDArray[np.int64], case: npt.NDArray[np.int64], history: History
) -> npt.NDArray[np.int64]:
    """How much later each event is, int64 (n,): some cases take longer, none beyond the history's end."""
    later_ms = np.zeros(len(at_ms), np.int64)
    ends_ms = (int(history.days[-1]) + 1) * DAY_MS - JST_MS
    slow = rng.uniform(0, SLOW)
    for one in np.unique(case[case >= 0]).tolist():
        mine = case == one
        since_ms = at_ms[mine] - at_ms[mine].min()
        times = np.exp(rng.uniform(0, np.log(SLOWEST)))
        if rng.random() < slow and at_ms[mine].min() + times * since_ms.max() < ends_ms:
            later_ms[mine] = ((times - 1) * since_ms).astype(np.int64)
    return later_ms


def _sources(rng: np.random.Generator, batch: Batch, history: History) -> npt.NDArray[np.uint64]:
    """Of some sources another one, that people of the history use; unknown for as many wallets as in the history."""
    source = batch.source
    if len(history.sources):
        sources, index = np.unique(source, return_inverse=True)
        shared = rng.random(len(sources)) < rng.uniform(0, SHARED_SOURCE)
        sources = np.where(shared & (sources != 0), rng.choice(history.sources, len(sources)), sources)
        source = sources[index]
    wallets, index = np.unique(batch.wallet, return_inverse=True)
    return np.where((rng.random(len(wallets)) < history.sourceless)[index], np.uint64(0), source)
