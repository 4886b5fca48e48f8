"""What simulated attacks take from a history, so that they fit into it: days, victims and their wallets, sources."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.batch import DTYPES, Batch
from detector.contract.vocabulary import DEBIT, OK
from detector.jst import day_of
from models.datasets import SCORED_KINDS

KNOWN_ACCOUNTS = 100_000  # accounts of the history kept as possible victims
KEPT = 100_000  # events whose source or sum is kept: what is frequent is drawn as often


class Ties(NamedTuple):
    """Accounts, each once, with the wallet and the yen of their last debit: arrays of shape `(n,)` as in `Batch`."""

    account: npt.NDArray[np.uint64]
    bank: npt.NDArray[np.int16]
    service: npt.NDArray[np.uint16]
    wallet: npt.NDArray[np.uint64]
    wallet_opened_at_ms: npt.NDArray[np.int64]
    wallet_verified: npt.NDArray[np.int8]
    amount_yen: npt.NDArray[np.int64]

    @classmethod
    def of(cls, batch: Batch) -> "Ties":
        """The ties of a batch's events."""
        return cls(*(getattr(batch, name) for name in cls._fields))

    def select(self, which: npt.NDArray[np.generic]) -> "Ties":
        """The ties at `which`."""
        return Ties(*(column[which] for column in self))


class History(NamedTuple):
    """Properties of a history that attacks must match.

    `days`: with links or debits, ascending; `ties` of accounts that were debited; `kinds` of event; `sourceless`: share
    of links and debits whose source is unknown; `sources`: those of events spread over the history; `sums`: yen of
    such debits, ascending.
    """

    days: npt.NDArray[np.int64]
    ties: Ties
    kinds: npt.NDArray[np.int8]
    sourceless: float
    sources: npt.NDArray[np.uint64]
    sums: npt.NDArray[np.int64]


class Spread:
    """Values spread evenly over all that came, `KEPT` to twice as many of them."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self._parts, self._every = [np.empty(0, dtype)], 1

    def keep(self, values: npt.NDArray[Any]) -> None:
        """Take each so many-th of the values."""
        self._parts.append(values[:: self._every])
        if sum(map(len, self._parts)) > 2 * KEPT:
            self._parts = [self.kept[::2]]
            self._every *= 2

    @property
    def kept(self) -> npt.NDArray[Any]:
        """What was kept, in order."""
        return np.concatenate(self._parts)


class HistoryObserver:
    """Collects the properties of a history while its batches pass through."""

    def __init__(self) -> None:
        self._days, self._kinds = set[int](), set[int]()
        self._ties: dict[int, tuple[int, ...]] = {}
        self._sources, self._sums = Spread(np.uint64), Spread(np.int64)
        self._events = self._sourceless = 0

    def watch(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches, unchanged."""
        for batch in batches:
            scored = np.isin(batch.kind, SCORED_KINDS)
            self._days |= set(np.unique(day_of(batch.occurred_at_ms[scored])).tolist())
            self._kinds |= set(np.unique(batch.kind).tolist())
            debited = batch.select((batch.kind == DEBIT) & (batch.result == OK))
            self._tie(Ties.of(debited))
            self._sums.keep(debited.amount_yen)
            known = batch.source[scored]
            self._events += len(known)
            self._sourceless += int((known == 0).sum())
            self._sources.keep(known[known != 0])
            yield batch

    def _tie(self, found: Ties) -> None:
        rows = zip(*(column.tolist() for column in found), strict=True)
        for account, *rest in rows:
            if account in self._ties or len(self._ties) < KNOWN_ACCOUNTS:
                self._ties[account] = tuple(rest)

    @property
    def history(self) -> History:
        """The properties of the batches so far."""
        rows = [(account, *rest) for account, rest in sorted(self._ties.items())]
        columns = zip(*rows, strict=True) if rows else ((),) * len(Ties._fields)
        return History(
            np.array(sorted(self._days), np.int64),
            Ties(*(np.array(column, DTYPES[name]) for name, column in zip(Ties._fields, columns, strict=True))),
            np.array(sorted(self._kinds), np.int8),
            self._sourceless / max(1, self._events),
            self._sources.kept,
            np.sort(self._sums.kept),
        )
