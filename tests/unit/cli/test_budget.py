"""`kozamori budget` on models of a small simulated history, and the model that it refuses."""

import json
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from detector.artifact import MANIFEST, read_model
from detector.cli.budget import budget
from detector.cli.models import train
from detector.cli.simulate import simulate
from detector.core.chains import CHAINS
from detector.errors import UserError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two models: `model`, for a budget of 7, and `plain`, without simulated cases."""
    folder = tmp_path_factory.mktemp("budget")
    options = ["-o", str(folder / "history"), "--accounts", "2000", "--days", "6", "--start", "2020-08-20"]
    assert 0 == CliRunner().invoke(simulate, options, catch_exceptions=False).exit_code
    for name, more in {"model": ["--inject", "200"], "plain": ["--no-inject"]}.items():
        history = [str(folder / "history" / "events.parquet"), "-o", str(folder / name)]
        command = [*history, "--burn-in", "0", "--budget", "7", *more]
        assert 0 == CliRunner().invoke(train, command, catch_exceptions=False).exit_code
    return folder


def run(*options: object) -> Result:
    return CliRunner().invoke(budget, [str(option) for option in options], catch_exceptions=False)


def test_the_row_of_the_models_budget_says_what_training_says(folder: Path) -> None:
    told = json.loads(run(folder / "model", "--json").stdout)
    model = read_model(folder / "model", *CHAINS)
    assert (model.version, 7) == (told["model"], told["budget"])
    (row,) = (row for row in told["curve"] if row["budget"] == 7)
    held_out = model.manifest["training"]["held_out"]
    for name in ("groups_per_day", "alerted", "early", "before_debit"):
        assert held_out[name] == row[name]
    assert 1 - held_out["yen_lost"] == row["yen_saved"]


def test_a_greater_budget_costs_and_catches_at_least_as_much(folder: Path) -> None:
    curve = json.loads(run(folder / "model", "--json").stdout)["curve"]
    for name in ("budget", "groups_per_day", "alerted", "early", "before_debit", "yen_saved"):
        assert all(less[name] <= more[name] for less, more in pairwise(curve)), name
    assert curve[0]["early"] < curve[-1]["early"]


def test_the_tables_mark_the_models_budget_and_name_kinds_of_day(folder: Path) -> None:
    said = run(folder / "model").stdout
    assert 2 == said.count("→ 7 ")
    assert all(word in said for word in ("yen saved", "pay-day (1)", "weekend (1)", "costs k times"))
    assert "month's turn (" not in said
    told = json.loads(run(folder / "model", "--json").stdout)
    assert f"Enough: {told['enough']:g} a day" in said
    assert f"these are {told['accounts']:,} accounts" in said


def test_without_cases_there_are_false_groups_alone(folder: Path) -> None:
    said = run(folder / "plain").stdout
    assert "→ 7" in said
    assert not any(word in said for word in ("early", "yen saved", "nough"))
    assert json.loads(run(folder / "plain", "--json").stdout)["enough"] is None


def edited(model: Path, folder: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    """A copy of a model whose figures of training are others, of a release that sealed no manifest."""
    shutil.copytree(model, folder)
    manifest = json.loads((folder / MANIFEST).read_bytes())
    edit(manifest["training"])
    (folder / MANIFEST).write_text(json.dumps({**manifest, "seal": ""}))
    return folder


def test_a_model_that_never_measured_it_is_refused_with_what_to_do(folder: Path, tmp_path: Path) -> None:
    old = edited(folder / "model", tmp_path / "old", lambda training: training.pop("curve"))
    with pytest.raises(UserError, match="train it again with `kozamori train`"):
        run(old)


NONSENSE: dict[str, object] = {
    "nothing": [],
    "a word": "much",
    "words": [{"budget": "much"}],
    "a part": [{"budget": 1.0, "groups_per_day": 1.0}],
    "no kind of day": [{"budget": 1.0, "groups_per_day": 1.0, "groups_by_kind_of_day": {"weekend": 2}}],
    "below nothing": [{"budget": -1.0, "groups_per_day": 1.0, "groups_by_kind_of_day": {}}],
    "no budget": [{"budget": 0.0, "groups_per_day": 1.0, "groups_by_kind_of_day": {}, "early": 0.5}] * 2,
}


@pytest.mark.parametrize("curve", NONSENSE.values(), ids=NONSENSE.keys())
def test_figures_that_make_no_sense_are_refused_in_one_line(folder: Path, tmp_path: Path, curve: object) -> None:
    model = edited(folder / "model", tmp_path / "odd", lambda training: training.update(curve=curve))
    with pytest.raises(UserError, match=r"`training\.curve`") as refused:
        run(model)
    assert "\n" not in str(refused.value)
    assert 0 == str(refused.value).count("`") % 2


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such model folder"):
        run(tmp_path / "none")
