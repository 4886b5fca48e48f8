"""`kozamori ablation`: its options, what it writes, and the ways it refuses; the work itself is made up here."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from detector.cli import ablation as command
from detector.cli.ablation import FIGURES, PAGE, ablation
from detector.errors import UserError
from models.ablation.foreign import FULL as LIFE
from models.ablation.foreign import QUICK as SMALL_LIFE
from models.ablation.foreign import Foreign
from models.ablation.foreign_page import TITLE
from models.ablation.page import QUICK as QUICK_NOTE
from models.ablation.page import page
from models.ablation.run import FULL, QUICK, Run, Size
from models.training import Plan

KNOWN = json.loads((Path(__file__).parents[3] / "docs" / "ablation" / FIGURES).read_text("utf-8"))


class Work:
    """Figures that are known beforehand; what it was asked for."""

    def __init__(self) -> None:
        self.size: Size | None = None
        self.seeds: tuple[int, ...] = ()
        self.abroad: Foreign | None = None
        self.done: list[str] = []

    def simulator(self, every: Run, seeds: tuple[int, ...], advance: Any) -> dict[str, Any]:
        self.size, self.seeds = every.size, seeds
        self.done.append("simulator")
        advance("seed 1")
        return {name: part for name, part in KNOWN.items() if name not in {"command", "quick", "worlds"}}

    def worlds(self, abroad: Foreign, seeds: tuple[int, ...], advance: Any) -> dict[str, Any]:
        self.abroad, self.seeds = abroad, seeds
        self.done.append("worlds")
        advance("settled, seed 1")
        about = {**asdict(abroad.size), "seeds": seeds, "budgets": abroad.budgets, "worlds": {}}
        return {"about": about, "rows": []}


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    made_up = Work()
    monkeypatch.setattr(command, "run", made_up.simulator)
    monkeypatch.setattr(command, "judge", made_up.worlds)
    return made_up


def run(*options: object) -> Result:
    return CliRunner().invoke(ablation, [str(option) for option in options], catch_exceptions=False)


def test_writes_page_figures_and_pictures(work: Work, tmp_path: Path) -> None:
    result = run("-o", tmp_path / "out", "--json")
    figures = json.loads(result.stdout)
    assert figures == json.loads((tmp_path / "out" / FIGURES).read_text("utf-8"))
    assert page(figures) == (tmp_path / "out" / PAGE).read_text("utf-8")
    assert {FIGURES, PAGE, "experiments.png", "typologies.png"} == {path.name for path in (tmp_path / "out").iterdir()}
    assert f"kozamori ablation -o {tmp_path / 'out'}" == figures["command"]


def test_sizes_and_seeds_are_those_asked_for(work: Work, tmp_path: Path) -> None:
    run("-o", tmp_path)
    assert QUICK_NOTE not in (tmp_path / PAGE).read_text("utf-8")
    assert (FULL, (101, 102, 103)) == (work.size, work.seeds)
    assert work.abroad is not None
    assert (LIFE, Plan()) == (work.abroad.size, work.abroad.plan)
    run("-o", tmp_path, "--quick", "--seeds", "7, 8", "--accounts", 2000, "--days", 20, "--budget", 3)
    assert work.size == Size(2000, 20, QUICK.cases, QUICK.judged, QUICK.turns, QUICK.trees, 3.0)
    assert (7, 8) == work.seeds
    assert work.abroad is not None
    assert replace(SMALL_LIFE, accounts=2000, days=20) == work.abroad.size
    assert (Plan(3.0, trees=QUICK.trees, turns=QUICK.turns), (3.0, 0.75)) == (work.abroad.plan, work.abroad.budgets)
    assert "--seeds 7,8 --accounts 2000 --days 20 --budget 3.0 --quick" in (tmp_path / PAGE).read_text("utf-8")
    assert QUICK_NOTE in (tmp_path / PAGE).read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "done"),
    [((), ["worlds", "simulator"]), (("--only", "worlds"), ["worlds"]), (("--only", "simulator"), ["simulator"])],
)
def test_one_part_alone_runs_and_tells_nothing_else(
    work: Work, tmp_path: Path, options: tuple[str, ...], done: list[str]
) -> None:
    assert 0 == run("-o", tmp_path, *options).exit_code
    assert done == work.done
    text = (tmp_path / PAGE).read_text("utf-8")
    assert ("worlds" in done) is (TITLE in text)
    assert ("simulator" in done) is ("## Where it fails" in text) is (tmp_path / "experiments.png").exists()


def test_days_too_few_for_a_foreign_world_are_refused_before_the_work(work: Work, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"13 days are too few .* give --days 14, or --only simulator"):
        run("-o", tmp_path, "--days", 13)
    assert [] == work.done
    assert 0 == run("-o", tmp_path, "--days", 13, "--only", "simulator").exit_code


@pytest.mark.parametrize(
    "options", [["--seeds", "1,1"], ["--seeds", ""], ["--seeds", "a"], ["--accounts", "10"], ["--budget", "0"]]
)
def test_senseless_options_are_refused(work: Work, tmp_path: Path, options: list[str]) -> None:
    assert run("-o", tmp_path, *options).exit_code == 2
    assert work.size is None


def test_a_place_that_cannot_be_written_is_refused(work: Work, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="choose another path"):
        run("-o", tmp_path / "file" / "out")
