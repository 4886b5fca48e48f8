"""Scorers as alarms: the model as it is, its parts alone, limits in hindsight, and the simple tools beside it."""

from dataclasses import replace

import numpy as np
import pytest
from support.logs import Event, make_played
from support.models import STAGE, make_history, make_model

from detector.contract.vocabulary import DEBIT, LINK
from detector.core.model import Model
from detector.errors import UserError
from models.backtest.baselines import BASELINES, baselines
from models.backtest.groups import Grouping
from models.backtest.played import Played
from models.backtest.scorers import NAMES, alerts_at, loosest, of_model, single_features
from models.datasets import Dataset


def played_of(data: Dataset, model: Model | None = None) -> Played:
    """A history as if it had been played: nothing of it is fraud."""
    n = len(data.kind)
    events = [Event(f"e{i}", 60.0 * i, account=f"a{account}") for i, account in enumerate(data.account.tolist())]
    scores = model.judge(data.X, data.kind).scores if model else np.where(np.arange(n)[:, None] >= 0, 0.5, 0)
    return make_played(*events, scores=scores, X=data.X)._replace(kind=data.kind)


def split_model(*forms: str) -> Model:
    """The small model with a detector of each of these forms: all the same forest, at other shares of the budget."""
    model = make_model()
    specs = [
        replace(
            model.detectors[0].spec,
            name=f"{form}-{place}",
            form=form,
            share=(place + 1) / sum(range(1, len(forms) + 1)),
        )
        for place, form in enumerate(forms)
    ]
    return replace(
        model,
        detectors=tuple(replace(model.detectors[0], spec=spec) for spec in specs),  # type: ignore[type-var]
        calibrations=model.calibrations * len(forms),
    )


def test_the_model_alerts_where_the_worker_would() -> None:
    data = make_history(days=3, seed=4)
    model = split_model("isolation_forest", "joint_tail", "joint_tail", "boosting")
    scorers, notes = of_model(model, played_of(data, model), budget=3.0)
    assert [*NAMES[:4]] == [scorer.name for scorer in scorers]
    assert [] == notes
    expected = model.judge(data.X, data.kind)
    assert expected.alarm.tobytes() == scorers[0].alarm.tobytes()
    grouping = Grouping(played_of(data, model))
    alert = alerts_at(scorers[0], grouping, most=0)
    assert (expected.alarm <= 3).tolist() == alert.tolist()
    assert alert.any()


def test_a_part_alone_orders_events_as_its_detectors_do_and_may_spend_the_whole_budget() -> None:
    data = make_history(days=3, seed=4)
    model = split_model("isolation_forest", "joint_tail", "joint_tail", "boosting")
    played = played_of(data, model)
    scores = played.scores[:, 0]
    rates = model.calibrations[0].judge(scores, data.kind)[1]
    scorers = of_model(model, played, 3.0)[0]
    alarms = {scorer.name: scorer.alarm for scorer in scorers}
    for name in ("oriented_forest", "attack_trained"):
        assert (np.diff(rates[np.argsort(alarms[name], kind="stable")]) >= 0).all()
    np.testing.assert_allclose(rates / 0.3, alarms["joint_tails"])  # the larger of the shares .2 and .3
    spent = [Grouping(played).false_groups(np.flatnonzero(alerts_at(s, Grouping(played), 9))) for s in scorers[1:]]
    assert [spent[0]] * 3 == spent
    assert 0 < spent[0] <= 9


def test_a_part_ranks_events_beyond_all_of_the_training_days_by_score() -> None:
    data, model = make_history(days=3, seed=4), split_model("boosting")
    scores = np.linspace(2.0, 3.0, len(data.kind))
    played = played_of(data, model)._replace(scores=scores[:, None])
    rates = model.calibrations[0].judge(scores, data.kind)[1]
    beyond = np.flatnonzero(rates == rates.min())
    assert 100 < len(beyond)
    alarm = of_model(model, played, 3.0)[0][1].alarm
    assert beyond[::-1].tolist() == np.argsort(alarm)[: len(beyond)].tolist()


def test_a_part_that_the_model_lacks_is_noted() -> None:
    scorers, notes = of_model(make_model(), played_of(make_history(days=3), make_model()), budget=3.0)
    assert ["kozamori", "oriented_forest"] == [scorer.name for scorer in scorers]
    assert ["attack_trained", "joint_tails"] == [note.split()[0] for note in notes]


@pytest.mark.parametrize("most", [0, 1, 2, 5, 17, 10_000])
def test_the_loosest_limit_is_that_of_trying_all(most: int) -> None:
    rng = np.random.default_rng(most)
    # An event an account: alerts never share a group, so that false groups only grow with the limit.
    events = [Event(f"e{i}", 600.0 * i, "T1-1" if rng.random() < 0.3 else "", account=f"a{i}") for i in range(800)]
    grouping = Grouping(make_played(*events))
    alarm = rng.integers(0, 300, 800).astype(np.float64)  # with ties
    alarm[rng.random(800) < 0.2] = np.inf
    fitting = [
        limit
        for limit in np.unique(alarm[np.isfinite(alarm)]).tolist()
        if grouping.false_groups(np.flatnonzero(alarm <= limit)) <= most
    ]
    assert max(fitting, default=-np.inf) == loosest(alarm, grouping.false_groups, most)


@pytest.mark.parametrize("most", [1, 5, 17])
def test_the_limit_holds_also_where_groups_join(most: int) -> None:
    rng = np.random.default_rng(most)
    events = [Event(f"e{i}", 3000.0 * i, account=f"a{rng.integers(0, 60)}") for i in range(800)]
    grouping = Grouping(make_played(*events))
    alarm = rng.random(800)
    found = loosest(alarm, grouping.false_groups, most)
    assert most == grouping.false_groups(np.flatnonzero(alarm <= found))


def test_where_the_worst_tie_is_too_many_nothing_alerts() -> None:
    grouping = Grouping(make_played(Event("a", 0), Event("b", 0, account="b")))
    assert -np.inf == loosest(np.array([1.0, 1.0]), grouping.false_groups, most=1)
    assert -np.inf == loosest(np.array([np.inf, np.inf]), grouping.false_groups, most=5)


def test_a_feature_alone_alerts_at_its_risky_end() -> None:
    data = make_history(days=3)
    signs = np.array([feature.risk for feature in STAGE.features], np.float32)
    scorers = {scorer.name: scorer for scorer in single_features(make_model(), played_of(data), signs)}
    assert list(STAGE.feature_names) == list(scorers)
    youngest, largest = scorers["wallet_age_s"].alarm, scorers["amount_yen"].alarm
    assert data.X[:, 1].argmin() == youngest.argmin()
    assert np.nanmax(data.X[:, 2]) == data.X[largest.argmin(), 2]
    assert np.isnan(data.X[:, 2]).tolist() == np.isinf(largest).tolist()


@pytest.mark.parametrize("name", [baseline.name for baseline in BASELINES])
def test_a_baseline_finds_what_is_unlike_normal_days(name: str) -> None:
    normal, later = make_history(days=30), make_history(days=3, seed=2)
    later.X[:2] = [[np.nan, 60, 900_000, 1], [50, 60, np.nan, np.nan]]
    later.kind[:2] = [DEBIT, LINK]
    (found,) = (one for one in baselines(normal, played_of(later), STAGE, seed=1) if one.name == name)
    assert {0, 1} <= set(np.argsort(found.alarm)[:4].tolist())
    assert found.limit is None
    again = baselines(normal, played_of(later), STAGE, seed=1)
    assert any(np.array_equal(found.alarm, one.alarm) for one in again)


def test_normal_days_too_short_for_the_baselines_are_refused() -> None:
    with pytest.raises(UserError, match="--train has 2 days"):
        baselines(make_history(days=2), played_of(make_history(days=3)), STAGE, seed=1)
    debits = make_history()
    debits.kind[:] = DEBIT
    with pytest.raises(UserError, match="--train has 0 link events"):
        baselines(debits, played_of(make_history(days=3)), STAGE, seed=1)
