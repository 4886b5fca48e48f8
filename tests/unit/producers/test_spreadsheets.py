"""An Excel file is read as the CSV that it would be saved as; what is doubtful is refused with what to do."""

import csv
import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from support.core_export import scenarios, write_export
from support.spreadsheets import Cell, write_spreadsheet

from detector.cli.main import cli
from detector.errors import UserError
from producers.aside import set_aside
from producers.mapping.problems import Tally
from producers.mapping.specification import Input
from producers.mapping.streams import opened
from producers.source import source_of

MOMENT = dt.datetime(2020, 9, 1, 14, 5, 6)  # noqa: DTZ001 - cells have no zone


def test_a_row_is_a_line_with_dates_and_numbers_as_csv_has_them(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [
        ["取引明細表"],
        [],
        ["日時", "金額", "率", "備考"],
        [MOMENT, 90000.0, 0.5, "二行\nの備考, 一つ"],
        [None, 1, None, None],
    ]
    write_spreadsheet(tmp_path / "own.xlsx", {"空": [], "明細": rows})
    expected = '取引明細表,,,\n,,,\n日時,金額,率,備考\n2020-09-01 14:05:06,90000,0.5,"二行 の備考, 一つ"\n,1,,\n'
    assert expected == opened(tmp_path / "own.xlsx").read().decode()


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    for text in ("one", "another"):
        write_spreadsheet(tmp_path / "own.xlsx", {"a": [[text]]})
        assert f"{text}\n" == opened(tmp_path / "own.xlsx").read().decode()


def test_rows_in_several_sheets_and_what_is_no_spreadsheet_are_refused(tmp_path: Path) -> None:
    write_spreadsheet(tmp_path / "two.xlsx", {"八月": [["a"]], "九月": [["b"]]})
    (tmp_path / "text.xlsx").write_text("a,b\n")
    with pytest.raises(UserError, match=r"several sheets \(八月, 九月\): save each as a file of its own"):
        opened(tmp_path / "two.xlsx")
    with pytest.raises(UserError, match="damaged, locked or no spreadsheet"):
        opened(tmp_path / "text.xlsx")
    (tmp_path / "two.xlsx").rename(tmp_path / "two.xlsx.gz")
    with pytest.raises(UserError, match="which is packed already, packed again: unpack it"):
        opened(tmp_path / "two.xlsx.gz")


def run(*arguments: str) -> str:
    environment = {"KOZAMORI_HASH_KEY": None, "KOZAMORI_HASH_KEY_FILE": None, "COLUMNS": "120"}
    ran = CliRunner().invoke(cli, arguments, env=environment, catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return ran.output


def test_a_core_systems_export_saved_by_excel_gives_the_events_that_its_csv_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_export(Path("own.csv"), scenarios(200)["normal"])
    with Path("own.csv").open(encoding="cp932", errors="replace", newline="") as text:
        write_spreadsheet(Path("own.xlsx"), {"明細": list(csv.reader(text))})
    run("start-here", "own.xlsx", "-o", "sheet.toml")
    run("start-here", "own.csv", "-o", "text.toml")
    tables = [
        list(source_of(Path(mapping), {}, lambda _: None, policy="skip", limit=1.0).tables(Path(file)))
        for mapping, file in (("sheet.toml", "own.xlsx"), ("text.toml", "own.csv"))
    ]
    assert tables[0][0].num_rows > 1_000
    assert [table.to_pylist() for table in tables[1]] == [table.to_pylist() for table in tables[0]]


def test_bad_rows_of_a_sheet_are_set_aside_as_csv_that_reads_like_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows: list[list[Cell]] = [["題"], ["a", "b"], ["good", 1], ["bad", 2], ["good", 3]]
    write_spreadsheet(Path("own.xlsx"), {"明細": rows})
    aside = set_aside(Path("own.xlsx"), Input(skip_lines=1), Tally(bad_lines=[np.array([4])]))
    assert (Path("own.bad.csv"), "題,\na,b\nbad,2\n") == (aside, aside.read_text("utf-8"))
