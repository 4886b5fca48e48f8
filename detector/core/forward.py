"""What a wallet's log is made of: account events as they are, wallet events of both wallets they touch."""

import numpy as np

from detector.contract.batch import RECEIVING
from detector.contract.vocabulary import TRANSFER
from detector.core.events import Events


def both_sides(events: Events) -> Events:
    """The events with every transfer twice: behind the sender's event (role 0) the receiver's (role 1, place 1).

    Each side has a position of its own, so that a hop can tell a repeated one. `record` stays that of the source.
    """
    transfer = events.batch.kind == TRANSFER
    if not transfer.any():
        return events
    twice = events.select(np.repeat(np.arange(events.size), 1 + transfer))
    batch = twice.batch
    second = np.flatnonzero(batch.record[1:] == batch.record[:-1]) + 1
    for name, value in (
        ("wallet", batch.counterparty[second]),
        ("counterparty", batch.wallet[second]),
        ("role", RECEIVING),
        ("hop_index", 1),
    ):
        getattr(batch, name)[second] = value
    return twice
