"""Planted attacks: where they come in a history, and what is kept of them."""

from collections.abc import Iterator

import numpy as np
from support.models import make_batch

from detector.contract.batch import Batch
from detector.contract.vocabulary import DEBIT, LINK
from detector.core.chains import ACCOUNT_CHAIN
from detector.core.memory import MemoryRun
from detector.core.topology import topology_of
from detector.jst import DAY_MS
from models.datasets import collect
from models.inject import NO_CASE, Attacks, Cases, collect_cases

TTL_MS = 400 * DAY_MS
BEGINS_MS = 1_598_886_000_000  # 1 September 2020, 00:00 in Japan
HOUR_MS = 3_600_000
ALICE, BOB = 11, 22


def log(kinds: list[int], accounts: list[int], hours: list[float], yen: list[int], first_id: int) -> Batch:
    n = len(kinds)
    return make_batch(
        n,
        offset=np.arange(n),
        record=np.arange(n),
        kind=kinds,
        occurred_at_ms=BEGINS_MS + (np.array(hours) * HOUR_MS).astype(np.int64),
        wallet_opened_at_ms=np.full(n, BEGINS_MS - DAY_MS),
        event_id=first_id + np.arange(n),
        account=accounts,
        wallet=accounts,
        bank=np.full(n, 116),
        amount_yen=yen,
    )


#: Alice and Bob live; Alice is robbed at 3 h in two steps, Bob at 5 h in one. A try on Bob belongs to no case.
LIFE = log([DEBIT] * 6, [ALICE, BOB] * 3, [1, 2, 4, 6, 7, 8], [1_000, 2_000, 3_000, 4_000, 5_000, 6_000], 1)
THEFT = log([LINK, LINK, DEBIT, DEBIT, DEBIT], [BOB, ALICE, ALICE, BOB, ALICE], [2.5, 3, 3.1, 5, 5.5],
            [0, 0, 90_000, 50_000, 20_000], 100)  # fmt: skip
ATTACKS = Attacks(
    batch=THEFT,
    arrival_ms=THEFT.occurred_at_ms,
    case=np.array([NO_CASE, 7, 7, 9, 7]),
    typology=np.array([1, 0, 0, 1, 0], np.int8),
    held_out=np.array([True, False, False, True, False]),
    names=("T1", "T3"),
)


def slices(size: int) -> Iterator[Batch]:
    for start in range(0, LIFE.size, size):
        yield LIFE.select(slice(start, start + size))


def found(size: int = 6) -> Cases:
    return collect_cases(slices(size), ATTACKS, ACCOUNT_CHAIN, TTL_MS)


def test_only_events_of_cases_are_kept_in_order_of_arrival() -> None:
    cases = found()
    assert [7, 7, 9, 7] == cases.case.tolist()
    assert [LINK, DEBIT, DEBIT, DEBIT] == cases.kind.tolist()
    assert [0, 0, 1, 0] == cases.typology.tolist()
    assert [False, False, True, False] == cases.held_out.tolist()


def test_yen_are_summed_by_case_this_event_included() -> None:
    cases = found()
    assert [0, 90_000, 50_000, 110_000] == cases.yen.tolist()
    assert [True, True, True, False] == cases.early.tolist()


def test_features_are_those_of_the_log_with_the_attack_in_it() -> None:
    order = np.argsort(np.concatenate([LIFE.occurred_at_ms, THEFT.occurred_at_ms]), kind="stable")
    columns = {name: np.concatenate([getattr(LIFE, name), getattr(THEFT, name)])[order] for name in LIFE._fields}
    whole = Batch(**{**columns, "offset": np.arange(11), "record": np.arange(11, dtype=np.int32)})
    events = MemoryRun(topology_of(ACCOUNT_CHAIN), None, ttl_ms=TTL_MS).process(whole).last.events
    expected = events.X[np.isin(events.batch.event_id, [101, 102, 103, 104])]
    assert expected.tobytes() == found().X.tobytes()


def test_it_is_the_same_in_any_slicing() -> None:
    for size in (1, 2, 4):
        for name, column in found()._asdict().items():
            if name != "names":
                np.testing.assert_array_equal(column, getattr(found(size), name), err_msg=name)


def test_what_comes_after_the_histories_end_is_left_out() -> None:
    late = ATTACKS._replace(arrival_ms=THEFT.occurred_at_ms + np.array([0, 0, 0, DAY_MS, DAY_MS]))
    assert [7, 7] == collect_cases(slices(6), late, ACCOUNT_CHAIN, TTL_MS).case.tolist()


def test_normal_life_is_collected_without_the_attack() -> None:
    alone = collect(slices(6), ACCOUNT_CHAIN, TTL_MS)
    assert LIFE.size == len(alone.kind)
    assert not np.isin(alone.X[:, ACCOUNT_CHAIN.feature_names.index("amount_yen")], [90_000, 50_000, 20_000]).any()
