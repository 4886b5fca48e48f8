"""P-values and false alarms a day against counting by hand."""

import numpy as np
import pytest

from detector.contract.vocabulary import DEBIT, LINK, UNLINK
from detector.core.calibration import CalibrationTable, fit_calibration


def held_out(n: int, seed: int = 1) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    kind = rng.choice([LINK, DEBIT], n).astype(np.int8)
    scores = np.where(kind == LINK, rng.normal(3, 0.1, n), np.round(rng.normal(0, 1, n), 1))  # debits have ties
    return scores, kind, rng.integers(1, 40, n).astype(np.uint64), rng.integers(0, 5, n)


def p_by_hand(score: float, code: int, scores: np.ndarray, kind: np.ndarray) -> float:
    same = scores[kind == code]
    return float((1 + (same >= score).sum()) / (len(same) + 1))


def test_p_values_count_held_out_events_of_the_same_kind() -> None:
    scores, kind, account, day = held_out(300)
    calibration = fit_calibration(scores, kind, account, day, 5)
    new = np.concatenate([scores, [-9.0, 9.0, 3.05]])
    kinds = np.concatenate([kind, np.array([LINK, DEBIT, LINK], np.int8)])
    expected = [p_by_hand(s, k, scores, kind) for s, k in zip(new, kinds, strict=True)]
    np.testing.assert_allclose(calibration.judge(new, kinds)[0], expected, rtol=1e-12)


def test_a_rate_is_the_accounts_a_day_that_alert_on_held_out_days() -> None:
    scores, kind, account, day = held_out(300)
    p_values, rates = fit_calibration(scores, kind, account, day, 5).judge(scores, kind)
    for i in range(len(scores)):
        as_bad = {(account[j], day[j]) for j in range(len(scores)) if p_values[j] <= p_values[i]}
        assert (len(as_bad) + 1) / 5 == pytest.approx(rates[i])


def test_what_is_worse_than_all_held_out_life_costs_less_than_one_group() -> None:
    scores, kind, account, day = held_out(300)
    _, rates = fit_calibration(scores, kind, account, day, 5).judge(np.array([1e9]), np.array([DEBIT], np.int8))
    assert rates.tolist() == [1 / 5]


def test_rates_fall_as_scores_rise() -> None:
    scores, kind, account, day = held_out(5000)
    rising = np.sort(np.random.default_rng(2).normal(0, 2, 1000))
    p_values, rates = fit_calibration(scores, kind, account, day, 5).judge(rising, np.full(1000, DEBIT, np.int8))
    assert (np.diff(p_values) <= 0).all()
    assert (np.diff(rates) <= 0).all()


def test_what_is_not_scored_never_alarms() -> None:
    scores, kind, account, day = held_out(50)
    p_values, rates = fit_calibration(scores, kind, account, day, 5).judge(
        np.array([np.nan]), np.array([UNLINK], np.int8)
    )
    assert (p_values.tolist(), rates.tolist()) == ([1.0], [np.inf])


def test_millions_of_held_out_events_take_bounded_space_and_stay_close() -> None:
    rng = np.random.default_rng(3)
    n = 200_000
    scores, kind = rng.normal(size=n), np.full(n, DEBIT, np.int8)
    calibration = fit_calibration(scores, kind, rng.integers(1, 999, n).astype(np.uint64), rng.integers(0, 9, n), 9)
    assert len(calibration.knots) <= 1002
    some = np.concatenate([np.sort(scores)[-40:], scores[:200]])
    expected = [p_by_hand(s, DEBIT, scores, kind) for s in some]
    p_values = calibration.judge(some, np.full(len(some), DEBIT, np.int8))[0]
    np.testing.assert_allclose(p_values[:40], expected[:40], rtol=1e-12)
    np.testing.assert_allclose(p_values, expected, rtol=0.015)


def test_a_table_of_calibrations_says_what_they_say_one_by_one() -> None:
    """The alarm is that of the first detector with the least rate / share, bit for bit."""
    parts = [held_out(300, seed) for seed in (1, 2, 3)]
    calibrations = [
        fit_calibration(scores, kinds, account, day, 5, one_scale=index == 1)
        for index, (scores, kinds, account, day) in enumerate(parts)
    ]
    shares, n = [0.5, 0.3, 0.2], 1_000
    rng = np.random.default_rng(4)
    kind = rng.choice([LINK, DEBIT, UNLINK], n).astype(np.int8)
    scores = np.round(rng.normal(1, 2, (n, 3)), 1)  # some beyond all knots, some equal to one
    scores[rng.random((n, 3)) < 0.3] = np.nan
    judged = [calibration.judge(column, kind) for calibration, column in zip(calibrations, scores.T, strict=True)]
    alarms = np.stack([rates / share for (_, rates), share in zip(judged, shares, strict=True)])
    first = alarms.argmin(axis=0)
    alarm, p_value, detector_index = CalibrationTable.of(calibrations, shares).judge(scores, kind)
    assert np.array_equal(alarms.min(axis=0), alarm)
    assert np.array_equal(first, detector_index)
    assert np.array_equal(np.stack([p_values for p_values, _ in judged])[first, np.arange(n)], p_value)
    assert 0 < np.isinf(alarm).sum() < n
    assert set(detector_index.tolist()) == {0, 1, 2}
