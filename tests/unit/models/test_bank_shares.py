"""Banks' shares of the alert groups: what is counted, and what a bank of its own budget gets of it."""

import numpy as np
import pytest
from support.models import STAGE, make_history

from detector.artifact import pack, unpack
from detector.contract.vocabulary import DEBIT
from detector.core.model import Model
from detector.errors import UserError
from models.bank_shares import LOOSER, bank_shares
from models.datasets import Dataset
from models.training import Plan, train

#: Accounts 1 to 4 at bank 1 and 2, two days; an account and day is a group once.
ACCOUNT = np.array([1, 1, 1, 2, 3, 3, 4, 4], np.uint64)
DAY = np.array([7, 7, 8, 7, 7, 8, 7, 8])
BANK = np.array([1, 1, 1, 1, 22, 22, 22, 22], np.int16)
OF = Dataset(
    np.zeros((8, 1), np.float32),
    np.full(8, DEBIT, np.int8),
    ACCOUNT,
    DAY,
    BANK,
    np.zeros(8, np.int8),
)


def model_of(**own: float) -> Model:
    data = make_history(days=30, a_day=1000)
    plan = Plan(20, trees=50, bank_budgets={name.removeprefix("b"): budget for name, budget in own.items()})
    return unpack(pack(train(data, STAGE, plan, "")), STAGE)


def test_a_group_is_an_account_and_day_with_an_event_within_the_limit() -> None:
    alarm = np.array([1, 2, 9e9, 9e9, 3, 9e9, 20 * LOOSER, 9e9])
    # Groups: one of bank 1, two of bank 22; volume 3 : 4, mixed in as two groups.
    expected = np.array([1 + 2 * 3 / 7, 2 + 2 * 4 / 7]) / 5
    shares = bank_shares(alarm, OF, 20.0)
    assert ["0001", "0022"] == list(shares)
    np.testing.assert_allclose(expected, list(shares.values()))


def test_without_any_group_shares_are_those_of_volume() -> None:
    np.testing.assert_allclose([3 / 7, 4 / 7], list(bank_shares(np.full(8, np.inf), OF, 20.0).values()))


def test_a_bank_of_its_own_budget_gets_that_and_the_others_what_they_had() -> None:
    shared, own = model_of(), model_of(b0116=3.0)
    assert {"0001", "0116", "9900"} == set(shared.banks.shares)
    assert 1 == pytest.approx(sum(shared.banks.shares.values()))
    data = make_history(days=20, a_day=1000, seed=2)
    before, after = (model.judge(data.X, data.kind, data.bank).alert for model in (shared, own))
    others = data.bank != 116
    assert before[others].tolist() == after[others].tolist()
    alerting = after & ~others
    groups = {(account, day) for account, day in zip(data.account[alerting], data.day[alerting], strict=True)}
    assert 3 == pytest.approx(len(groups) / 20, rel=0.3)
    assert before[~others].sum() > after[~others].sum()


def test_a_worker_may_override_what_was_set_at_training() -> None:
    model = model_of(b0116=3.0)
    changed = model.with_bank_budgets({"9900": 1.0})
    assert {"0116": 3.0, "9900": 1.0} == changed.banks.own
    assert (model.sha256, model.version) == (changed.sha256, changed.version)
    with pytest.raises(UserError, match="bank 7777 has no links or debits"):
        model.with_bank_budgets({"7777": 1.0})


@pytest.mark.parametrize(
    ("budget", "complaint"), [({"7777": 1.0}, "bank 7777 has no"), ({"0116": 0.001}, "raise its --bank-budget")]
)
def test_a_bank_budget_that_cannot_be_kept_is_refused(budget: dict[str, float], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as refused:
        train(make_history(), STAGE, Plan(trees=5, bank_budgets=budget), "")
    assert "\n" not in str(refused.value)
