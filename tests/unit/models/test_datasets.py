"""What training sees of a history: the worker's own features, each event once."""

import numpy as np
from support.alone import Alone
from support.models import make_batch

from detector.contract.batch import Batch
from detector.contract.vocabulary import DEBIT, LINK, UNLINK
from detector.core.chains import ACCOUNT_CHAIN
from detector.core.stages.account import ACCOUNT
from detector.jst import DAY_MS
from models.datasets import collect

TTL_MS = 400 * DAY_MS
MIDNIGHT_JST_MS = 1_598_886_000_000  # 1 September 2020, 00:00 in Japan; day 18506 since 1970


def history(n: int) -> Batch:
    """Links, unlinks and debits of five accounts, an hour apart, from ten hours before midnight."""
    rng = np.random.default_rng(1)
    return make_batch(
        n,
        offset=np.arange(n),
        record=np.arange(n),
        kind=rng.choice([LINK, UNLINK, DEBIT, DEBIT], n),
        occurred_at_ms=MIDNIGHT_JST_MS + (np.arange(n) - 10) * 3_600_000,
        wallet_opened_at_ms=np.full(n, MIDNIGHT_JST_MS - DAY_MS),
        event_id=1 + np.arange(n),
        account=rng.integers(1, 6, n),
        wallet=rng.integers(1, 4, n),
        bank=np.full(n, 116),
        amount_yen=1000 * rng.integers(1, 90, n),
    )


def test_features_are_those_of_the_worker_in_any_slicing() -> None:
    batch = history(60)
    worker = Alone(ACCOUNT, ttl_ms=TTL_MS)
    scored = batch.kind != UNLINK
    expected = worker.process(batch).events.X[scored]
    for size in (1, 7, 60):
        data = collect((batch.select(slice(i, i + size)) for i in range(0, 60, size)), ACCOUNT_CHAIN, TTL_MS)
        assert expected.tobytes() == data.X.tobytes()
        np.testing.assert_array_equal(batch.kind[scored], data.kind)
        np.testing.assert_array_equal(batch.account[scored], data.account)


def test_a_repeated_event_is_learnt_from_once() -> None:
    batch = history(30)
    twice = batch.select(np.repeat(np.arange(30), 2))
    twice = twice._replace(offset=np.arange(60))
    assert len(collect([batch], ACCOUNT_CHAIN, TTL_MS).kind) == len(collect([twice], ACCOUNT_CHAIN, TTL_MS).kind)


def test_a_day_begins_at_midnight_in_japan() -> None:
    batch = history(20)._replace(kind=np.full(20, DEBIT, np.int8))
    assert [18505] * 10 + [18506] * 10 == collect([batch], ACCOUNT_CHAIN, TTL_MS).day.tolist()


def test_an_empty_history_is_an_empty_data_set_and_progress_counts_all_events() -> None:
    assert (0, len(ACCOUNT.features)) == collect([], ACCOUNT_CHAIN, TTL_MS).X.shape
    sizes: list[int] = []
    collect([history(9), history(4)._replace(offset=np.arange(9, 13))], ACCOUNT_CHAIN, TTL_MS, sizes.append)
    assert [9, 4] == sizes
