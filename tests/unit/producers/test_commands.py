"""`kozamori simulate` and `kozamori produce`: what they say, and what they refuse before doing anything."""

import json
from pathlib import Path

import pytest

from detector.cli.main import cli, run
from producers.files import read_events

SMALL = ("--accounts", "300", "--days", "2")


def test_simulate_writes_events_labels_and_a_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "folder"
    assert run(cli, ["simulate", "-o", str(folder), *SMALL, "--json"]) == 0
    assert {"events.parquet", "labels.parquet", "summary.json"} == {path.name for path in folder.iterdir()}
    assert json.loads(capsys.readouterr().out) == json.loads((folder / "summary.json").read_text())


def test_simulate_writes_json_lines_of_a_scenario(tmp_path: Path) -> None:
    wanted = ["--scenario", "september-2020", "--cases", "2", "--format", "jsonl", "--no-wallet-events"]
    assert run(cli, ["simulate", "-o", str(tmp_path), *SMALL, *wanted]) == 0
    kinds = {kind for frame in read_events(tmp_path / "events.jsonl") for kind in frame.kind}
    assert {"link", "debit"} <= kinds <= {"link", "unlink", "debit"}
    assert json.loads((tmp_path / "summary.json").read_text())["cases"] == 2


def test_simulate_replaces_events_only_when_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["simulate", "-o", str(tmp_path), *SMALL]) == 0
    before = (tmp_path / "events.parquet").read_bytes()
    other = ["simulate", "-o", str(tmp_path), *SMALL, "--seed", "9"]
    assert run(cli, other) == 2
    assert "has events.parquet, labels.parquet, summary.json already" in capsys.readouterr().err
    assert before == (tmp_path / "events.parquet").read_bytes()
    assert run(cli, [*other, "--force"]) == 0
    assert before != (tmp_path / "events.parquet").read_bytes()


def test_simulate_makes_about_as_many_events_as_asked_for(tmp_path: Path) -> None:
    assert run(cli, ["simulate", "-o", str(tmp_path), "--events", "20000", "--days", "5"]) == 0
    assert json.loads((tmp_path / "summary.json").read_text())["events"] == pytest.approx(20_000, rel=0.1)


def test_simulate_says_when_cases_are_poorly_hidden(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = ["--scenario", "september-2020", "--accounts", "300", "--cases", "9"]
    assert run(cli, ["simulate", "-o", str(tmp_path), *wanted]) == 0
    assert "honest wallets charge at once for each case" in capsys.readouterr().err


def test_simulate_plays_the_typologies_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["simulate", "-o", str(tmp_path), *SMALL, "--typologies", "t13,T4", "--cases", "12"]) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert ["T4", "T13"] == list(summary["typologies"])
    assert summary["cases"] == 12
    assert "| T13 | store burst |" in capsys.readouterr().out


def test_typologies_on_normal_days_come_in_their_usual_number(tmp_path: Path) -> None:
    assert run(cli, ["simulate", "-o", str(tmp_path), *SMALL, "--typologies", "T5"]) == 0
    assert json.loads((tmp_path / "summary.json").read_text())["cases"] == 20


def test_the_table_of_typologies_is_printed_without_simulating(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["simulate", "--list-typologies"]) == 0
    assert capsys.readouterr().out.startswith("| id | name | parameter | range | basis |")


REFUSED = (
    (["simulate", "-o", "out", "--accounts", "3"], "got 3 accounts, expected 10 … 20000000"),
    (["simulate", "-o", "out", "--days", "0"], "got 0 days, expected 1 …"),
    (["simulate", "-o", "out", "--cases", "-1"], "got -1 cases, expected 0 …"),
    (["simulate", "-o", "out", "--typologies", "T1,T14,X"], "got typology T14, X, expected some of T1, T2"),
    (["simulate", "-o", "out", "--typologies", " "], "got typology (none), expected some of T1, T2"),
    (
        ["simulate", "-o", "out", "--typologies", "T2", "--start", "2020-08-10", "--days", "9"],
        "has no day for T2: choose days around a month",
    ),
    (["simulate", "-o", "out", "--seed", "-1"], "got seed -1, expected 0 …"),
    (["simulate", "-o", "out", "--seed", str(2**40)], "greater ones are training's own: choose another --seed"),
    (["simulate", "-o", "out", "--start", "2020-05-31"], "the population begins on 2020-06-01: got May 2020"),
    (["simulate", "-o", "out", "--start", "yesterday"], "does not match the format"),
    (["simulate", "-o", "out", "--events", "9", "--accounts", "9"], "give --events or --accounts, not both"),
    (["simulate"], "Missing option '-o'"),
    (["produce", "none.parquet"], "there is no file none.parquet"),
    (["produce", "events.csv"], "expected a name ending in .parquet or .jsonl"),
    (["produce", "e.jsonl", "--cases", "3"], "--cases is for scenarios: leave it out, or leave out e.jsonl"),
    (["produce", "--rate", "3", "--speed", "6x"], "got both --rate and --speed"),
    (["produce", "--rate", "0"], "got --rate 0.0, expected a number above 0"),
    (["produce", "--speed", "fast"], "expected a multiple of event time such as 600x"),
    (["produce", "--skip", "3", "--resume", "m"], "give --skip or --resume, not both"),
    (["produce", "--scenario", "normal", "--bootstrap", "nowhere"], "nowhere"),
    (["produce"], "nothing to publish: give a file, or --scenario for made-up events"),
    (["produce", "--days", "3"], "nothing to publish: give a file, or --scenario"),
)


@pytest.mark.parametrize(("arguments", "line"), REFUSED)
def test_senseless_options_are_one_line_and_status_two(
    arguments: list[str], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(cli, arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert line in error
    assert not list(tmp_path.rglob("*.parquet*"))
