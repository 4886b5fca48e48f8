"""Experiments from simulation to figures, in a world so small that its figures mean nothing."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from detector.cli.ablation_worlds import Simulations
from detector.contract.batch import Batch, concatenate
from detector.core.chains import CHAINS
from detector.core.detector_table import DETECTORS
from models.ablation.experiments import EXPERIMENTS, USUAL, Setting
from models.ablation.run import QUICK, Run, run, steps

pytestmark = pytest.mark.timeout(300)
SIZE = replace(QUICK, accounts=500, cases=26, judged=1, turns=3, trees=3)
SEEDS = (5,)
#: One for each way of being other than usual.
TRIED = tuple(
    next(one for one in EXPERIMENTS if getattr(one.setting, field) != getattr(USUAL, field))
    for field in ("without", "life", "drift", "thieves", "hidden", "disturbance")
)


@cache
def found() -> tuple[dict[str, Any], list[str]]:
    told: list[str] = []
    return run(Run(Simulations(SIZE), CHAINS[-1], SIZE), SEEDS, told.append, TRIED), told


def test_each_experiment_part_and_seed_has_a_row() -> None:
    figures, told = found()
    rows = {name: [row["name"] for row in rows] for name, rows in figures["questions"].items()}
    for one in TRIED:
        assert ["as usual", one.name] == [name for name in rows[one.question] if name in {"as usual", one.name}]
    assert ["seed 5, 4 a day", "seed 5, 1 a day"] == rows["seeds"]
    parts = {f"without {spec.name}" for spec in DETECTORS} | {f"{spec.name} alone" for spec in DETECTORS}
    assert {"as usual", *parts} == set(rows["detectors"])
    assert set(rows["features"]) <= set(CHAINS[-1].feature_names)
    assert len(rows["features"]) > 40
    assert len(told) <= steps(SEEDS, CHAINS[-1])


def test_shares_are_shares_and_typologies_are_all_there() -> None:
    figures, _ = found()
    for name, rows in figures["questions"].items():
        for row in rows:
            shares = ("alerted", "early", "before_debit", "yen_lost", "early_strict", "yen_lost_strict")
            assert all(0 <= row[share] <= 1 for share in shares)
            assert row["before_debit"] <= row["early"] <= row["alerted"]
            assert name == "features" or 13 == len(row["typologies"])


def test_what_is_other_than_usual_is_seen_where_it_is_meant() -> None:
    simulations = Simulations(SIZE)
    usual = {"history": events(simulations.history(5, USUAL)), "log": events(simulations.log(5, USUAL, 0)[0])}
    for setting, changed in changes():
        now = {"history": events(simulations.history(5, setting)), "log": events(simulations.log(5, setting, 0)[0])}
        assert changed == {name for name in now if now[name] != usual[name]}, setting


def changes() -> Iterator[tuple[Setting, set[str]]]:
    yield Setting(life=(("newcomers", 2.0),)), {"history", "log"}
    yield Setting(drift=(("newcomers", 2.0),)), {"log"}
    yield Setting(thieves=(("verified", True),)), {"log"}
    yield Setting(hidden=0.02), {"history"}
    yield Setting(without=("wallet",)), set()


def events(batches: list[Batch]) -> list[bytes]:
    whole = concatenate(batches)
    return [column.tobytes() for column in whole._replace(offset=whole.offset * 0, origin_offset=whole.offset * 0)]


def test_hidden_fraud_carries_no_label_and_the_days_judged_come_right_after() -> None:
    simulations = Simulations(SIZE)
    history = concatenate(simulations.history(5, Setting(hidden=0.02)))
    log, labels = simulations.log(5, Setting(hidden=0.02), history.size)
    whole = concatenate(log)
    assert history.size == whole.offset[0]
    assert 13 == len(labels.case_ids)
    # Case ids of both campaigns are alike; events are not.
    assert not set(labels.event_id.tolist()) & set(history.event_id.tolist())
    assert set(labels.event_id.tolist()) <= set(whole.event_id.tolist())
