"""Foreign worlds judged, from play to page, at sizes so small that the figures mean nothing."""

import json
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click import Command
from click.testing import CliRunner

from detector.cli.ablation_worlds import GIVEN_DAYS, JUDGED_FROM, ForeignLives
from detector.cli.backtest import backtest
from detector.cli.models import train
from detector.cli.world import world as world_command
from detector.contract.batch import concatenate
from detector.core.chains import CHAINS
from detector.jst import date_of, day_of
from models.ablation.failures import failures_abroad
from models.ablation.foreign import SHOWN, Foreign, run
from models.ablation.foreign_page import TITLE
from models.ablation.judging import Budgets, rounded
from models.ablation.page import page
from models.backtest.scorers import KOZAMORI
from models.training import Plan
from models.worlds.world import WORLDS, Size

pytestmark = pytest.mark.timeout(300)
SIZE = Size(accounts=400, days=20, judged_days=8, cases=20)
BUDGETS = Budgets(4.0, 1.0)
SEED = 5
RESAMPLED = next(world for world in WORLDS if world.from_history)


def foreign(plan: Plan) -> Foreign:
    return Foreign(ForeignLives(), CHAINS[-1], SIZE, plan, BUDGETS)


@cache
def found() -> tuple[dict[str, Any], list[str]]:
    told: list[str] = []
    return run(foreign(Plan(BUDGETS.usual, trees=3, turns=3)), (SEED,), told.append), told


def test_each_scorer_has_a_row_in_each_world_at_each_budget() -> None:
    figures, told = found()
    rows = [(row["world"], row["seed"], row["budget"], row["scorer"]) for row in figures["rows"]]
    assert [(world.name, SEED, budget, name) for world in WORLDS for budget in BUDGETS for name in SHOWN] == rows
    assert [f"{world.name}, seed {SEED}" for world in WORLDS] == told


def test_shares_are_shares_and_what_has_its_limit_in_hindsight_stays_within_the_budget() -> None:
    for row in found()[0]["rows"]:
        assert 0 <= row["before_debit"] <= row["early"] <= row["alerted"] <= 1
        assert 0 <= row["yen_lost"] <= 1
        assert row["scorer"] == KOZAMORI or row["false_groups_per_day"] <= row["budget"]


def test_false_groups_of_the_kinds_of_day_are_those_of_all_days() -> None:
    rows = [row for row in found()[0]["rows"] if row["scorer"] == KOZAMORI]
    for row in rows:
        kinds = row["kinds_of_day"].values()
        assert SIZE.judged_days == sum(on["days"] for on in kinds)
        false = sum(on["days"] * on["groups_per_day"] for on in kinds)
        assert SIZE.judged_days * row["false_groups_per_day"] == pytest.approx(false, abs=0.01)
    assert any(row["false_groups_per_day"] for row in rows)


def test_the_figures_are_those_of_the_commands(tmp_path: Path) -> None:
    world = next(world for world in WORLDS if world.name == "settled")

    def run_command(command: Command, *words: object) -> Any:
        options = [str(word) for word in (*words, "--json")]
        return json.loads(CliRunner().invoke(command, options, catch_exceptions=False).stdout)

    sizes = ("--accounts", SIZE.accounts, "--days", SIZE.days, "--judged-days", SIZE.judged_days, "--cases", SIZE.cases)
    run_command(world_command, world.name, "-o", tmp_path, *sizes, "--seed", SEED)
    history, model = tmp_path / "history.parquet", tmp_path / "model"
    run_command(train, history, "-o", model, "--budget", BUDGETS.usual, "--seed", SEED)
    beside = ("--labels", tmp_path / "labels.parquet", "--train", history, "--warm-up", history, "--seed", SEED)
    rows = list(foreign(Plan(BUDGETS.usual)).judge(world, SEED))
    for budget in BUDGETS:
        told = run_command(backtest, tmp_path / "events.parquet", "--model", model, "--budget", budget, *beside)
        expected = {one.pop("name"): rounded(one) for one in told["scorers"]}
        own = [row for row in rows if row["budget"] == budget]
        assert len(own) == len(SHOWN)
        for row in own:
            one = expected[row["scorer"]]
            assert one == {name: row[name] for name in one}


def test_the_world_made_from_a_history_gets_days_of_our_simulator_and_goes_on_right_after_them() -> None:
    history, judged, labels = ForeignLives().life(RESAMPLED, replace(SIZE, seed=SEED))
    before, after = concatenate(list(history())), concatenate(list(judged()))
    assert (np.diff(np.concatenate([before.offset, after.offset])) > 0).all()
    assert len(np.unique(before.account)) > SIZE.accounts / 2
    days = np.unique(day_of(before.occurred_at_ms))
    assert JUDGED_FROM == date_of(int(days[-1]) + 1)
    assert len(days) == pytest.approx(GIVEN_DAYS + SIZE.days, abs=1)  # some events come a day late
    assert not set(labels.event_id.tolist()) & set(before.event_id.tolist())
    assert set(labels.event_id.tolist()) <= set(after.event_id.tolist())


def figures() -> dict[str, Any]:
    return {"command": "kozamori ablation", "quick": False, "worlds": found()[0]}


def test_a_page_of_worlds_alone_has_their_section_and_no_other() -> None:
    text = page(figures())
    assert f"## {TITLE}" in text
    assert ["##"] == [line.split()[0] for line in text.splitlines() if line.startswith("##")]
    assert ".png" not in text
    for world in WORLDS:
        assert 2 == text.count(f"\n| **{world.name}** |")
        assert all(2 == text.count(f"\n| {world.name}: {name} |") for name in SHOWN if name != KOZAMORI)


def test_worlds_come_before_our_own_simulator() -> None:
    own = json.loads((Path(__file__).parents[3] / "docs" / "ablation" / "figures.json").read_text("utf-8"))
    text = page({**own, "worlds": found()[0]})
    assert text.index(f"## {TITLE}") < text.index("## In our own simulator") < text.index("## Where it fails")


def test_several_seeds_are_told_by_their_mean_and_the_worst() -> None:
    shown = figures()
    row = next(row for row in shown["worlds"]["rows"] if row["scorer"] == KOZAMORI)
    good = {"alerted": 1.0, "early": 0.75, "before_debit": 0.5, "yen_lost": 0.25, "false_groups_per_day": 3.0}
    bad = {"alerted": 0.5, "early": 0.25, "before_debit": 0.0, "yen_lost": 0.75, "false_groups_per_day": 6.0}
    on = [{"ordinary": {"days": 8, "groups_per_day": groups}} for groups in (3.0, 6.0)]
    typologies = [{"T1": {**row["typologies"]["T1"], "early": early}} for early in (1.0, 0.5)]
    shown["worlds"] = {
        "about": {
            **shown["worlds"]["about"],
            "seeds": [5, 6],
            "budgets": [4.0],
            "worlds": {row["world"]: "one alone"},
        },
        "rows": [
            {**row, **share, "kinds_of_day": kinds, "typologies": early}
            for share, kinds, early in zip((good, bad), on, typologies, strict=True)
        ],
    }
    text, name = page(shown), row["world"]
    assert "Means over the seeds 5, 6; in brackets the worst." in text
    shares = "75.0% (50.0%) | 50.0% (25.0%) | 25.0% (0.0%) | 50.0% (75.0%) | 4.5 (3.0 – 6.0)"
    assert f"\n| **{name}** | {shares} |\n" in text
    assert f"\n| {name} at 4 | 4.5 (3.0 – 6.0) | – | – | – | 4.5 (3.0 – 6.0) |\n" in text
    assert "\n| T1 | 75.0% (50.0%) |\n" in text


@pytest.mark.parametrize(
    ("scorer", "change", "said"),
    [
        (KOZAMORI, {}, []),
        (KOZAMORI, {"false_groups_per_day": 5.3}, ["**agents** at 4 a day: 5.3 false groups a day."]),
        (KOZAMORI, {"false_groups_per_day": 2.0}, ["**agents** at 4 a day: 2.0 false groups a day."]),
        ("plain_forest", {"early": 0.8}, ["**agents** at 4 a day: early 75%, behind plain_forest with 80%."]),
    ],
)
def test_what_fails_in_a_foreign_world_is_said(scorer: str, change: dict[str, float], said: list[str]) -> None:
    shown = deepcopy(figures())
    for row in shown["worlds"]["rows"]:
        row |= {"early": 0.75, "false_groups_per_day": row["budget"]}
    next(row for row in shown["worlds"]["rows"] if row["scorer"] == scorer).update(change)
    assert said == failures_abroad(shown["worlds"])
    assert ("\n".join(f"- {sentence}" for sentence in said) or "Nothing failed.") in page(shown)
