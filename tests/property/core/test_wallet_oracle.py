"""The wallet stage equals its feature table, to the last bit, on random lives of wallets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.alone import Alone
from support.oracle_wallet import NAMES, NEVER_MS, Event, Oracle, batch_of, lives

from detector.core.pipeline import Outcome
from detector.core.stages.wallet import WALLET

DAY_MS = 86_400_000


def run(events: list[Event], ttl_ms: int) -> Outcome:
    return Alone(WALLET, ttl_ms=ttl_ms).process(batch_of(events))


def assert_equal(outcome: Outcome, oracle: Oracle, events: list[Event]) -> None:
    status, X = oracle.matrix(events)
    np.testing.assert_array_equal(outcome.status, status)
    for j, name in enumerate(NAMES):
        np.testing.assert_array_equal(outcome.events.X[:, j], X[:, j], err_msg=name)


@given(
    seed=st.integers(0, 2**32),
    n=st.integers(0, 120),
    wallets=st.integers(1, 8),
    late=st.sampled_from([0.0, 0.1, 0.8]),
    repeated=st.sampled_from([0.0, 0.2]),
    calm=st.sampled_from([0.0, 0.5, 2.0]),
    ttl_ms=st.sampled_from([NEVER_MS, 3_600_000, 2 * DAY_MS, 30 * DAY_MS]),
)
@settings(max_examples=60, deadline=None)
def test_features_and_status_equal_the_oracle(
    seed: int, n: int, wallets: int, late: float, repeated: float, calm: float, ttl_ms: int
) -> None:
    events = lives(seed, n, wallets=wallets, late=late, repeated=repeated, calm=calm)
    assert_equal(run(events, ttl_ms), Oracle(ttl_ms), events)


@pytest.mark.parametrize("seed", range(3))
def test_a_long_life_of_one_wallet_equals_the_oracle(seed: int) -> None:
    events = lives(seed, 400, wallets=1)
    assert_equal(run(events, NEVER_MS), Oracle(), events)


@given(
    seed=st.integers(0, 2**32),
    cuts=st.lists(st.integers(0, 80), min_size=1, max_size=5),
    ttl_ms=st.sampled_from([NEVER_MS, 2 * DAY_MS]),
)
@settings(max_examples=30, deadline=None)
def test_what_is_read_again_after_a_crash_changes_nothing(seed: int, cuts: list[int], ttl_ms: int) -> None:
    events, oracle, pipeline = lives(seed, 80), Oracle(ttl_ms), Alone(WALLET, ttl_ms=ttl_ms)
    for cut in [*cuts, 0]:
        again = events[cut:]
        assert_equal(pipeline.process(batch_of(again)), oracle, again)


@given(seed=st.integers(0, 2**32), ttl_ms=st.sampled_from([NEVER_MS, 3_600_000, 2 * DAY_MS]))
@settings(max_examples=20, deadline=None)
def test_a_batch_of_n_equals_n_batches_of_one(seed: int, ttl_ms: int) -> None:
    events = lives(seed, 80)
    whole, single = (Alone(WALLET, ttl_ms=ttl_ms) for _ in range(2))
    at_once = whole.process(batch_of(events))
    one_by_one = [single.process(batch_of([event])) for event in events]
    assert at_once.status.tobytes() == b"".join(outcome.status.tobytes() for outcome in one_by_one)
    assert at_once.events.X.tobytes() == b"".join(outcome.events.X.tobytes() for outcome in one_by_one)
    assert whole.rows.snapshot().tobytes() == single.rows.snapshot().tobytes()


def test_random_lives_reach_every_feature_with_several_values() -> None:
    X = run(lives(7, 2_000), 30 * DAY_MS).events.X
    assert [] == [
        name for name, column in zip(NAMES, X.T, strict=True) if len(np.unique(column[~np.isnan(column)])) < 2
    ]
    assert {0, 1, 3} == set(run(lives(7, 2_000), 2 * DAY_MS).status.tolist())


def test_no_value_is_negative_or_infinite() -> None:
    X = run(lives(11, 2_000, late=0.5), NEVER_MS).events.X
    assert np.nanmin(X) >= 0
    assert not np.isinf(X).any()
