"""Kinds of day: a budget holds on average, and these days differ from each other in what honest people do."""

import datetime as dt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.jst import date_of

Days = npt.NDArray[np.int64]

SATURDAY = 5
#: Caps, standing orders and campaigns begin anew with the month; people prepare for it from the 30th on.
TURN_FROM, TURN_TO = 30, 3
#: Wages come on the 25th, on the Friday before it where that is a weekend; some a day earlier, and they are spent
#: within two days more.
PAY_DAY, PAY_FROM, PAY_TO = 25, 24, 27


class KindOfDay(NamedTuple):
    """A kind of day by its name in JSON and as people read it; the first kind that a day belongs to is its own."""

    name: str
    shown: str


TURN, PAY, WEEKEND, ORDINARY = KINDS_OF_DAY = (
    KindOfDay("month_turn", "month's turn"),
    KindOfDay("pay_day", "pay-day"),
    KindOfDay("weekend", "weekend"),
    KindOfDay("ordinary", "ordinary"),
)


class GroupsOn(NamedTuple):
    """Alert groups a day on the days of one kind, of which there are `days`."""

    days: int
    groups_per_day: float


def kind_of_day(date: dt.date) -> KindOfDay:
    """The month's turn is the 30th to the 3rd; pay-day the 24th, or an earlier pay-day, to the 27th."""
    if date.day >= TURN_FROM or date.day <= TURN_TO:
        return TURN
    if min(PAY_FROM, _pay_day(date).day) <= date.day <= PAY_TO:
        return PAY
    return WEEKEND if date.weekday() >= SATURDAY else ORDINARY


def groups_by_kind_of_day(groups: Days, days: Days) -> dict[str, GroupsOn]:
    """Groups a day by the name of the kind, for each kind that is among `days`.

    `groups` int64 (g,): the day of each alert group; `days` int64 (d,): all days counted, each once.
    """
    of_day = [kind_of_day(date_of(day)) for day in days.tolist()]
    found = {}
    for kind in KINDS_OF_DAY:
        own = days[[of == kind for of in of_day]]
        if len(own):
            found[kind.name] = GroupsOn(len(own), float(np.isin(groups, own).sum()) / len(own))
    return found


def _pay_day(date: dt.date) -> dt.date:
    """The pay-day of the date's month."""
    day = date.replace(day=PAY_DAY)
    return day - dt.timedelta(days=max(0, day.weekday() - SATURDAY + 1))
