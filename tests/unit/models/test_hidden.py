"""Fraud that nobody labelled, by made-up levels: how much is found, and that honest life is not taken for it."""

import numpy as np
import numpy.typing as npt
import pytest

from models.hidden import excess

HONEST, CASES = 40_000, 700  # as 15,000 accounts have on ten days, with their simulated cases
SEEDS = range(12)
APART = 5.0  # simulated cases, in standard deviations of honest groups


def found(fraud: int, *, weaker: float = 0.0, apart: float = APART, hopeless: int = 0) -> npt.NDArray[np.int64]:
    """The excess of each seed, with `fraud` groups that score `weaker` standard deviations below simulated cases."""
    return np.array([one(np.random.default_rng(seed), fraud, weaker, apart, hopeless) for seed in SEEDS])


def one(rng: np.random.Generator, fraud: int, weaker: float, apart: float, hopeless: int) -> int:
    groups = np.concatenate([rng.normal(0, 1, HONEST), rng.normal(apart - weaker, 1, fraud)])
    cases = np.concatenate([rng.normal(apart, 1, CASES - hopeless), rng.normal(0.5, 1, hopeless)])
    return excess(-groups, -cases)


@pytest.mark.parametrize("apart", [2.5, 3.5, APART, 6.0])
def test_honest_life_has_no_fraud_in_it(apart: float) -> None:
    assert 1 >= np.median(found(0, apart=apart))


def test_cases_that_look_honest_make_no_honest_group_suspect() -> None:
    assert [0] * len(SEEDS) == found(0, hopeless=CASES // 2).tolist()


@pytest.mark.parametrize("fraud", [40, 120])
def test_most_of_the_hidden_fraud_is_found_and_no_more_than_there_is(fraud: int) -> None:
    groups = found(fraud)
    assert 0.6 * fraud <= np.median(groups)
    assert fraud >= np.median(groups)


def test_fraud_that_scores_less_than_simulated_cases_is_never_overstated() -> None:
    assert 60 >= np.median(found(60, weaker=0.5))
    assert np.median(found(60, weaker=1.0)) <= np.median(found(60, weaker=0.5))


def test_more_fraud_is_never_told_as_less() -> None:
    few, many = found(30), found(120)
    assert (few <= many).all()


def test_the_unit_of_the_levels_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    groups, cases = np.append(rng.normal(0, 1, HONEST), rng.normal(5, 1, 80)), rng.normal(5, 1, CASES)
    assert excess(-groups, -cases) == excess(np.exp(-groups), np.exp(-cases)) > 0


def test_without_cases_or_without_groups_nothing_is_suspect() -> None:
    levels = np.linspace(0, 1, 500)
    assert 0 == excess(levels, levels[:0])
    assert 0 == excess(levels[:0], levels)
