"""`kozamori hash`: the hashes that producers make, of accounts as files have them, and whose a hash is."""

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.own_files import DEBITS, csv_of, mapping_of

from detector.cli.main import cli
from detector.contract.keyed_hash import KeyedHash
from detector.errors import UserError

KEY, OTHER = "a key for tests only", "another key for tests"
FIRST = KeyedHash(KEY.encode(), "01").account(bank="0116", branch="001", kind="1", number="1234567")
SECOND = KeyedHash(KEY.encode(), "01").account(bank="0005", branch="012", kind="2", number="0000042")


def run(*arguments: object, text: str | None = None, key: str | None = KEY) -> Result:
    environment = {"KOZAMORI_HASH_KEY": key, "KOZAMORI_HASH_KEY_ID": "01", "KOZAMORI_HASH_KEY_FILE": None}
    given = [str(one) for one in arguments]
    return CliRunner().invoke(cli, ["hash", *given], input=text, env=environment, catch_exceptions=False)


def hashes(said: Result) -> list[str]:
    return [row["account"] for row in csv.DictReader(io.StringIO(said.stdout))]


def test_an_account_has_the_hash_that_producers_give_it() -> None:
    assert [FIRST] == hashes(run("--account", "0116-001-1-1234567"))
    assert [FIRST] == hashes(run("--account", "116-1-普通-1234567"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "euc_jp"])
@pytest.mark.parametrize("heading", ["", "銀行,支店,科目,口座番号\n"])
def test_a_file_of_accounts_is_read_as_systems_write_it(tmp_path: Path, encoding: str, heading: str) -> None:
    path = tmp_path / "accounts.csv"
    path.write_bytes(f"{heading}0116,001,普通,１２３４５６７\n5,12,当座預金,42\n".encode(encoding))
    assert [FIRST, SECOND] == hashes(run(path))
    assert [SECOND] == hashes(run(path, "--find", SECOND))
    assert [FIRST, SECOND] == [json.loads(line)["account"] for line in run(path, "--json").stdout.splitlines()]


def test_a_hash_is_found_in_any_case() -> None:
    assert [FIRST] == hashes(run("--account", "0116-001-1-1234567", "--find", FIRST.upper()))


def test_a_wrong_account_of_the_command_line_is_not_shown() -> None:
    with pytest.raises(UserError, match=r"^--account: kind of account") as refused:
        run("--account", "0116-001-7-1234567")
    assert "1234567" not in str(refused.value)


def test_numbers_come_from_standard_input_too() -> None:
    assert [FIRST] == hashes(run("-", text="0116,001,1,1234567\n"))


def test_columns_of_an_export_may_have_any_name(tmp_path: Path) -> None:
    names = {'"who"': '"account"', '"id"': '"line"', 'hash = "text"': 'hash = "text", with = ["line", "account_hash"]'}
    text = DEBITS
    for own, other in names.items():
        text = text.replace(own, other)
    mapping = mapping_of(tmp_path, text).path
    path = csv_of(tmp_path, "a,2020-09-01 00:00:00,Sato,w1,100,x", heading="line,when,account,to,yen,account_hash")
    told = json.loads(run(path, "--mapping", mapping, "--json").stdout)
    assert {"account": "Sato", "line": "a", "account_hash": "x"} == told["columns"]
    heading, cells = csv.reader(io.StringIO(run(path, "--mapping", mapping).stdout))
    assert len({*heading}) == len(heading)
    found = dict(zip(heading, cells, strict=True))
    assert told["columns"].items() <= found.items()
    assert {"2", told["account"]} == {cell for name, cell in found.items() if name not in told["columns"]}


def test_a_hash_of_nobody_is_told_by_the_exit_status() -> None:
    said = run("--account", "0116-001-1-1234567", "--find", "0" * 18)
    assert (1, []) == (said.exit_code, hashes(said))
    assert "none of 1 hashes" in said.stderr


def test_while_a_key_is_changed_both_hashes_are_told(tmp_path: Path) -> None:
    for name, key in (("old", KEY), ("new", OTHER)):
        (tmp_path / f"{name}.key").write_text(f"{key}\n")
    keys = "--key", f"01={tmp_path / 'old.key'}", "--key", f"02={tmp_path / 'new.key'}"
    new = KeyedHash(OTHER.encode(), "02").account(bank="0116", branch="001", kind="1", number="1234567")
    assert [FIRST, new] == hashes(run("--account", "0116-001-1-1234567", *keys))
    assert [new] == hashes(run("--account", "0116-001-1-1234567", *keys, "--find", new))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("0116,001,1\n", "line 1: got 3 cells, expected bank, branch, kind, number"),
        ("0116,001,1,1234567\n0116,001,7,1\n", "line 2: kind of account: expected one of 1"),
        ("0116,x01,1,1\n", "line 1: branch: expected 3 digits"),
        ("0116,001,1,12-34\n", "line 1: account number: expected 1 to 14 digits"),
    ],
)
def test_what_is_no_account_is_refused_with_its_line_and_without_the_number(
    tmp_path: Path, content: str, told: str
) -> None:
    (tmp_path / "accounts.csv").write_text(content)
    with pytest.raises(UserError, match=told) as refused:
        run(tmp_path / "accounts.csv")
    assert "12-34" not in str(refused.value)


def test_without_a_key_or_accounts_nothing_is_hashed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="KOZAMORI_HASH_KEY_FILE"):
        run("--account", "0116-001-1-1", key=None)
    with pytest.raises(UserError, match="there is no file"):
        run(tmp_path / "none.csv")
    assert 2 == run().exit_code
    assert 2 == run("x.csv", "--account", "1-1-1-1").exit_code
    assert 2 == run("--account", "1-1-1-1", "--key", "x.key").exit_code
