"""From a core system's export to a back-test in four commands: nothing refused, nothing lost, every oddity counted."""

import json
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner, Result
from support.core_export import scenarios, write_export

from detector.cli.main import cli
from detector.contract.keyed_hash import KeyedHash
from detector.errors import UserError
from producers import simulation
from producers.scenarios import SCENARIOS, Scenario
from producers.source import source_of

ACCOUNTS = 600
NORMAL = replace(scenarios(ACCOUNTS)["normal"], days=6, wallet_events=False)
AUTUMN = replace(SCENARIOS["ghost-wallets"], accounts=ACCOUNTS, days=4, cases=6)


def run(*arguments: object) -> Result:
    environment = {"KOZAMORI_HASH_KEY": None, "KOZAMORI_HASH_KEY_FILE": None, "COLUMNS": "120"}
    return CliRunner().invoke(cli, [str(one) for one in arguments], env=environment, catch_exceptions=False)


class Exports(NamedTuple):
    """Where the files are, what `start-here` said of them, and what is in each."""

    folder: Path
    said: str
    counts: dict[str, dict[str, int]]


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    """Both files; later tests use what earlier commands wrote, as a person would."""
    folder = tmp_path_factory.mktemp("core")
    made: dict[str, Scenario] = {"normal": NORMAL, "autumn": AUTUMN}
    counts = {name: write_export(folder / f"{name}.csv", scenario) for name, scenario in made.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        said = run("start-here", "normal.csv", "autumn.csv")
    assert said.exit_code == 0, said.output
    return Exports(folder, said.stdout, counts)


@pytest.fixture
def counts(exports: Exports) -> dict[str, dict[str, int]]:
    return exports.counts


@pytest.fixture
def folder(exports: Exports, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(exports.folder)
    return exports.folder


def test_every_column_is_taken_for_what_it_is_and_five_events_are_shown(exports: Exports, folder: Path) -> None:
    said = exports.said
    for word in ("cp932", "comma", "口座振替サービス", "19 columns", "2020-08-01", "docomo_account", "line 8"):
        assert word in said
    assert said.count("nothing") == 1  # the name of the account's owner alone
    assert 0o600 == (folder / "hash.key").stat().st_mode & 0o777


@pytest.mark.parametrize("name", ["normal", "autumn"])
def test_every_row_and_every_oddity_is_counted(folder: Path, counts: dict[str, dict[str, int]], name: str) -> None:
    expected = counts[name]
    found = json.loads(run("mapping", "check", f"{name}.csv", "--mapping", "normal.toml", "--json").stdout)
    assert expected["rows"] == found["rows"]
    assert expected["events"] == found["events"]
    assert expected["of no event"] == found["ignored"] == found["of_no_event"]["取引区分 = チャージ取消"]
    assert expected["bad"] == found["not_understood"] == sum(sort["rows"] for sort in found["sorts"])
    assert expected["marred"] == found["lines_with_broken_bytes_not_read"]
    assert expected["frauds"] == found["fraudulent"]


def test_accounts_times_and_yen_are_those_of_the_events(folder: Path) -> None:
    tables = [table for table, _ in simulation.tables(NORMAL)]
    accounts = {one for table in tables for one in table["account"].to_pylist()}
    times = [at for table in tables for at in table["occurred_at_ms"].to_pylist()]
    yen = [yen for table in tables for yen in table["amount_yen"].to_pylist() if yen]
    found = json.loads(run("mapping", "check", "normal.csv", "--mapping", "normal.toml", "--json").stdout)
    assert len(accounts) == found["distinct"]["account"]
    assert (min(yen), max(yen)) == (found["least_yen"], found["most_yen"])
    assert [at // 1000 * 1000 for at in times[:5]] == [event["occurred_at_ms"] for event in found["first"]]


def test_the_export_is_trained_on_and_judged_and_bad_rows_are_set_aside(
    folder: Path, counts: dict[str, dict[str, int]]
) -> None:
    quick = "--burn-in", "0", "--no-inject", "--detectors", "forest", "--budget", "5"
    said = run("train", "normal.csv", "--mapping", "normal.toml", "-o", "model", *quick)
    assert said.exit_code == 0
    assert f"{counts['normal']['bad']} of {counts['normal']['rows']:,} rows left out" in said.stderr
    lines = (folder / "normal.csv").read_bytes().splitlines(keepends=True)
    assert [*lines[:3], *lines[-3:]] == (folder / "normal.bad.csv").read_bytes().splitlines(keepends=True)
    judged = run("backtest", "autumn.csv", "--mapping", "normal.toml", "--model", "model", "--json")
    assert judged.exit_code == 0
    assert {"fraud"} == set(json.loads(judged.stdout)["scorers"][0]["typologies"])
    assert 6 == json.loads(judged.stdout)["scorers"][0]["typologies"]["fraud"]["cases"]


def test_a_mapping_that_is_there_is_kept(folder: Path) -> None:
    before = (folder / "normal.toml").read_text()
    with pytest.raises(UserError, match=r"normal\.toml is there already"):
        run("start-here", "normal.csv")
    (folder / "mine.toml").write_text("mine")
    assert run("start-here", "autumn.csv", "-o", "mine.toml", "--force").exit_code == 0
    assert before == (folder / "normal.toml").read_text()
    assert "mine" != (folder / "mine.toml").read_text()


def test_an_export_of_which_little_is_known_gives_a_mapping_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("day,a,b\n2020-09-01 10:00:00,1,2\n")
    said = run("start-here", "x.csv")
    assert said.exit_code == 0
    for question in ("time of an event", "amount", "service", "bank's code", "account", "result"):
        assert f"to decide: no column looks like the {question}" in said.stdout
    checked = CliRunner().invoke(cli, ["mapping", "check", "x.csv", "--mapping", "x.toml"])
    assert isinstance(checked.exception, UserError)
    assert "has no column '?'" in str(checked.exception)


def test_wallets_are_hidden_and_names_are_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my export.csv").write_text("日時,口座番号,会員番号,金額\n2020-09-01 10:00:00,7654321,w-secret,2\n")
    said = run("start-here", "my export.csv").stdout
    assert "secret" not in said.split("first")[0]
    assert "kozamori train 'my export.csv' --mapping 'my export.toml'" in said
    assert "kozamori mapping check 'my export.csv' --mapping 'my export.toml'" in said


def test_the_key_beside_the_mapping_hashes_as_one_of_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = next(source_of(folder / "normal.toml", {}).tables(folder / "normal.csv"), None)
    assert first is not None
    environment = {"KOZAMORI_HASH_KEY_FILE": str(folder / "hash.key")}
    (folder / "other.toml").write_text((folder / "normal.toml").read_text().replace("hash.key", "none.key"))
    again = next(source_of(folder / "other.toml", environment).tables(folder / "normal.csv"))
    assert first.equals(again)
    with pytest.raises(UserError, match=r"`hash\.key_file`: cannot read .*none\.key"):
        source_of(folder / "other.toml", {})


def test_whose_account_a_hash_is_stands_in_the_export(folder: Path) -> None:
    event = json.loads(run("mapping", "check", "normal.csv", "--mapping", "normal.toml", "--json").stdout)["first"][0]
    lines = (folder / "normal.csv").read_bytes().decode("cp932", "replace").splitlines()
    told = json.loads(run("hash", "normal.csv", "--mapping", "normal.toml", "--json").stdout.splitlines()[0])
    assert event["line"] == told["line"] == 4
    cells, made_of = dict(zip(lines[2].split(","), lines[3].split(","), strict=False)), told["columns"]
    assert cells["店番"] == made_of["店番"]
    assert unicodedata.normalize("NFKC", cells["口座番号"]) == made_of["口座番号"]
    key = KeyedHash((folder / "hash.key").read_bytes().strip())
    kind = {"普通預金": "1", "当座": "2"}[made_of["科目"]]
    identity = {"bank": made_of["銀行コード"], "branch": made_of["店番"], "kind": kind, "number": made_of["口座番号"]}
    assert key.account(**identity) == told["account"]
    found = run("hash", "normal.csv", "--mapping", "normal.toml", "--find", told["account"], "--json")
    assert told == json.loads(found.stdout)
    assert 1 == run("hash", "normal.csv", "--mapping", "normal.toml", "--find", "0" * 16).exit_code
