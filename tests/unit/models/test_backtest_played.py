"""What the back-test sees of a log: the chain's own features and scores, and labelled events of any kind."""

import numpy as np
import pandas as pd
from support.histories import TTL_MS, history, model

from detector.contract.batch import Batch
from detector.contract.hashing import hash64_many
from detector.contract.vocabulary import DEBIT, LINK, OK, PAYMENT
from detector.core.chains import WALLET_CHAIN
from detector.core.memory import MemoryRun
from detector.core.topology import topology_of
from models.backtest.labels import HONEST, NO_CASE, Labels, labels_of
from models.backtest.played import Played, play
from models.datasets import collect

NOTHING = Labels(np.empty(0, np.uint64), np.empty(0, np.int32), (), ())


def played(labels: Labels = NOTHING, size: int = 500, warm_up: int = 0) -> Played:
    """The history in batches of `size`, the first `warm_up` events of it only for the state."""
    whole = history()

    def batches(begin: int, end: int) -> list[Batch]:
        return [whole.select(slice(start, min(end, start + size))) for start in range(begin, end, size)]

    return play(batches(warm_up, whole.size), model(), WALLET_CHAIN, labels, ttl_ms=TTL_MS, warm_up=batches(0, warm_up))


def test_features_and_days_are_those_of_training() -> None:
    data, found = collect([history()], WALLET_CHAIN, TTL_MS), played()
    assert data.X.tobytes() == found.X.tobytes()
    assert data.kind.tolist() == found.kind.tolist()
    assert data.account.tolist() == found.account.tolist()
    assert data.day.tolist() == found.day.tolist()
    assert np.unique(data.day).tolist() == found.days.tolist()


def test_batches_do_not_matter() -> None:
    one, other = played(size=10_000), played(size=61)
    assert [column.tobytes() for column in one] == [column.tobytes() for column in other]


def test_after_a_warm_up_events_score_as_behind_it() -> None:
    whole, late = played(), played(warm_up=2_000)
    assert 0 < late.size < whole.size
    assert whole.X[-late.size :].tobytes() == late.X.tobytes()
    assert whole.scores[-late.size :].tobytes() == late.scores.tobytes()


def test_labelled_events_of_kinds_that_are_not_scored_are_kept_without_a_score() -> None:
    batch = history()
    payment = batch.event_id[batch.kind == PAYMENT][:3]
    found = played(Labels(np.sort(payment), np.zeros(3, np.int32), ("T1-1",), ("T1",)))
    assert 3 == (found.kind == PAYMENT).sum()
    assert np.isnan(found.scores[found.kind == PAYMENT]).all()
    assert [LINK, DEBIT] == np.unique(found.kind[found.scored]).tolist()
    assert (found.kind == PAYMENT).tolist() == (found.case == 0).tolist()
    assert played().size + 3 == found.size


def test_an_event_delivered_again_is_there_once() -> None:
    found = played()
    assert found.size == len(np.unique(found.event_id)) < np.isin(history().kind, (LINK, DEBIT)).sum()


def test_events_numbered_by_account_or_wallet_are_all_there() -> None:
    whole = history()
    event, place = np.unique(whole.event_id, return_inverse=True)
    subject = whole.subject[np.unique(whole.event_id, return_index=True)[1]]
    order = np.argsort(subject, kind="stable")
    number = np.empty(len(event), np.uint64)
    number[order] = np.arange(len(event)) - np.searchsorted(subject[order], subject[order]) + 1
    renamed = whole._replace(event_id=number[place])
    assert len(np.unique(number)) < len(event) / 10
    found = play([renamed], model(), WALLET_CHAIN, NOTHING, ttl_ms=TTL_MS)
    assert played().size == found.size


def test_debits_that_went_through_take_yen() -> None:
    whole = history()
    whole = whole._replace(result=np.where(np.arange(whole.size) % 3 == 0, OK, 3).astype(np.int8))
    found = play([whole], model(), WALLET_CHAIN, NOTHING, ttl_ms=TTL_MS)
    batch = MemoryRun(topology_of(WALLET_CHAIN), None, ttl_ms=TTL_MS).process(whole).last.events.batch
    yen = dict(zip(whole.event_id.tolist(), whole.amount_yen.tolist(), strict=True))
    went = dict(zip(batch.event_id.tolist(), ((batch.kind == DEBIT) & (batch.result == OK)).tolist(), strict=True))
    expected = [yen[event] if went[event] else 0 for event in found.event_id.tolist()]
    assert expected == found.taken.tolist()
    assert 0 < sum(yen > 0 for yen in expected) < (found.kind == DEBIT).sum()


def test_labels_name_cases_campaigns_and_nothing() -> None:
    rows = [("a", "T1-1", "T1"), ("b", "T1-2", "T1"), ("c", "T3-campaign-0001", "T3"), ("a", "T1-2", "T1")]
    labels = labels_of(pd.DataFrame(rows, columns=["event_id", "case_id", "typology"], dtype="str"))
    assert [0, 1, NO_CASE, HONEST] == labels.case_of(hash64_many(["a", "b", "c", "d"])).tolist()
    assert (("T1-1", "T1-2"), ("T1", "T1")) == (labels.case_ids, labels.typologies)
    assert [HONEST] == NOTHING.case_of(hash64_many(["a"])).tolist()
