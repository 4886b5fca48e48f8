"""Fraud that nobody labelled, in made-up groups of events: most is found, and hardly anybody honest is taken for it."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from detector.contract.vocabulary import DEBIT
from detector.core.detector_table import DETECTORS
from detector.core.detectors import Detector, DetectorSpec
from models.datasets import Dataset
from models.hidden import FAR, NOT_LEARNT, excess, fit_cleaned
from models.inject import Cases
from models.span import Span

HONEST, CASES = 40_000, 700  # as 15,000 accounts have on ten days, with their simulated cases
SEEDS = range(8)
APART = 5.0  # events of simulated cases, in standard deviations of honest ones
OF_THEFT, AT_MOST = 6, 4  # events of a theft; of an honest group, most have one


class Events(NamedTuple):
    """Scores of events and the group of each; groups from `HONEST` on are fraud."""

    score: npt.NDArray[np.float64]
    group: npt.NDArray[np.intp]


def life(rng: np.random.Generator, fraud: int, weaker: float = 0.0) -> Events:
    """Honest groups, some of few like events, and `fraud` groups `weaker` standard deviations below simulated cases."""
    times = np.minimum(rng.geometric(0.6, HONEST), AT_MOST)
    # Events of one group are like each other: who looks unusual once does so again.
    honest = np.repeat(rng.normal(0, 0.8, HONEST), times) + rng.normal(0, 0.6, times.sum())
    score = np.concatenate([honest, thefts(rng, fraud, weaker)])
    return Events(score, np.repeat(np.arange(HONEST + fraud), np.append(times, np.full(fraud, OF_THEFT))))


def thefts(rng: np.random.Generator, n: int, weaker: float = 0.0) -> npt.NDArray[np.float64]:
    return np.asarray(rng.normal(APART - weaker, 1, n * OF_THEFT))


def found(seed: int, fraud: int, *, weaker: float = 0.0, hopeless: int = 0) -> npt.NDArray[np.intp]:
    """The suspected groups, where so many simulated cases look honest."""
    rng = np.random.default_rng(seed)
    score, group = life(rng, fraud, weaker)
    cases = np.concatenate([thefts(rng, CASES - hopeless), rng.normal(0.5, 1, hopeless * OF_THEFT)])
    return excess(-score, group, -cases, np.repeat(np.arange(CASES), OF_THEFT)).groups


@pytest.mark.parametrize("seed", SEEDS)
def test_honest_life_has_no_fraud_in_it(seed: int) -> None:
    assert [] == found(seed, 0).tolist()
    assert [] == found(seed, 0, hopeless=CASES // 2).tolist()


@pytest.mark.parametrize("fraud", [20, 60, 120])
@pytest.mark.parametrize("seed", SEEDS)
def test_most_of_the_hidden_fraud_is_found_and_hardly_anybody_else(seed: int, fraud: int) -> None:
    groups = found(seed, fraud)
    assert 0.5 * fraud <= len(groups) <= 1.1 * fraud
    assert 0.9 * len(groups) <= (groups >= HONEST).sum()


@pytest.mark.parametrize("seed", SEEDS)
def test_fraud_that_scores_less_than_simulated_cases_is_hardly_ever_overstated(seed: int) -> None:
    assert 66 >= len(found(seed, 60, weaker=0.5))
    assert 66 >= len(found(seed, 60, weaker=1.5))


def test_the_unit_of_the_alarms_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    (score, group), cases, case = life(rng, 80), thefts(rng, CASES), np.repeat(np.arange(CASES), OF_THEFT)
    expected = excess(-score, group, -cases, case)
    assert expected.groups.tolist() == excess(np.exp(-score), group, np.exp(-cases), case).groups.tolist()
    assert expected.events > AT_MOST // 2


def test_thefts_of_one_event_say_nothing_and_neither_do_few_groups() -> None:
    rng = np.random.default_rng(1)
    (score, group), cases = life(rng, 80), rng.normal(APART, 1, CASES)
    assert [] == excess(-score, group, -cases, np.arange(CASES)).groups.tolist()
    some = group >= HONEST + 80 - FAR
    least = group[some].min()
    of_many = np.repeat(np.arange(CASES), OF_THEFT)
    assert [] == excess(-score[some], group[some] - least, -thefts(rng, CASES), of_many).groups.tolist()
    assert [] == excess(-score, group, cases[:0], np.arange(0)).groups.tolist()


def test_where_no_simulated_case_is_near_the_highest_scores_nothing_is_suspect() -> None:
    rng = np.random.default_rng(1)
    (score, group), honest = life(rng, 250), rng.normal(-1, 0.5, CASES * OF_THEFT)
    assert [] == excess(-score, group, -honest, np.repeat(np.arange(CASES), OF_THEFT)).groups.tolist()


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
    """Honest accounts, each seen on one day, and `fraud` accounts after them."""
    rng = np.random.default_rng(seed)
    score, group = life(rng, fraud)
    n = len(score)
    return Dataset(
        score.astype(np.float32)[:, None],
        np.full(n, DEBIT, np.int8),
        (group + 1).astype(np.uint64),
        rng.choice(days, HONEST + fraud)[group],
        np.zeros(n, np.int16),
        np.zeros(n, np.int32),
    )


def span_of(fraud: int) -> Span:
    """Twenty days to learn from, and ten held out with as much fraud a day."""
    days, rng = np.arange(30), np.random.default_rng(3)
    later = days % 3 == 2
    n = CASES * OF_THEFT
    X, zero, kind = thefts(rng, CASES).astype(np.float32)[:, None], np.zeros(n, np.int64), np.full(n, DEBIT, np.int8)
    number, day = np.repeat(np.arange(CASES), OF_THEFT), np.repeat(rng.choice(days, CASES), OF_THEFT)
    cases = Cases(X, kind, number, 0 * kind, kind == DEBIT, day, zero, ("T1",))
    return Span(history(2 * fraud, days[~later], 1), history(fraud, days[later], 2), int(later.sum()), cases, cases)


def test_a_history_without_fraud_is_learnt_once_and_counted_whole() -> None:
    detector, span = ByFirstFeature(), span_of(0)
    cleaned = fit_cleaned(detector.fit, span)
    assert (0, 1) == (cleaned.groups, len(detector.learnt))
    assert len(span.held_out.kind) == len(cleaned.span.held_out.kind)


def test_what_is_suspected_is_neither_learnt_from_nor_counted() -> None:
    detector, fraud = ByFirstFeature(), 60
    span = span_of(fraud)
    cleaned = fit_cleaned(detector.fit, span)
    assert 0.5 * fraud <= cleaned.groups <= 1.1 * fraud
    accounts = [np.unique(data.account) for data in (span.held_out, cleaned.span.held_out, *detector.learnt)]
    counted, left, whole, learnt = (len(found) for found in accounts)
    assert cleaned.groups == counted - left
    assert 2 * fraud <= whole - learnt <= 2 * NOT_LEARNT * cleaned.groups
    assert not (accounts[-1] > HONEST).any(), "all fraud of the training days is left out"


def test_without_a_detector_that_learnt_from_attacks_nothing_is_suspected() -> None:
    joint_tail = ByFirstFeature(next(row for row in DETECTORS if row.form == "joint_tail"))
    assert 0 == fit_cleaned(joint_tail.fit, span_of(60)).groups
