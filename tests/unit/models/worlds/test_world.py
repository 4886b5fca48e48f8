"""The table of foreign worlds, their command, and that they stand apart from the simulator and from each other."""

import ast
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

import models.worlds
from detector.cli.world import world as command
from detector.errors import UserError
from models.worlds.world import EVENTS, WORLDS, Size
from producers.files import read_labels, read_tables
from producers.tables import SCHEMA

SMALL = ("--accounts", "300", "--days", "20", "--judged-days", "8", "--cases", "20")


def run(*options: object) -> Result:
    return CliRunner().invoke(command, [str(option) for option in options], catch_exceptions=False)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every world as files; the one made from a history from that of the first."""
    folder = tmp_path_factory.mktemp("worlds")
    for world in WORLDS:
        history = ("--history", folder / WORLDS[0].name / "history.parquet") if world.from_history else ()
        assert 0 == run(world.name, "-o", folder / world.name, *SMALL, *history, "--json").exit_code
    return {world.name: folder / world.name for world in WORLDS}


def test_the_columns_are_those_of_an_events_file() -> None:
    assert SCHEMA.equals(EVENTS)


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_a_world_is_written_as_files_that_can_be_trained_on_and_judged(world: object, folders: dict[str, Path]) -> None:
    folder = folders[world.name]  # type: ignore[attr-defined]
    ids = {event for table in read_tables(folder / "events.parquet") for event in table["event_id"].to_pylist()}
    labels = read_labels(folder / "labels.parquet")
    assert len(labels)
    assert set(labels["event_id"]) <= ids
    before = {event for table in read_tables(folder / "history.parquet") for event in table["event_id"].to_pylist()}
    assert before
    assert not before & ids


def test_the_command_says_what_it_wrote(tmp_path: Path) -> None:
    said = json.loads(run("settled", "-o", tmp_path / "out", *SMALL, "--json").stdout)
    assert pq.read_metadata(tmp_path / "out" / "events.parquet").num_rows == said["events"]
    assert ("settled", 1) == (said["world"], said["seed"])


def test_a_world_made_from_a_history_wants_one_and_others_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="resampled: give --history"):
        run("resampled", "-o", tmp_path / "out")
    with pytest.raises(UserError, match="settled has a history of its own: no --history"):
        run("settled", "-o", tmp_path / "out", "--history", "any.parquet")


def test_senseless_sizes_are_refused_by_name() -> None:
    with pytest.raises(UserError, match="accounts is 5"):
        Size(accounts=5)
    with pytest.raises(UserError, match="judged_days is 0"):
        Size(judged_days=0)


def test_worlds_know_neither_the_simulator_nor_each_other() -> None:
    root = Path(models.worlds.__file__).parent
    for path in root.rglob("*.py"):
        own = f"models.worlds.{path.relative_to(root).parts[0]}"
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in filter(None, names):
                assert not name.startswith(("producers", "detector.core", "detector.cli"))
                if name.startswith("models.worlds."):
                    assert name.startswith((own, "models.worlds.world"))
