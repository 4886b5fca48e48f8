"""Simulated attacks adapted to a history: victims, wallets, sums and sources of its people, in shares by round.

Whatever is the same in all simulated attacks is what trees learn first: that nobody knew the victim, that the thief's
address is new, that a wallet was opened, that the sum is large. Elsewhere it is otherwise, so each round has its own
share of each.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch
from detector.contract.vocabulary import LINK, OPEN, UNLINK
from detector.jst import DAY_MS, JST_MS
from models.history import History, Ties
from models.small_sums import in_small_sums

#: Least share in a round, of victims that the history knows, and of their cases through the victim's own wallet;
#: greatest share of thieves' wallets used from an address of the history, of cases that take longer than usual, and of
#: cases at any hour of the day. All *assumed*: nobody published them, so all are in.
KNOWN, OWN_WALLET, SHARED_SOURCE, SLOW, ANY_HOUR = 0.3, 0.3, 0.9, 0.9, 0.9
SLOWEST = 60.0  # times as long: what takes a minute in the press's trace takes an hour
LINKED_AGAIN = 0.5  # of those who take over a wallet, as with a new phone
#: Typologies that can go through a wallet which the victim has: all others begin by opening or linking one.
THROUGH_OWN = ("T1", "T8", "T9", "T11", "T12")
NOBODY = -1
OF_WALLET = ("service", "wallet", "wallet_opened_at_ms", "wallet_verified")
TIED = ("account", "bank", *OF_WALLET)


class Adapted(NamedTuple):
    """A round's events; which of the events given each is, int64 (n,); and when they arrive, epoch ms int64 (n,)."""

    batch: Batch
    given: npt.NDArray[np.int64]
    arrival_ms: npt.NDArray[np.int64]


def adapted(
    rng: np.random.Generator,
    batch: Batch,
    arrival_ms: npt.NDArray[np.int64],
    case: npt.NDArray[np.int64],
    through_own: npt.NDArray[np.bool_],
    history: History,
) -> Adapted:
    """The events of one round, arriving at `arrival_ms`, as they would be in `history`; some debits are several.

    `case` int64 (n,): negative for events without a single victim; `through_own` bool (n,): of a case that may go
    through the victim's own wallet, and then has neither an opening nor, in half of the cases, a link.
    """
    cases = np.unique(case[case >= 0])
    victim = _victims(rng, len(cases), history.ties)
    batch, given, later_ms = in_small_sums(rng, batch, case, _usual_yen(victim, history.ties), history.sums)
    case, through_own = case[given], through_own[given]
    columns = {name: getattr(batch, name).copy() for name in TIED}
    kept = np.ones(batch.size, np.bool_)
    own = rng.uniform(OWN_WALLET, 1)
    for one, at in zip(cases[victim != NOBODY].tolist(), victim[victim != NOBODY].tolist(), strict=True):
        mine = case == one
        of_victim = mine & (batch.account != 0)
        if len(np.unique(batch.account[of_victim])) != 1:
            continue
        columns["account"][of_victim], columns["bank"][of_victim] = history.ties.account[at], history.ties.bank[at]
        wallets = np.unique(batch.wallet[mine & (batch.kind == OPEN) | of_victim])
        if through_own[mine].all() and rng.random() < own and len(wallets) == 1:
            for name in OF_WALLET:
                columns[name][mine & (batch.wallet == wallets[0])] = getattr(history.ties, name)[at]
            again = rng.random() < LINKED_AGAIN
            kept &= ~(mine & np.isin(batch.kind, (OPEN, UNLINK) if again else (OPEN, LINK, UNLINK)))
    batch = batch._replace(**columns, source=_sources(rng, batch, history))
    later_ms += _later(rng, batch.occurred_at_ms + later_ms, case, history)
    batch = batch._replace(occurred_at_ms=batch.occurred_at_ms + later_ms)
    return Adapted(batch.select(kept), given[kept], (arrival_ms[given] + later_ms)[kept])


def _victims(rng: np.random.Generator, cases: int, ties: Ties) -> npt.NDArray[np.int64]:
    """Which tie each case's victim is, int64 (cases,); `NOBODY` for one that the history does not know."""
    if not len(ties.account):
        return np.full(cases, NOBODY)
    victim = rng.integers(0, len(ties.account), cases)
    return np.where(rng.random(cases) < rng.uniform(KNOWN, 1), victim, NOBODY)


def _usual_yen(victim: npt.NDArray[np.int64], ties: Ties) -> npt.NDArray[np.int64]:
    """Yen of each victim's last debit, int64 (cases,), 0 for one that the history does not know."""
    return np.append(ties.amount_yen, 0)[np.where(victim == NOBODY, len(ties.amount_yen), victim)]


def _later(
    rng: np.random.Generator, at_ms: npt.NDArray[np.int64], case: npt.NDArray[np.int64], history: History
) -> npt.NDArray[np.int64]:
    """How much later each event is, int64 (n,): some cases take longer, some come at another hour.

    None goes beyond the history's end.
    """
    later_ms = np.zeros(len(at_ms), np.int64)
    ends_ms = (int(history.days[-1]) + 1) * DAY_MS - JST_MS
    slow, any_hour = rng.uniform(0, SLOW), rng.uniform(0, ANY_HOUR)
    for one in np.unique(case[case >= 0]).tolist():
        mine = case == one
        first_ms, since_ms = at_ms[mine].min(), at_ms[mine] - at_ms[mine].min()
        times = np.exp(rng.uniform(0, np.log(SLOWEST))) if rng.random() < slow else 1.0
        moved_ms = int(rng.uniform(0, DAY_MS)) if rng.random() < any_hour else 0
        if first_ms + moved_ms + times * since_ms.max() < ends_ms:
            later_ms[mine] = moved_ms + ((times - 1) * since_ms).astype(np.int64)
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
