"""The account stage equals its feature table, to the last bit, on random lives of accounts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.alone import Alone
from support.oracle_account import NAMES, NEVER_MS, Event, Oracle, batch_of, lives

from detector.core.pipeline import Outcome
from detector.core.stage import YEN_DEBITED, YEN_LEFT, YEN_PACE
from detector.core.stages.account import ACCOUNT

DAY_MS = 86_400_000


def run(events: list[Event], ttl_ms: int) -> Outcome:
    return Alone(ACCOUNT, ttl_ms=ttl_ms).process(batch_of(events))


def assert_same(events: list[Event], ttl_ms: int) -> None:
    status, X, facts = Oracle(ttl_ms).matrix(events)
    outcome = run(events, ttl_ms)
    np.testing.assert_array_equal(outcome.status, status)
    for j, name in enumerate(NAMES):
        np.testing.assert_array_equal(outcome.events.X[:, j], X[:, j], err_msg=name)
    np.testing.assert_array_equal(outcome.events.facts[:, [YEN_DEBITED, YEN_LEFT, YEN_PACE]], facts)


@given(
    seed=st.integers(0, 2**32),
    n=st.integers(0, 120),
    accounts=st.integers(1, 8),
    late=st.sampled_from([0.0, 0.1, 0.8]),
    repeated=st.sampled_from([0.0, 0.2]),
    calm=st.sampled_from([0.0, 0.5, 2.0]),
    ttl_ms=st.sampled_from([NEVER_MS, 3_600_000, 2 * DAY_MS, 30 * DAY_MS]),
)
@settings(max_examples=60, deadline=None)
def test_features_facts_and_status_equal_the_oracle(
    seed: int, n: int, accounts: int, late: float, repeated: float, calm: float, ttl_ms: int
) -> None:
    assert_same(lives(seed, n, accounts=accounts, late=late, repeated=repeated, calm=calm), ttl_ms)


@pytest.mark.parametrize("seed", range(3))
def test_a_long_life_of_one_account_equals_the_oracle(seed: int) -> None:
    assert_same(lives(seed, 400, accounts=1), NEVER_MS)


def test_random_lives_reach_every_feature_with_several_values() -> None:
    X = run(lives(7, 2_000), 30 * DAY_MS).events.X
    assert [] == [
        name for name, column in zip(NAMES, X.T, strict=True) if len(np.unique(column[~np.isnan(column)])) < 2
    ]
    assert {0, 1, 3} == set(run(lives(7, 2_000), 2 * DAY_MS).status.tolist())


def test_no_time_is_negative_and_no_value_infinite() -> None:
    X = run(lives(11, 2_000, late=0.5), NEVER_MS).events.X
    signed = NAMES.index("amount_z")
    assert np.nanmin(np.delete(X, signed, axis=1)) >= 0
    assert not np.isinf(X).any()
