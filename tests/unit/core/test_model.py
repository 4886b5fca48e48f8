"""How detectors are combined, when an event alerts, and how urgent an alert is."""

from dataclasses import replace

import numpy as np
import pytest
from support.models import STAGE, make_history, make_model

from detector.contract.vocabulary import DEBIT, LINK, UNLINK
from detector.core.budgets import BankBudgets
from detector.core.calibration import Calibration, fit_calibration
from detector.core.detectors import DetectorSpec
from detector.core.model import Judgement, Model, features_hash
from detector.core.triage import LEVELS, MILLION, level_of


class ColumnDetector:
    """Scores an event by one column of its features."""

    def __init__(self, name: str, share: float, column: int, kinds: tuple[int, ...] = (LINK, DEBIT)) -> None:
        self.name = name
        self.spec = DetectorSpec(name, "", share, (), (), "")
        self.column, self.kinds = column, kinds

    def score_many(self, X: np.ndarray, kind: np.ndarray) -> np.ndarray:
        return np.where(np.isin(kind, self.kinds), X[:, self.column], np.nan).astype(np.float64)


def rates(*, days: int) -> Calibration:
    """Held-out scores 0.00, 0.01 … 0.99 of 100 accounts on one day: at 1 - n/100, (n + 1) / days a day."""
    scores = np.arange(100) / 100
    return fit_calibration(
        scores, np.full(100, DEBIT, np.int8), np.arange(100, dtype=np.uint64), np.zeros(100, int), days
    )


def make(*detectors: ColumnDetector, budget: float) -> Model:
    calibrations = tuple(rates(days=10) for _ in detectors)
    return Model("1", "00", "s", ("a", "b"), "ff", detectors, calibrations, budget, np.zeros((7, 2), np.float32), {})  # type: ignore[arg-type]


def judge(model: Model, *rows: tuple[float, float], kind: int = DEBIT) -> Judgement:
    return model.judge(np.array(rows, np.float32), np.full(len(rows), kind, np.int8))


def test_one_detector_alerts_within_the_whole_budget() -> None:
    judgement = judge(make(ColumnDetector("a", 1.0, 0), budget=1.0), (0.895, 0), (0.905, 0), (0.915, 0))
    np.testing.assert_allclose([1.1, 1.0, 0.9], judgement.alarm)
    assert [False, True, True] == judgement.alert.tolist()


def test_a_detector_alerts_within_its_share_and_the_one_with_the_least_alarm_speaks() -> None:
    model = make(ColumnDetector("a", 0.75, 0), ColumnDetector("b", 0.25, 1), budget=1.0)
    judgement = judge(model, (0.935, 0.0), (0.0, 0.985), (0.955, 0.985), (0.915, 0.965))
    np.testing.assert_allclose([0.7 / 0.75, 0.2 / 0.25, 0.5 / 0.75, 0.9 / 0.75], judgement.alarm)
    assert [0, 1, 0, 0] == judgement.detector.tolist()
    assert [True, True, True, False] == judgement.alert.tolist()
    np.testing.assert_allclose([7 / 101, 2 / 101, 5 / 101, 9 / 101], judgement.p_value)
    np.testing.assert_array_equal(np.array([0.935, 0.0], np.float32), judgement.scores[0])


def test_a_kind_that_nobody_scores_never_alerts() -> None:
    judgement = judge(make(ColumnDetector("a", 1.0, 0), budget=1e9), (5, 5), kind=UNLINK)
    assert (np.inf, 1.0, False) == (judgement.alarm[0], judgement.p_value[0], judgement.alert[0])
    assert np.isnan(judgement.scores).all()


def test_an_empty_batch_has_an_empty_judgement() -> None:
    judgement = make_model().judge(np.empty((0, 4), np.float32), np.empty(0, np.int8))
    assert [0, 0, 0, 0, 0] == [len(column) for column in judgement]


def test_many_at_once_equal_one_at_a_time_bit_for_bit() -> None:
    model, data = make_model(), make_history(days=1, a_day=77, seed=3)
    together = model.judge(data.X, data.kind)
    alone = [model.judge(data.X[i : i + 1], data.kind[i : i + 1]) for i in range(77)]
    for name in Judgement._fields:
        parts = [getattr(judgement, name) for judgement in alone]
        assert getattr(together, name).tobytes() == np.concatenate(parts).tobytes(), name


@pytest.mark.parametrize("shares", [(0.5, 0.4), (1.5, -0.5), (0.6, 0.6)])
def test_refuses_shares_that_do_not_make_one_budget(shares: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        make(ColumnDetector("a", shares[0], 0), ColumnDetector("b", shares[1], 1), budget=1)


@pytest.mark.parametrize("budget", [0, -1, float("nan")])
def test_refuses_a_budget_that_is_not_positive(budget: float) -> None:
    with pytest.raises(ValueError, match="budget"):
        make(ColumnDetector("a", 1.0, 0), budget=budget)


@pytest.mark.parametrize(
    ("expected", "yen_at_risk", "alarm"),
    [
        ("critical", 300_000, 0.1),
        ("critical", 100_000, 1.0),
        ("high", 100_000, 1.1),
        ("high", 99_999, 1.0),
        ("high", 1, 0.5),
        ("medium", 99_999, 5.0),
        ("medium", 0, 0.5),
        ("low", 0, 20.0),
    ],
)
def test_severity_follows_yen_at_risk_and_rarity(expected: str, yen_at_risk: int, alarm: float) -> None:
    assert expected == LEVELS[level_of(yen_at_risk, round(alarm * MILLION))]


def test_the_features_hash_changes_with_what_scores_depend_on_only() -> None:
    first, *rest = STAGE.features
    turned = replace(STAGE, features=(replace(first, risk=-1), *rest))
    reworded = replace(STAGE, features=(replace(first, text_en="other words"), *rest))
    assert features_hash(STAGE.name, STAGE.features) != features_hash(turned.name, turned.features)
    assert features_hash(STAGE.name, STAGE.features) == features_hash(reworded.name, reworded.features)


@pytest.mark.parametrize("controlled", [False, True])
@pytest.mark.parametrize("first", [0, 1, 2])
def test_whoever_is_asked_first_the_same_events_alert(first: int, *, controlled: bool) -> None:
    rng = np.random.default_rng(1)
    model = make(
        ColumnDetector("one", 0.5, 0), ColumnDetector("two", 0.3, 1), ColumnDetector("links", 0.2, 1, (LINK,)), budget=2
    )
    model = replace(model, banks=BankBudgets({"0001": 0.5, "0116": 0.5}, {"0116": 0.4}), controlled=controlled)
    X = rng.random((500, 2)).astype(np.float32) * 1.1
    kind = rng.choice(np.array([LINK, UNLINK, DEBIT], np.int8), 500)
    bank = rng.choice(np.array([1, 116, 9], np.int16), 500)
    expected = model.judge(X, kind, bank).alert
    assert 20 < expected.sum() < 480
    assert expected.tolist() == model.alerts(X, kind, bank, model.detectors[first]).tolist()
