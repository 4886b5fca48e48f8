"""What a wallet's log is made of: account events as they are, wallet events of both wallets they touch."""

import numpy as np
import numpy.typing as npt

from detector.contract.batch import OWN, RECEIVING, Batch
from detector.contract.vocabulary import TRANSFER


def both_sides(batch: Batch) -> Batch:
    """The batch with every transfer twice: behind the sender's event (role 0) the receiver's (role 1, place 1).

    Each side has a position of its own, so that a hop can tell a repeated one. `record` stays that of the source.
    """
    transfer = batch.kind == TRANSFER
    if not transfer.any():
        return batch
    twice = batch.select(np.repeat(np.arange(batch.size), 1 + transfer))
    second = np.flatnonzero(twice.record[1:] == twice.record[:-1]) + 1
    for name, value in (
        ("wallet", twice.counterparty[second]),
        ("counterparty", twice.wallet[second]),
        ("role", RECEIVING),
        ("place", 1),
    ):
        getattr(twice, name)[second] = value
    return twice


def one_side(batch: Batch, which: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Of the events at `which`, int64 (k,), those that go on behind the wallets' stage: a transfer is one event again.

    Under any other key both sides may meet in one row, by way of two partitions in either order, and the second would
    pass for a duplicate of the first.
    """
    kept: npt.NDArray[np.int64] = which[batch.role[which] == OWN]
    return kept
