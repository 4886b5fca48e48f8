"""Kinds of day, and which day of the history is played again on a day to come."""

import datetime as dt

import numpy as np

from models.worlds.resampled.rows import Ints, Rng

#: Days of the month with a habit of their own, by name. Salaries come on the 25th in Japan, and what they pay for
#: takes two days more; caps, pocket money and campaigns begin anew with the month.
SPECIAL = {"month's turn": (1, 2), "pay-day": (25, 26, 27)}
WEEKEND, ORDINARY = "weekend", "ordinary"
_EPOCH = dt.date(1970, 1, 1).toordinal()


def date_of(day: int) -> dt.date:
    """The date of a day counted from 1970-01-01."""
    return dt.date.fromordinal(_EPOCH + day)


def kind_of(day: int) -> str:
    """The day's kind: a name of `SPECIAL`, weekend or ordinary."""
    date = date_of(day)
    for name, numbers in SPECIAL.items():
        if date.day in numbers:
            return name
    return WEEKEND if date.weekday() >= 5 else ORDINARY


class Donors:
    """For each day to come the days of the history it may repeat: the same day of the month for special days, else
    those of its kind, else, where the history has none, all days that are not special, else all.
    """

    def __init__(self, days: Ints, coming: Ints) -> None:
        self._days = days
        self._of = [self._like(day) for day in coming.tolist()]

    def each(self, people: int, rng: Rng) -> Ints:
        """A day of the history for each person and day to come, int64 (people, days), drawn for each person."""
        return np.stack([like[rng.integers(len(like), size=people)] for like in self._of], axis=1)

    def shared(self, rng: Rng) -> Ints:
        """A day of the history for each day to come; those of a kind take turns, so that each comes equally often."""
        turns: dict[bytes, list[int]] = {}
        drawn = []
        for like in self._of:
            left = turns.setdefault(like.tobytes(), [])
            if not left:
                left += rng.permutation(like).tolist()
            drawn.append(left.pop())
        return np.array(drawn, np.int64)

    def _like(self, day: int) -> Ints:
        kinds = np.array([kind_of(other) for other in self._days.tolist()])
        numbers = np.array([date_of(other).day for other in self._days.tolist()])
        same = kinds == kind_of(day)
        usual = np.isin(kinds, (WEEKEND, ORDINARY))
        choices = [same & (numbers == date_of(day).day), same] if kind_of(day) in SPECIAL else [same]
        found = next((choice for choice in (*choices, usual) if choice.any()), np.ones(len(kinds), np.bool_))
        like: Ints = self._days[found]
        return like
