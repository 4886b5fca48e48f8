"""Kinds of day: which day is which, and alert groups counted on each."""

import datetime as dt

import numpy as np
import pytest
from support.models import FIRST_DAY

from models.kinds_of_day import ORDINARY, PAY, TURN, WEEKEND, GroupsOn, groups_by_kind_of_day, kind_of_day

MONTHS = {
    # The 25th is a Tuesday: the 22nd and 23rd are a weekend.
    "2020-08": {TURN: {1, 2, 3, 30, 31}, PAY: {24, 25, 26, 27}, WEEKEND: {8, 9, 15, 16, 22, 23, 29}},
    # The 25th is a Sunday: paid on the Friday before, the 23rd.
    "2020-10": {TURN: {1, 2, 3, 30, 31}, PAY: {23, 24, 25, 26, 27}, WEEKEND: {4, 10, 11, 17, 18}},
    # The 25th is a Saturday: paid on the 24th.
    "2020-07": {TURN: {1, 2, 3, 30, 31}, PAY: {24, 25, 26, 27}, WEEKEND: {4, 5, 11, 12, 18, 19}},
    "2021-02": {TURN: {1, 2, 3}, PAY: {24, 25, 26, 27}, WEEKEND: {6, 7, 13, 14, 20, 21, 28}},
}


@pytest.mark.parametrize("month", MONTHS)
def test_each_day_of_a_month_is_of_one_kind(month: str) -> None:
    expected = {day: kind for kind, days in MONTHS[month].items() for day in days}
    date = dt.date.fromisoformat(f"{month}-01")
    while date.isoformat().startswith(month):
        assert expected.get(date.day, ORDINARY) == kind_of_day(date), date
        date += dt.timedelta(days=1)


def test_groups_a_day_are_those_of_the_days_of_the_kind() -> None:
    days = FIRST_DAY + np.array([0, 2, 3, 4, 8])  # 1, 3, 4, 5 and 9 August 2020
    groups = FIRST_DAY + np.array([0, 0, 2, 3, 8, 8])
    expected = {TURN.name: GroupsOn(2, 1.5), WEEKEND.name: GroupsOn(1, 2.0), ORDINARY.name: GroupsOn(2, 0.5)}
    assert expected == groups_by_kind_of_day(groups, days)


def test_a_kind_without_groups_is_told_and_one_without_days_is_not() -> None:
    days = FIRST_DAY + np.array([23])  # 24 August 2020
    assert {PAY.name: GroupsOn(1, 0.0)} == groups_by_kind_of_day(np.empty(0, np.int64), days)
