"""Fraud that nobody labelled, by made-up levels: how much is found, and that honest life is not taken for it."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest

from detector.contract.vocabulary import DEBIT
from detector.core.detector_table import DETECTORS
from detector.core.detectors import Detector, DetectorSpec
from models.datasets import Dataset
from models.hidden import NOT_LEARNT, excess, fit_cleaned
from models.inject import Cases
from models.span import Span

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
    assert 0 == np.median(found(0, apart=apart))


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


@dataclass
class ByFirstFeature:
    """A detector that scores by the first feature, and the training data it was asked to learn from."""

    spec: DetectorSpec = field(default_factory=lambda: next(row for row in DETECTORS if row.form == "boosting"))
    learnt: list[Dataset] = field(default_factory=list)

    def fit(self, span: Span) -> tuple[Detector, ...]:
        self.learnt.append(span.fitting)
        return (self,)  # type: ignore[return-value]

    def score_many(self, X: npt.NDArray[np.float32], kind: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
        del kind
        return X[:, 0].astype(np.float64)


def history(fraud: int, days: npt.NDArray[np.int64], seed: int) -> Dataset:
    """Honest accounts, each seen once, and `fraud` accounts after them."""
    rng = np.random.default_rng(seed)
    n = HONEST + fraud
    X = np.concatenate([rng.normal(0, 1, HONEST), rng.normal(APART, 1, fraud)]).astype(np.float32)[:, None]
    kind = np.full(n, DEBIT, np.int8)
    return Dataset(
        X,
        kind,
        np.arange(1, n + 1, dtype=np.uint64),
        rng.choice(days, n),
        0 * kind.astype(np.int16),
        np.zeros(n, np.int32),
    )


def span_of(fraud: int) -> Span:
    """Twenty days to learn from, and ten held out with as much fraud a day."""
    days, rng = np.arange(30), np.random.default_rng(3)
    later = days % 3 == 2
    X, zero = rng.normal(APART, 1, (CASES, 1)).astype(np.float32), np.zeros(CASES, np.int64)
    kind, number = np.full(CASES, DEBIT, np.int8), np.arange(CASES)
    cases = Cases(X, kind, number, 0 * kind, kind == DEBIT, rng.choice(days, CASES), zero, ("T1",))
    return Span(history(2 * fraud, days[~later], 1), history(fraud, days[later], 2), int(later.sum()), cases, cases)


def test_a_history_without_fraud_is_learnt_once_and_counted_whole() -> None:
    detector, span = ByFirstFeature(), span_of(0)
    cleaned = fit_cleaned(detector.fit, span)
    assert (0, 1) == (cleaned.groups, len(detector.learnt))
    assert len(span.held_out.kind) == len(cleaned.span.held_out.kind)


def test_what_is_suspected_is_neither_learnt_from_nor_counted() -> None:
    detector, fraud = ByFirstFeature(), 120
    cleaned = fit_cleaned(detector.fit, span_of(fraud))
    assert 0.6 * fraud <= cleaned.groups <= fraud
    assert HONEST + fraud - cleaned.groups == len(cleaned.span.held_out.kind)
    first, second = detector.learnt
    assert 2 * NOT_LEARNT * cleaned.groups == len(first.kind) - len(second.kind)
    assert np.sort(first.X[:, 0])[: len(second.kind)].tolist() == np.sort(second.X[:, 0]).tolist()


def test_without_a_detector_that_learnt_from_attacks_nothing_is_suspected() -> None:
    joint_tail = ByFirstFeature(next(row for row in DETECTORS if row.form == "joint_tail"))
    assert 0 == fit_cleaned(joint_tail.fit, span_of(120)).groups
