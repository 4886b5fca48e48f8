"""Figures of a scorer: means over typologies, shares of yen, intervals."""

import numpy as np
import pytest
from support.logs import Event, link, make_labels, make_played

from models.backtest.cases import Cases
from models.backtest.figures import Figures, figures_of, intervals, typologies_of
from models.backtest.groups import Grouping

#: Two cases of T1, one of T2 without a debit, one of T10; an honest event.
LOG = (
    Event("a1", 0, "T1-1", 60_000, account="a", wallet="wa"),
    Event("a2", 10, "T1-1", 60_000, account="a", wallet="wa"),
    Event("b1", 20, "T1-2", 80_000, account="b", wallet="wb"),
    link("c1", 30, "T2-1", account="c", wallet="wc"),
    Event("d1", 40, "T10-1", 50_000, account="d", wallet="wd"),
    Event("d2", 60, "T10-1", 150_000, account="d", wallet="wd"),
    Event("h1", 70, "", 10_000, account="h", wallet="wh"),
)


def cases() -> Cases:
    return Cases(make_played(*LOG), make_labels(*LOG))


def alert(*alerts: str) -> np.ndarray:
    return np.array([event.id in alerts for event in LOG])


def figures(*alerts: str, days: int = 2) -> Figures:
    groups = Grouping(make_played(*LOG)).groups(np.flatnonzero(alert(*alerts)))
    return figures_of("kozamori", cases().outcomes(alert(*alerts)), cases(), groups, days)


def test_shares_are_means_over_typologies_each_with_equal_weight() -> None:
    found = figures("a1", "c1", "d2", "h1")
    assert ["T1", "T2", "T10"] == list(found.typologies)
    assert (0.5, 0.5, 0.0) == tuple(
        getattr(found.typologies["T1"], share) for share in ("alerted", "early", "before_debit")
    )
    assert pytest.approx((0.5 + 1 + 1) / 3) == found.alerted
    assert pytest.approx((0.5 + 1 + 0) / 3) == found.early
    assert pytest.approx((0 + 1 + 0) / 3) == found.before_debit


def test_yen_lost_are_a_share_of_the_typologys_yen_and_none_where_none_were_debited() -> None:
    found = figures("a1", "c1", "d2")
    assert pytest.approx((60_000 + 80_000) / 200_000) == found.typologies["T1"].yen_lost
    assert found.typologies["T2"].yen_lost is None
    assert 1.0 == found.typologies["T10"].yen_lost
    assert pytest.approx((0.7 + 1.0) / 2) == found.yen_lost


def test_median_seconds_are_those_of_alerted_cases() -> None:
    found = figures("a2", "b1", "d2")
    assert 5.0 == found.typologies["T1"].median_seconds
    assert found.typologies["T2"].median_seconds is None
    assert 20.0 == found.typologies["T10"].median_seconds


def test_precision_is_the_share_of_groups_with_a_labelled_event() -> None:
    found = figures("a1", "a2", "d1", "h1", days=4)
    assert pytest.approx(2 / 3) == found.precision
    assert 0.25 == found.false_groups_per_day
    assert figures().precision is None


def test_typologies_are_in_the_order_of_their_numbers() -> None:
    assert ["T1", "T2", "T10"] == typologies_of(cases())


def test_an_interval_holds_the_figure_and_is_the_same_for_a_seed() -> None:
    events = tuple(Event(f"e{i}", i, f"T1-{i}", 50_000, account=f"a{i}", wallet=f"w{i}") for i in range(400))
    whole = Cases(make_played(*events), make_labels(*events))
    rng = np.random.default_rng(5)
    outcomes = whole.outcomes(rng.random(400) < 0.3)
    found = intervals(outcomes, whole, seed=1)
    share = outcomes.alerted.mean()
    half = 1.96 * np.sqrt(share * (1 - share) / 400)  # of the normal approximation
    assert pytest.approx((share - half, share + half), abs=0.012) == found["alerted"]
    # What is not alerted loses all, and an alert comes with the only debit: everything is lost, in every resample.
    assert (1.0, 1.0) == found["yen_lost"]
    assert found == intervals(outcomes, whole, seed=1)
    assert found != intervals(outcomes, whole, seed=2)


def test_intervals_are_of_cases_drawn_within_their_typology() -> None:
    found = intervals(cases().outcomes(alert("a1", "c1")), cases(), seed=1)
    # T1: none, one or both of the two draws alerted; T2 always, T10 never.
    assert pytest.approx((1 / 3, 2 / 3)) == found["alerted"]


def test_where_nothing_was_debited_nothing_is_said_of_yen() -> None:
    events = (link("c1", 30, "T2-1"),)
    only = Cases(make_played(*events), make_labels(*events))
    assert np.isnan(intervals(only.outcomes(np.array([True])), only, seed=1)["yen_lost"]).all()
