"""Simulated attacks adapted to a history: victims, wallets and sources of its own people, in shares drawn each round.

Whatever is the same in all simulated attacks is what trees learn first: that nobody knew the victim, that the thief's
address is new, that a wallet was opened. Elsewhere it is otherwise, so each round has its own share of each.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch
from detector.contract.vocabulary import LINK, OPEN, UNLINK
from models.history import History, Ties

#: Greatest share in a round, of victims that the history knows, of their cases through the victim's own wallet, and of
#: thieves' wallets used from an address of the history. All *assumed*: nobody published them, so all are in.
KNOWN, OWN_WALLET, SHARED_SOURCE = 0.9, 0.3, 0.6
#: Typologies that can go through a wallet which the victim has: all others begin by opening or linking one.
THROUGH_OWN = ("T1", "T8", "T9", "T11", "T12")


class Adapted(NamedTuple):
    """A round's events, and which of the events given they are, bool (n,)."""

    batch: Batch
    kept: npt.NDArray[np.bool_]


def adapted(
    rng: np.random.Generator,
    batch: Batch,
    case: npt.NDArray[np.int64],
    through_own: npt.NDArray[np.bool_],
    history: History,
) -> Adapted:
    """The events of one round as they would be in `history`.

    `case` int64 (n,): negative for events without a single victim; `through_own` bool (n,): of a case that may go
    through the victim's own wallet, and then has neither an opening nor a link.
    """
    columns = {name: getattr(batch, name).copy() for name in ("source", *Ties._fields)}
    kept = np.ones(batch.size, np.bool_)
    known, own = (rng.uniform(0, most) for most in (KNOWN, OWN_WALLET))
    cases = np.unique(case[case >= 0])
    if len(history.ties.account):
        ties = history.ties.select(rng.integers(0, len(history.ties.account), len(cases)))
        for index in np.flatnonzero(rng.random(len(cases)) < known).tolist():
            mine = case == cases[index]
            victims = mine & (batch.account != 0)
            if len(np.unique(batch.account[victims])) != 1:
                continue
            columns["account"][victims], columns["bank"][victims] = ties.account[index], ties.bank[index]
            if not through_own[mine].all() or rng.random() >= own:
                continue
            wallets = np.unique(batch.wallet[mine & (batch.kind == OPEN) | victims])
            if len(wallets) == 1:
                of_wallet = mine & (batch.wallet == wallets[0])
                for name in ("service", "wallet", "wallet_opened_at_ms", "wallet_verified"):
                    columns[name][of_wallet] = getattr(ties, name)[index]
                kept &= ~(mine & np.isin(batch.kind, (OPEN, LINK, UNLINK)))
    columns["source"] = _sources(rng, batch, history)
    return Adapted(batch._replace(**columns).select(kept), kept)


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
