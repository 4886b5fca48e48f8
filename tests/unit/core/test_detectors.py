"""Every detector of the table, whatever its form: one suite on a trained one."""

import numpy as np
import pytest
from support.models import STAGE, make_history, make_model

from detector.contract.vocabulary import DEBIT, KINDS, LINK, UNLINK
from detector.core.detector_table import DETECTORS
from detector.core.detectors import FORMS, Detector, hash_of

TRAINED = make_model().detectors


def test_shares_of_the_budget_sum_to_one() -> None:
    assert sum(spec.share for spec in DETECTORS) == pytest.approx(1)


def test_names_and_kinds_are_unique_and_known() -> None:
    assert len({spec.name for spec in DETECTORS}) == len(DETECTORS)
    assert {kind for spec in DETECTORS for kind in spec.kinds} <= set(KINDS)
    assert {spec.form for spec in DETECTORS} <= set(FORMS)


def test_wording_does_not_change_the_hash_and_a_share_does() -> None:
    (row, *_) = DETECTORS
    again = type(row)(row.name, row.form, row.share, row.kinds, row.typologies, "other words")
    richer = type(row)(row.name, row.form, row.share / 2, row.kinds, row.typologies, row.meaning)
    assert hash_of((row,)) == hash_of((again,))
    assert hash_of((row,)) != hash_of((richer,))


@pytest.fixture(params=TRAINED, ids=[detector.name for detector in TRAINED])
def detector(request: pytest.FixtureRequest) -> Detector:
    trained: Detector = request.param
    return trained


def test_scores_are_in_0_to_1_and_absent_for_other_kinds(detector: Detector) -> None:
    data = make_history(days=1, seed=7)
    kind = np.where(np.arange(len(data.kind)) % 5 == 0, UNLINK, data.kind).astype(np.int8)
    scores = detector.score_many(data.X, kind)
    scored = np.isin(kind, [KINDS.index(name) for name in detector.spec.kinds])
    np.testing.assert_array_equal(scored, ~np.isnan(scores))
    assert (scores[scored] >= 0).all()
    assert (scores[scored] <= 1).all()


def test_many_at_once_equal_one_at_a_time_bit_for_bit(detector: Detector) -> None:
    data = make_history(days=1, a_day=61, seed=8)
    alone = [detector.score_many(data.X[i : i + 1], data.kind[i : i + 1]) for i in range(61)]
    assert np.concatenate(alone).tobytes() == detector.score_many(data.X, data.kind).tobytes()


def test_riskier_values_score_higher(detector: Detector) -> None:
    usual, risky = np.nanmedian(make_history().X, axis=0), np.array([9, 60, 300_000, 5], np.float32)
    kind = np.array([LINK, LINK, DEBIT, DEBIT], np.int8)
    scores = detector.score_many(np.stack([usual, risky, usual, risky]).astype(np.float32), kind)
    assert scores[0] < scores[1]
    assert scores[2] < scores[3]


def test_contributions_cover_every_feature_and_ignore_those_of_other_kinds(detector: Detector) -> None:
    contributions = detector.contributions(np.array([9, 60, 300_000, 5], np.float32), LINK)
    assert contributions.shape == (len(STAGE.features),)
    np.testing.assert_array_equal([0, 0], contributions[2:])
    assert contributions[:2].sum() > 0


def test_a_restored_detector_scores_the_same_bit_for_bit(detector: Detector) -> None:
    data = make_history(days=1, seed=9)
    restored = FORMS[detector.spec.form](detector.spec, detector.arrays())
    assert detector.score_many(data.X, data.kind).tobytes() == restored.score_many(data.X, data.kind).tobytes()
