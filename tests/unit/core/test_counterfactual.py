"""Counterfactuals of models that are plain to see, and of a trained one on both sides of the limit."""

import numpy as np
import pytest
from support.models import STAGE, make_history, make_model

from detector.contract.alerts import Counterfactual
from detector.contract.vocabulary import DEBIT
from detector.core.counterfactual import AMOUNTS, MOST_STEPS, amounts_below, counterfactual, steps_towards
from detector.core.own_amount import Debit, with_amounts
from detector.core.reasons import reasons_of
from detector.core.stage import Chain, Feature, OwnAmount, Stage

FEATURES = (
    Feature("wallet_age_s", "", "s", -1, ("debit",), "young", "若い", "the wallet's age", "開設からの時間"),
    Feature("amount_yen", "", "yen", 1, ("debit",), "a", "a", "the amount", "金額", OwnAmount("asked")),
    Feature("yen_24h", "", "yen", 1, ("debit",), "y", "y", "the yen within 24 hours", "24時間の額", OwnAmount("sum")),
    Feature("by_pin", "", "bool", 1, ("debit",), "linked by PIN", "暗証番号で登録"),
)
AGE, AMOUNT, DAY, PIN = range(4)
COLUMNS = Stage("account", "account", STAGE.row, 1, STAGE.kernel, FEATURES, STAGE.reads)
X = np.array([300, 90_000, 190_000, 1], np.float32)
USUAL = np.array([86_400, 5_000, 5_000, 0], np.float32)
DEBITED = Debit(90_000, done=True, young=True)
ALL = ["yen_24h", "wallet_age_s", "by_pin"]


def explained(alerts: object, reasons: list[str] = ALL, debit: Debit | None = DEBITED) -> Counterfactual | None:
    return counterfactual(COLUMNS, X, USUAL, reasons, debit, alerts)  # type: ignore[arg-type]


def test_the_largest_amount_that_would_not_have_alerted() -> None:
    found = explained(lambda X: X[:, AMOUNT] > 37_500)
    assert found == Counterfactual(
        "amount_yen",
        36_000,
        "would not have alerted at 36,000 yen or less",
        "金額が36,000円以下であれば検知されませんでした",
    )


def test_sums_shrink_with_the_amount_that_they_hold() -> None:
    found = explained(lambda X: X[:, DAY] >= 150_000)
    assert found is not None
    assert 48_000 == found.value


def test_a_smaller_amount_that_would_have_alerted_bounds_the_limit() -> None:
    found = explained(lambda X: (X[:, AMOUNT] > 60_000) | (X[:, AMOUNT] == 20_000))
    assert found is not None
    assert 18_000 == found.value


def test_where_the_amount_does_not_decide_the_first_reason_that_does_is_given() -> None:
    found = explained(lambda X: X[:, AGE] < 3_600)
    assert found == Counterfactual(
        "wallet_age_s",
        3_600,
        "would not have alerted if the wallet's age had been 60 minutes or more",
        "開設からの時間が60分以上であれば検知されませんでした",
    )


def test_a_yes_or_no_is_described_by_its_own_text() -> None:
    found = explained(lambda X: X[:, PIN] > 0)
    assert found == Counterfactual(
        "by_pin",
        0,
        "would not have alerted but for this: linked by PIN",
        "「暗証番号で登録」でなければ検知されませんでした",
    )


def test_a_limit_holds_for_all_less_risky_values_up_to_the_usual() -> None:
    found = explained(lambda X: (X[:, AGE] < 600) | (X[:, AGE] == 7_200))
    assert found is not None
    assert 3 * 3_600 == found.value


def test_there_is_none_where_no_single_change_would_do() -> None:
    assert explained(lambda X: (X[:, AGE] < 3_600) | (X[:, PIN] > 0)) is None


def test_an_event_that_is_no_debit_is_asked_of_its_reasons_alone() -> None:
    found = explained(lambda X: X[:, AMOUNT] > 37_500, ALL, None)
    assert found is None


@pytest.mark.parametrize(
    ("count", "step", "amount"),
    [
        (0, 0, 1),
        (0, 0, 10),
        (1, 0, 11),
        (63, 10, 640),
        (32, 20, 641),
        (49, 200, 9_999),
        (49, 2_000, 100_000),
        (59, 5_000, 300_000),
        (49, 20_000_000, 10**9),
    ],
)
def test_amounts_looked_at_are_round_below_and_few(count: int, step: int, amount: int) -> None:
    asked = amounts_below(amount)
    assert count == len(asked) <= AMOUNTS
    assert (asked < amount).all()
    assert {step} >= set(np.diff(asked))


def test_steps_go_to_the_first_that_is_usual_and_are_few() -> None:
    assert [30, 20, 10, 7, 5] == [v / 1000 for v in steps_towards(FEATURES[AMOUNT], 31_000, 6_000)]
    assert [600, 1_200] == steps_towards(FEATURES[AGE], 301, 1_000)
    assert [0] == steps_towards(FEATURES[PIN], 1, np.nan)
    assert len(steps_towards(FEATURES[AMOUNT], 10**9, np.nan)) <= MOST_STEPS


def test_a_trained_model_judges_on_both_sides_of_the_limit_as_reported() -> None:
    """For made-up debits that alert: at the limit and below none does, at the next tried amount one does."""
    features = tuple(FEATURES[AMOUNT] if feature.name == "amount_yen" else feature for feature in STAGE.features)
    stage = Stage("account", "account", STAGE.row, 1, STAGE.kernel, features, STAGE.reads)
    model, data = make_model(), make_history(days=3, seed=5)
    kept = np.flatnonzero(data.kind == DEBIT)
    rows = data.X[kept] * np.array([1, 0.02, 9, 0.02], np.float32)
    amounts = 0

    def alerts(X: np.ndarray) -> np.ndarray:
        return model.judge(X, np.full(len(X), DEBIT, np.int8)).alert

    for x in rows[alerts(rows)]:
        debit = Debit(int(x[2]), done=True, young=False)
        contributions = model.detectors[0].contributions(x, DEBIT)
        reasons = [reason.feature for reason in reasons_of(stage, x, model.usual[DEBIT], contributions)]
        found = counterfactual(Chain((stage,)), x, model.usual[DEBIT], reasons, debit, alerts)
        asked = amounts_below(debit.amount_yen)
        loud = alerts(with_amounts(features, x, debit, asked))
        if found is None or found.feature != "amount_yen":
            assert loud[0]
            continue
        amounts += 1
        assert not loud[asked <= found.value].any()
        assert loud[asked > found.value][:1].all()
    assert amounts > 20
