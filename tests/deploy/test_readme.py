"""The deploy page names files that exist and settings that are accepted."""

import re
import tomllib
from pathlib import Path

from detector.settings import Settings

FOLDER = Path(__file__).parents[2] / "deploy"
TEXT = (FOLDER / "README.md").read_text("utf-8")


def test_every_file_in_its_table_exists_and_every_file_is_in_it() -> None:
    table = TEXT.partition("## Try it")[0]
    named = {name for line in table.splitlines() if line.startswith("| `") for name in re.findall(r"`([\w./]+)`", line)}
    missing = [name for name in named if "/" in name and not (FOLDER / name).exists()]
    assert missing == []
    there = {path.name for path in FOLDER.rglob("*") if path.is_file() and path.suffix in {".yml", ".py"}}
    listed = {Path(name).name for name in named} | {"prometheus.yml", "kozamori.yml"}  # the latter: provisioning
    assert sorted(there - listed) == []


def test_the_number_of_alerts_it_states_is_theirs() -> None:
    alerts = (FOLDER / "prometheus" / "alerts.yml").read_text("utf-8").count("- alert:")
    assert f"{alerts} alerts" in TEXT


def test_its_example_of_a_settings_file_is_accepted() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert Settings.model_validate(tomllib.loads(example)).partitions == 12
