"""What a budget buys: measured on a handful of events whose alarms are known, and by a whole training."""

from itertools import pairwise

import numpy as np
import pytest
from support.models import FIRST_DAY, make_draft

from detector.contract.vocabulary import DEBIT
from models.curve import CURVE, curve_of, enough
from models.datasets import NORMAL, Dataset
from models.inject import Cases
from models.outcomes import Alarms, outcome_at
from models.span import Span

#: Held-out events: account, day of August 2020, alarm.
EVENTS = ((1, 1, 0.4), (1, 1, 0.9), (2, 1, 1.5), (1, 4, 1.8), (3, 4, 9.0), (4, 8, 1.9), (4, 8, 40.0))
#: Events of cases: case, yen debited so far, alarm. At a budget of 5 the first is early, the second late.
OF_CASES = ((1, 0, 30.0), (1, 100_000, 4.0), (1, 200_000, 0.6), (2, 150_000, 1.1), (2, 300_000, 9.0))


def span(*, cases: bool = True) -> tuple[Span, Alarms]:
    account, day, alarm = (np.array(column) for column in zip(*EVENTS, strict=True))
    n = len(EVENTS)
    held_out = Dataset(
        np.zeros((n, 1), np.float32),
        np.full(n, DEBIT, np.int8),
        account.astype(np.uint64),
        FIRST_DAY - 1 + day,
        np.ones(n, np.int16),
        np.full(n, NORMAL, np.int8),
    )
    case, yen, caught = (np.array(column) for column in zip(*OF_CASES, strict=True))
    m = len(OF_CASES)
    attacks = Cases(
        np.zeros((m, 1), np.float32),
        np.full(m, DEBIT, np.int8),
        case,
        np.zeros(m, np.int8),
        np.ones(m, np.bool_),
        np.full(m, FIRST_DAY),
        yen,
        ("T1",),
    )
    whole = Span(held_out, held_out, 3, None, attacks if cases else None)
    return whole, Alarms(alarm.astype(np.float64), caught.astype(np.float64) if cases else None)


def test_a_row_has_groups_and_catches_at_its_budget() -> None:
    own, alarms = span()
    row = next(row for row in curve_of(alarms, own, 20, 0.5) if row["budget"] == 5)
    assert pytest.approx(4 / 3) == row["groups_per_day"]
    assert {
        "month_turn": {"days": 1, "groups_per_day": 2},
        "weekend": {"days": 1, "groups_per_day": 1},
        "ordinary": {"days": 1, "groups_per_day": 1},
    } == row["groups_by_kind_of_day"]
    assert (1, 0.5, 0) == tuple(row[share] for share in ("alerted", "early", "before_debit"))
    assert pytest.approx(1 - 250 / 500) == row["yen_saved"]


@pytest.mark.parametrize("budget", [1, 7.5, 30])
def test_a_row_says_what_the_outcome_at_its_budget_says(budget: float) -> None:
    own, alarms = span()
    row = next(row for row in curve_of(alarms, own, budget, 0.5) if row["budget"] == budget)
    outcome = outcome_at(alarms, own, budget)
    assert outcome["groups_per_day"] == row["groups_per_day"]
    assert 1 - outcome["yen_lost"] == row["yen_saved"]
    assert all(outcome[share] == row[share] for share in ("alerted", "early", "before_debit"))


def test_budgets_are_those_of_the_curve_and_the_models_without_those_too_small_to_measure() -> None:
    own, alarms = span()
    assert [2, 5, 7.5, 10, 20, 50, 100, 200] == [row["budget"] for row in curve_of(alarms, own, 7.5, 1.5)]
    assert list(CURVE) == [row["budget"] for row in curve_of(alarms, own, 20, 0.2)]


def test_without_cases_a_row_has_groups_alone() -> None:
    own, alarms = span(cases=False)
    for row in curve_of(alarms, own, 20, 0.5):
        assert {"budget", "groups_per_day", "groups_by_kind_of_day"} == set(row)


def test_groups_by_kind_of_day_add_up_to_those_of_all_days_and_grow_with_the_budget() -> None:
    training = make_draft(budget=7).training
    rows = training["curve"]
    for row in rows:
        kinds = row["groups_by_kind_of_day"].values()
        assert training["held_out_days"] == sum(on["days"] for on in kinds)
        assert pytest.approx(row["groups_per_day"] * training["held_out_days"]) == sum(
            on["days"] * on["groups_per_day"] for on in kinds
        )
        assert row["groups_per_day"] <= row["budget"]
    for less, more in pairwise(rows):
        assert less["groups_per_day"] <= more["groups_per_day"]
    assert rows[0]["groups_per_day"] < rows[-1]["groups_per_day"]


def curve(**early: float) -> list[dict[str, float]]:
    """A curve of budgets b1, b2, … with these shares early."""
    return [{"budget": float(name[1:].replace("_", ".")), "early": share} for name, share in early.items()]


@pytest.mark.parametrize(
    ("expected", "rows"),
    [
        (5, curve(b1=0.5, b2=0.7, b5=0.9, b10=0.9, b20=0.909)),
        (20, curve(b5=0.9, b10=0.9, b20=0.92, b50=0.93)),  # a point at the second doubling, not at the first
        (1, curve(b1=0.9, b2=0.909, b5=0.918)),
        (None, curve(b1=0.9, b2=0.9, b5=0.92)),
        (5, curve(b2=0.8, b5=0.95, b9_8=0.95, b10=0.959)),  # the model's own budget is no step
        (None, [{"budget": 1.0}, {"budget": 2.0}]),
        (None, curve(b5=0.9)),
    ],
)
def test_enough_is_where_no_later_doubling_finds_a_case_in_a_hundred(
    expected: float | None, rows: list[dict[str, float]]
) -> None:
    assert expected == enough(rows)
