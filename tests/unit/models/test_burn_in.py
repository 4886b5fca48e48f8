"""The days of a history that only fill the state: found where days settle, refused where they do not, left out."""

from collections.abc import Callable

import numpy as np
import pytest
from support.models import FIRST_DAY, STAGE, make_history

from detector.errors import UserError
from models.burn_in import BurnIn, find, given
from models.datasets import DOUBTFUL, FRAUD, Dataset
from models.training import Plan, train

DAYS = 28
AMOUNT = 2  # column of `make_history`
SMALL = Plan(budget=20, trees=20, max_samples=64)


def falling(factor: Callable[[int], float], days: int = DAYS) -> Dataset:
    """Usual days, of which debits of the n-th are `factor(n)` times as large as usual."""
    data = make_history(days=days, a_day=1000)
    factors = np.array([factor(day) for day in range(days)], np.float32)
    X = data.X.copy()
    X[:, AMOUNT] *= factors[data.day - FIRST_DAY]
    return data._replace(X=X)


def test_days_that_are_alike_have_no_burn_in() -> None:
    assert 0 == find(falling(lambda _: 1.0), STAGE, 1).days


@pytest.mark.parametrize("settled", [1, 4, 9])
def test_a_burn_in_ends_when_days_are_like_the_second_half(settled: int) -> None:
    found = find(falling(lambda day: 1.0 if day >= settled else 20.0), STAGE, 1)
    assert settled == found.days
    assert DAYS == len(found.unusual)
    assert min(found.unusual[:settled]) > max(found.unusual[settled:])


def test_one_loud_day_of_the_second_half_is_usual_in_the_first() -> None:
    assert 0 == find(falling(lambda day: 3.0 if day in {5, 20} else 1.0), STAGE, 1).days


@pytest.mark.parametrize("days", [{4, 5}, {9, 10, 11}])
def test_an_attack_of_a_few_days_is_no_cold_start(days: set[int]) -> None:
    assert 0 == find(falling(lambda day: 20.0 if day in days else 1.0), STAGE, 1).days


def test_labelled_fraud_is_no_unusual_life() -> None:
    data = falling(lambda day: 20.0 if day < 3 else 1.0)
    assert 0 == find(data._replace(life=np.where(data.day < FIRST_DAY + 3, FRAUD, data.life)), STAGE, 1).days


def test_a_history_that_never_settles_is_refused_with_what_would_do() -> None:
    with pytest.raises(UserError, match=r"has not settled: its quarters have .* longer history, or --burn-in DAYS"):
        find(falling(lambda day: 40.0 * 0.9**day + 1), STAGE, 1)


def test_a_history_too_short_to_tell_is_refused_with_what_would_do() -> None:
    with pytest.raises(UserError, match=r"13 days .* at least 14 days, or --burn-in 0"):
        find(falling(lambda _: 1.0, days=13), STAGE, 1)


def test_where_nothing_can_be_learnt_from_no_day_is_left_out_and_training_says_what_is_missing() -> None:
    data = falling(lambda _: 1.0)
    doubtful = data._replace(life=np.full_like(data.life, DOUBTFUL))
    found = find(doubtful, STAGE, 1)
    assert (0, (0,) * DAYS) == (found.days, found.unusual)
    with pytest.raises(UserError, match="0 link events on the days of the history that are learnt from"):
        train(doubtful, STAGE, SMALL, "", burn_in=found)


def test_a_burn_in_that_leaves_nothing_is_refused() -> None:
    days = np.unique(make_history(days=5).day)
    assert [FIRST_DAY + 4] == given(4, days).after(days).tolist()
    with pytest.raises(UserError, match="leaves nothing of a history of 5: give a lower --burn-in"):
        given(5, days)


def test_days_of_the_burn_in_are_neither_learnt_from_nor_counted() -> None:
    data = falling(lambda day: 20.0 if day < 4 else 1.0)
    found = train(data, STAGE, SMALL, "", burn_in=BurnIn(4))
    later = train(data.select(data.day >= FIRST_DAY + 4), STAGE, SMALL, "")
    for one, other in zip(found.detectors, later.detectors, strict=True):
        for name, array in one.arrays().items():
            np.testing.assert_array_equal(array, other.arrays()[name])
    for own, its in zip(found.calibrations, later.calibrations, strict=True):
        np.testing.assert_array_equal(own.rates, its.rates)
    assert (4, DAYS - 4) == (found.training["burn_in_days"], found.training["days"])
    groups = list(found.training["groups_by_day"].values())
    assert DAYS == len(groups)
    assert min(groups[:4]) > max(groups[4:])
