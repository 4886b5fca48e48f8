"""Input of the wallets' node: account events unchanged, transfers once for each of their two wallets."""

import numpy as np

from detector.contract.batch import RECEIVING
from detector.contract.vocabulary import TRANSFER
from detector.core.events import Events


def both_sides(events: Events) -> Events:
    """The events with every transfer twice: the sender's event (role 0), then the receiver's (role 1, hop index 1).

    Each side has its own position, so that a hop can recognise repeats. `record` stays that of the source.
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
