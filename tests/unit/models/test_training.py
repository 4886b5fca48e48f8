"""From a history to a model: what is learnt from, what it is calibrated on, and which histories are too poor."""

import numpy as np
import numpy.typing as npt
import pytest
from support.models import FIRST_DAY, STAGE, make_draft, make_history

from detector.artifact import pack, unpack
from detector.contract.vocabulary import DEBIT, LINK, UNLINK
from detector.core.model import Model
from detector.errors import UserError
from models.datasets import Dataset
from models.training import Plan, train

SMALL = Plan(trees=20, max_samples=64)


def held_out(data: Dataset) -> npt.NDArray[np.bool_]:
    """Events of every third day."""
    every_third: npt.NDArray[np.bool_] = (data.day - FIRST_DAY) % 3 == 2
    return every_third


def trained(data: Dataset, plan: Plan = SMALL) -> Model:
    return unpack(pack(train(data, STAGE, plan, "0" * 64)), STAGE)


def test_held_out_life_alerts_within_the_budget_and_spends_most_of_it() -> None:
    summary = make_draft(budget=20).calibration["forest"]
    assert summary["held_out_groups_per_day"] <= 20
    assert summary["held_out_groups_per_day"] > 15


def test_new_days_of_the_same_life_alert_about_as_often_as_the_budget_says() -> None:
    model = trained(make_history(days=30, a_day=1000), Plan(budget=20, trees=50))
    data = make_history(days=20, a_day=1000, seed=2)
    alert = model.judge(data.X, data.kind).alert
    groups = {(account, day) for account, day in zip(data.account[alert], data.day[alert], strict=True)}
    assert 20 == pytest.approx(len(groups) / 20, rel=0.3)


def test_a_drain_alerts_and_usual_life_does_not() -> None:
    usual = np.nanmedian(make_history().X, axis=0)
    X = np.array([usual, [np.nan, 600, 300_000, 10]], np.float32)
    assert [False, True] == trained(make_history()).judge(X, np.full(2, DEBIT, np.int8)).alert.tolist()


def test_the_forest_never_sees_the_held_out_days() -> None:
    data = make_history()
    disturbed = data._replace(X=np.where(held_out(data)[:, None], 7 * data.X, data.X))
    first, second = (train(history, STAGE, SMALL, "") for history in (data, disturbed))
    for name, array in first.detectors[0].arrays().items():
        np.testing.assert_array_equal(array, second.detectors[0].arrays()[name])
    np.testing.assert_array_equal(first.usual, second.usual)
    assert first.calibration != second.calibration


def test_usual_values_are_medians_of_the_kind() -> None:
    data = make_history()
    early = ~held_out(data) & (data.kind == DEBIT)
    amounts = np.sort(data.X[early, 2])
    usual = train(data, STAGE, SMALL, "").usual
    assert amounts[len(amounts) // 2] == usual[DEBIT, 2]
    assert np.isnan(usual[LINK, 2])
    assert np.isnan(usual[UNLINK]).all()


def test_the_manifest_says_what_was_learnt_from() -> None:
    training = trained(make_history()).manifest["training"]
    assert (9, "2020-08-01", "2020-08-09", 3) == tuple(
        training[name] for name in ("days", "first_day", "last_day", "held_out_days")
    )
    assert 3600 == training["events"]
    assert 3600 == sum(training["fitted_events"].values()) + sum(training["held_out_events"].values())


def test_a_long_history_is_sampled_and_the_manifest_says_so() -> None:
    model = trained(make_history(), Plan(trees=5, max_samples=64, max_events=100))
    assert 100 == model.manifest["training"]["max_events"]


def without(data: Dataset, kind: int, *, on_held_out: bool) -> Dataset:
    return data.select((data.kind != kind) | (held_out(data) != on_held_out))


POOR: dict[str, tuple[Dataset, Plan, str]] = {
    "nothing": (make_history(days=0), SMALL, "0 days with links or debits: give a history of at least 3 days"),
    "two days": (make_history(days=2), SMALL, "2 days with links or debits: give a history of at least 3 days"),
    "no debits to learn from": (
        without(make_history(), DEBIT, on_held_out=False),
        SMALL,
        "0 debit events on the days of the history that are learnt from",
    ),
    "no links held out": (
        without(make_history(), LINK, on_held_out=True),
        SMALL,
        "0 link events on the days of the history that are held out",
    ),
    "endless budget": (make_history(), Plan(budget=float("inf")), "finite --budget"),
    "no number": (make_history(), Plan(budget=float("nan")), "finite --budget"),
    "tiny budget": (make_history(), Plan(budget=0.1), "raise --budget to at least 0.333"),
}


@pytest.mark.parametrize(("data", "plan", "complaint"), POOR.values(), ids=POOR.keys())
def test_a_history_that_cannot_make_a_model_is_refused(data: Dataset, plan: Plan, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as refused:
        train(data, STAGE, plan, "")
    assert "\n" not in str(refused.value)


def test_three_days_and_a_feature_that_never_varies_make_a_model() -> None:
    data = make_history(days=3)
    X = data.X.copy()
    X[:, 1] = 7.0
    assert trained(data._replace(X=X)).judge(X[:5], data.kind[:5]).alarm.shape == (5,)


def test_more_samples_a_tree_than_events_uses_all_events() -> None:
    assert trained(make_history(days=3, a_day=50), Plan(trees=5, max_samples=4096)).budget == 20
