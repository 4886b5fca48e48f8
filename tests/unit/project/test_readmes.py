"""What READMEs say of the code and of figures: their tables of files, and of bytes in a row."""

import json
import re
from pathlib import Path

import pytest

from detector.core.stage import Stage
from detector.core.stages.account import ACCOUNT
from detector.core.stages.budget import BUDGET
from detector.core.stages.campaigns import CAMPAIGNS
from detector.core.stages.cases import CASES
from detector.core.stages.wallet import WALLET

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("folder", ["detector/notify", "detector/observe", "detector/stream", "detector/core/stages"])
def test_a_readme_names_every_file_of_its_folder(folder: str) -> None:
    text = (ROOT / folder / "README.md").read_text("utf-8")
    modules = {path.name for path in (ROOT / folder).glob("*.py")} - {"__init__.py"}
    assert sorted(name for name in modules if f"`{name}`" not in text and f"({name})" not in text) == []


@pytest.mark.parametrize(
    ("readme", "heading", "stage"),
    [
        ("detector/core/README.md", "## The account's row", ACCOUNT),
        ("detector/core/stages/README.md", "## The wallet's row", WALLET),
        ("detector/core/stages/README.md", "## The budget's row", BUDGET),
        ("detector/core/stages/README.md", "## The case's row", CASES),
        ("detector/core/stages/README.md", "## The campaign's row", CAMPAIGNS),
    ],
    ids=["account", "wallet", "desk", "cases", "campaigns"],
)
def test_the_bytes_of_a_row_add_up(readme: str, heading: str, stage: Stage) -> None:
    section = (ROOT / readme).read_text("utf-8").partition(heading)[2].partition("\n## ")[0]
    said = [int(size) for size in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)]
    assert stage.row.itemsize == sum(said)
    assert f"{stage.row.itemsize} bytes" in section


def test_the_readme_says_what_the_backtest_said_of_a_budget_of_two() -> None:
    curves = json.loads((ROOT / "docs" / "backtest" / "figures.json").read_text("utf-8"))["curves"]["kozamori"]
    two = min(curves, key=lambda point: abs(point["false_groups_per_day"] - 2))
    alerted, early, lost = (f"{100 * two[share]:.0f} %" for share in ("alerted", "early", "yen_lost"))
    said = f"there {alerted} of the cases are alerted, {early} early, and {lost} of the yen are lost"
    assert said in (ROOT / "README.md").read_text("utf-8")
