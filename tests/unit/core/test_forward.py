"""A transfer reaches both wallets that it touches; every other event goes on as it is."""

import numpy as np
from support.hops import any_events, log_of
from support.models import make_batch

from detector.contract.batch import DTYPES, OWN, RECEIVING, Batch, concatenate
from detector.contract.vocabulary import DEBIT, OPEN, PAYMENT, TRANSFER
from detector.core.events import Events
from detector.core.forward import both_sides
from detector.core.topology import own_side

#: Columns that differ on the receiving side.
CHANGED = ("wallet", "counterparty", "role", "hop_index")


def described(batch: Batch) -> list[tuple[int, int, int, int, int]]:
    """(record, hop_index, role, wallet, counterparty) of every event."""
    columns = (batch.record, batch.hop_index, batch.role, batch.wallet, batch.counterparty)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def sides(batch: Batch) -> Batch:
    """The batch with both sides of its transfers."""
    return both_sides(Events.fresh(batch, 0)).batch


def test_events_without_a_transfer_stay_as_they_are() -> None:
    events = Events.fresh(make_batch(4, kind=[OPEN, PAYMENT, DEBIT, OPEN], wallet=[1, 2, 3, 4]), 2)
    assert both_sides(events) is events
    assert 0 == sides(make_batch(0)).size


def test_behind_the_senders_event_comes_the_receivers() -> None:
    batch = make_batch(
        4,
        record=[3, 4, 7, 8],
        kind=[TRANSFER, PAYMENT, TRANSFER, TRANSFER],
        wallet=[1, 2, 3, 5],
        counterparty=[9, 0, 1, 5],
    )
    assert [
        (3, 0, OWN, 1, 9),
        (3, 1, RECEIVING, 9, 1),
        (4, 0, OWN, 2, 0),
        (7, 0, OWN, 3, 1),
        (7, 1, RECEIVING, 1, 3),
        (8, 0, OWN, 5, 5),
        (8, 1, RECEIVING, 5, 5),
    ] == described(sides(batch))


def test_both_sides_are_the_same_event_in_all_else() -> None:
    batch = log_of(3_000)
    both = sides(batch)
    transfers = batch.kind == TRANSFER
    assert both.size == batch.size + transfers.sum() > batch.size
    sent, received = both.select(both.role == OWN), both.select(both.role == RECEIVING)
    for name in Batch._fields:
        np.testing.assert_array_equal(getattr(batch, name), getattr(sent, name), name)
        if name not in CHANGED:
            np.testing.assert_array_equal(getattr(batch, name)[transfers], getattr(received, name), name)
    assert [DTYPES[name] for name in Batch._fields] == [column.dtype for column in both]
    assert all(column.flags.c_contiguous for column in both)


def test_features_facts_and_strings_go_with_both_sides() -> None:
    events = any_events(3, 2)
    kind = np.array([TRANSFER, PAYMENT, TRANSFER], np.int8)
    both = both_sides(events._replace(batch=events.batch._replace(kind=kind)))
    twice = [0, 0, 1, 2, 2]
    assert events.X[twice].tobytes() == both.X.tobytes()
    assert events.facts[twice].tobytes() == both.facts.tobytes()
    assert events.strings is not None
    assert both.strings is not None
    for given, got in zip(events.strings, both.strings, strict=True):
        assert [given.text(i) for i in twice] == [got.text(i) for i in range(5)]


def test_a_batch_of_n_equals_n_batches_of_one() -> None:
    batch = log_of(3_000).select(slice(0, 500))
    assert (batch.kind == TRANSFER).any()
    alone = concatenate([sides(batch.select([i])) for i in range(batch.size)])
    for name in Batch._fields:
        assert getattr(sides(batch), name).tobytes() == getattr(alone, name).tobytes(), name


def test_behind_the_wallets_stage_a_transfer_is_one_event_again() -> None:
    batch = make_batch(
        3, record=[0, 1, 2], kind=[TRANSFER, PAYMENT, TRANSFER], wallet=[1, 2, 3], counterparty=[9, 0, 1]
    )
    both = both_sides(Events.fresh(batch, 0))
    status = np.zeros(both.size, np.int8)
    assert [0, 2, 3] == own_side(both, status).tolist()
    status[[0, 3]] = 3
    assert [2] == own_side(both, status).tolist()


def test_what_is_given_stays_as_it_was() -> None:
    batch = make_batch(1, kind=[TRANSFER], wallet=[1], counterparty=[9])
    sides(batch)
    assert [(0, 0, OWN, 1, 9)] == described(batch)
