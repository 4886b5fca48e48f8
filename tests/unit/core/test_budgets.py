"""Budgets of banks: the limits they give, and which are invalid."""

from collections.abc import Mapping

import numpy as np
import pytest

from detector.contract import canary
from detector.contract.vocabulary import ABSENT
from detector.core.budgets import BankBudgets
from detector.core.own_budgets import parse_own
from detector.errors import UserError

SHARES = {"0001": 0.5, "0116": 0.1, "9900": 0.4}
OWN = BankBudgets(SHARES, {"0116": 3.0})


def test_without_own_budgets_all_have_one_limit() -> None:
    limits = BankBudgets(SHARES).limits(20.0)
    assert {20.0} == set(np.delete(limits, int(canary.BANK)).tolist()), "but the canary's, which always alerts"


def test_an_own_budget_changes_the_limit_of_its_bank_alone() -> None:
    limits = OWN.limits(20.0)
    assert [20.0, 30.0, 20.0, 20.0] == limits[[1, 116, 9900, ABSENT]].tolist()
    assert [116, int(canary.BANK)] == np.flatnonzero(limits != 20.0).tolist()


def test_budgets_of_banks_and_of_all_fit_together() -> None:
    assert [10.0, 3.0, 8.0, 0.0] == pytest.approx([OWN.of_bank(b, 20.0) for b in ("0001", "0116", "9900", "7777")])
    assert 18.0 == pytest.approx(OWN.of_others(20.0))
    assert 21.0 == pytest.approx(OWN.of_all(20.0))


@pytest.mark.parametrize(
    ("own", "complaint"),
    [({"0116": 0.0}, "positive"), ({"0116": float("nan")}, "positive"), ({"7777": 1.0}, "bank 7777 has no links")],
)
def test_a_budget_that_makes_no_limit_is_refused(own: Mapping[str, float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        BankBudgets(SHARES, own)


def test_budgets_are_read_from_texts() -> None:
    assert {"0116": 2.0, "0005": 0.5} == parse_own(["0116=2", "0005=0.5"])


@pytest.mark.parametrize("word", ["116=2", "0116", "0116=", "0116=0", "0116=-1", "0116=nan", "0116=1e3", "01160=1"])
def test_texts_that_are_no_budget_are_refused(word: str) -> None:
    with pytest.raises(UserError, match="such as 0116=2"):
        parse_own([word])
    with pytest.raises(UserError, match="each bank once"):
        parse_own(["0116=2", "0116=3"])


def test_limits_are_floats_for_every_code() -> None:
    assert 10_001 == len(OWN.limits(1.0))
    assert np.float64 == OWN.limits(1.0).dtype
