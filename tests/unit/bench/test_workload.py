"""The same events and models for every contestant, and the same again tomorrow."""

from pathlib import Path

import numpy as np
import pytest

from detector.artifact import read_model
from detector.bench.plain_faust import Scorer
from detector.bench.workload import simulate_events, train_models
from detector.contract.codec import decode_account_events
from detector.core.chains import ACCOUNT_CHAIN
from detector.core.memory import MemoryRun
from detector.core.stages.account import ACCOUNT
from detector.core.topology import topology_for
from detector.errors import UserError
from detector.jst import DAY_MS

EVENTS = 2_000


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model that alerts on one in a hundred of its training events, and of plain Faust's."""
    folder = tmp_path_factory.mktemp("trained")
    train_models(folder, 3, 20 * EVENTS, alert_share=0.01)
    return folder


def test_as_many_valid_events_as_asked_for_with_attacks_among_them() -> None:
    workload = simulate_events(EVENTS, None, seed=3)
    assert workload.scenario.cases > 0
    decoded = decode_account_events(workload.values, workload.keys, np.arange(EVENTS))
    assert (EVENTS, []) == (decoded.batch.size, decoded.rejected)


def test_a_seed_gives_the_same_events() -> None:
    assert simulate_events(EVENTS, 1_000, seed=3)[:2] == simulate_events(EVENTS, 1_000, seed=3)[:2]
    assert simulate_events(EVENTS, 1_000, seed=3)[1] != simulate_events(EVENTS, 1_000, seed=4)[1]


def test_too_few_accounts_for_so_many_events_are_refused() -> None:
    with pytest.raises(UserError, match="more --accounts"):
        simulate_events(EVENTS, 100, seed=3)


def test_about_the_wanted_share_of_events_alerts(trained: Path) -> None:
    workload = simulate_events(10 * EVENTS, None, seed=3)
    model = read_model(trained / ACCOUNT_CHAIN.name, ACCOUNT_CHAIN)
    run = MemoryRun(topology_for(model), model, ttl_ms=400 * DAY_MS)
    batch = decode_account_events(workload.values, workload.keys, np.arange(10 * EVENTS)).batch
    share = len(run.process(batch).last.alerting) / batch.size
    assert 0.003 < share < 0.03


def test_plain_faust_scores_with_a_forest_of_the_stages_features(trained: Path) -> None:
    scorer = Scorer(str(trained))
    usual, absurd = [0.0] * len(ACCOUNT.features), [1e12] * len(ACCOUNT.features)
    assert 0 == len(scorer.alerting([]))
    assert 1 in scorer.alerting([usual, absurd])
