"""Foreign files become events of the contract: times, amounts, words, identifiers, and lines that are none."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest
from support.own_files import DEBITS, HEADING, KEY, ROWS, csv_of, mapped, mapping_of

from detector.errors import UserError
from producers.batches import to_batches
from producers.mapping.check import check
from producers.mapping.events import read_events
from producers.mapping.problems import Tally
from producers.mapping.roles import hints
from producers.mapping.rows import csv_rows

NUMBER = '{ column = "x", hash = "number", branch = { constant = "012" }, account_kind = { constant = "1" } }'
EIGHT_SEPTEMBER_MS = 1_599_490_800_000  # 2020-09-08 00:00 in Japan


def field(text: str, name: str, spec: str) -> str:
    """The mapping with another line for a field."""
    lines = [line for line in text.splitlines() if not line.startswith(f"{name} =")]
    return "\n".join(lines).replace("[fields]", f"[fields]\n{name} = {spec}")


def one(folder: Path, name: str, spec: str, cell: str) -> object:
    """What a field becomes of one cell, in a column `x`."""
    path = csv_of(folder, f"{ROWS[0]},{cell}", heading=f"{HEADING},x")
    return mapped(path, mapping_of(folder, field(DEBITS, name, spec)))[name].iloc[0]


def test_rows_become_events_that_the_bus_takes(tmp_path: Path) -> None:
    path, mapping = csv_of(tmp_path, *ROWS), mapping_of(tmp_path)
    events = mapped(path, mapping)
    assert ["a", "b", "c"] == list(events.event_id)
    assert [1_598_886_000_000, 1_598_920_200_000, 1_599_058_799_000] == list(events.occurred_at_ms)
    assert [KEY.opaque("account", "0005", who) for who in ("Sato", "Ito", "Sato")] == list(events.account)
    assert [100, 2500, 99999] == list(events.amount_yen)
    assert events.occurred_at_ms.iloc[[0, 1, 0]].tolist() == events.wallet_opened_at_ms.tolist()
    assert {"debit"} == set(events.kind)
    (table,) = read_events(path, mapping, KEY)
    assert 3 == sum(batch.size for batch in to_batches(table, 10))


@pytest.mark.parametrize(
    ("spec", "cell", "ms"),
    [
        ('{ column = "x", unit = "ms" }', "1599490800000", EIGHT_SEPTEMBER_MS),
        ('{ column = "x", unit = "s" }', "1599490800.5", EIGHT_SEPTEMBER_MS + 500),
        ('{ column = "x", unit = "h", origin = "2020-09-01T00:00:00+09:00" }', "168", EIGHT_SEPTEMBER_MS),
        ('{ column = "x", unit = "d", origin = "2020-09-01", zone = "Asia/Tokyo" }', "7", EIGHT_SEPTEMBER_MS),
        ('{ column = "x", format = "%d.%m.%Y %H:%M", zone = "Europe/Berlin" }', "07.09.2020 17:00", EIGHT_SEPTEMBER_MS),
        ('{ column = "x", format = "%Y%m%d%H%M%S%z" }', "20200907150000+0000", EIGHT_SEPTEMBER_MS),
        ('{ column = "x", format = "iso8601" }', "2020-09-07T15:00:00Z", EIGHT_SEPTEMBER_MS),
        ('{ column = "x", format = "iso8601" }', "2020-09-08T00:00:00.000+09:00", EIGHT_SEPTEMBER_MS),
        ('{ column = "x", format = "iso8601", zone = "Asia/Tokyo" }', "2020-09-08 00:00", EIGHT_SEPTEMBER_MS),
        (
            '{ column = "x", format = "iso8601", zone = "Europe/Berlin", ambiguous = "earliest" }',
            "2020-10-25 02:30:00",
            1_603_585_800_000,
        ),
        (
            '{ column = "x", format = "iso8601", zone = "Europe/Berlin", ambiguous = "latest" }',
            "2020-10-25 02:30:00",
            1_603_589_400_000,
        ),
    ],
)
def test_times_are_read_by_unit_or_pattern_and_zone(tmp_path: Path, spec: str, cell: str, ms: int) -> None:
    assert ms == one(tmp_path, "occurred_at_ms", spec, cell)


@pytest.mark.parametrize(
    ("spec", "cell"),
    [
        ('{ column = "x", unit = "s" }', "1599490800000"),  # milliseconds: the year 52655
        ('{ column = "x", unit = "s" }', "yesterday"),
        ('{ column = "x", unit = "s" }', ""),
        ('{ column = "x", format = "%Y-%m-%d", zone = "Asia/Tokyo" }', "08/09/2020"),
        ('{ column = "x", format = "iso8601" }', "2020-09-08 00:00:00"),  # where?
        ('{ column = "x", format = "iso8601", zone = "Asia/Tokyo" }', "2020-09-08T00:00:00Z"),  # twice where
        ('{ column = "x", format = "iso8601", zone = "Europe/Berlin" }', "2020-10-25 02:30:00"),  # happens twice
        ('{ column = "x", format = "iso8601", zone = "Europe/Berlin" }', "2020-03-29 02:30:00"),  # never happens
    ],
)
def test_a_time_that_means_nothing_for_sure_is_refused(tmp_path: Path, spec: str, cell: str) -> None:
    with pytest.raises(UserError, match="line 2: `occurred_at_ms` from column 'x'"):
        one(tmp_path, "occurred_at_ms", spec, cell)


@pytest.mark.parametrize(
    ("spec", "cell", "yen"),
    [
        ('{ column = "x" }', "1200", 1200),
        ('{ column = "x" }', "1e3", 1000),
        ('{ column = "x" }', "2.5", 3),
        ('{ column = "x", round = "half_even" }', "2.5", 2),
        ('{ column = "x", round = "down" }', "2.9", 2),
        ('{ column = "x", round = "up" }', "2.1", 3),
        ('{ column = "x", factor = 100 }', "2.675", 268),  # 267.49999999999994 in binary
        ('{ column = "x", factor = -1 }', "-4,500", 4500),
        ('{ column = "x", decimal = ",", thousands = "." }', "1.234,50", 1235),
        ('{ column = "x" }', "1000000000", 10**9),
    ],
)
def test_amounts_become_whole_yen_by_the_rule(tmp_path: Path, spec: str, cell: str, yen: int) -> None:
    if "," in cell:
        spec = spec if "thousands" in spec else spec.replace(" }", ', thousands = "," }')
        cell = f'"{cell}"'
    assert yen == one(tmp_path, "amount_yen", spec, cell)


@pytest.mark.parametrize("cell", ["0", "0.4", "-5", "1000000001", "abc", "nan", "inf", "", '"1,000"'])
def test_an_amount_that_is_none_is_refused(tmp_path: Path, cell: str) -> None:
    with pytest.raises(UserError, match="line 2: `amount_yen` from column 'x'"):
        one(tmp_path, "amount_yen", '{ column = "x" }', cell)


@pytest.mark.parametrize(
    ("name", "spec", "cell", "value"),
    [
        ("result", '{ column = "x", values = { "00" = "ok", "51" = "insufficient" } }', "51", "insufficient"),
        ("result", '{ column = "x", values = { "00" = "ok" }, otherwise = "refused" }', "91", "refused"),
        ("result", '{ column = "x" }', " ok ", "ok"),
        ("wallet_verified", '{ column = "x", values = { Y = true, N = false } }', "Y", True),
        ("wallet_verified", '{ column = "x", values = { Y = true }, otherwise = false }', "", False),
        ("bank", '{ column = "x" }', "5", "0005"),
        ("bank", '{ column = "x", values = { Mizuho = "0001" } }', "Mizuho", "0001"),
        ("wallet", '{ column = "x", hash = "text" }', "ab", KEY.opaque("wallet", "ab")),
        ("source", '{ column = "x", hash = "text" }', "192.0.2.7", KEY.source("192.0.2.7")),
        ("source", '{ column = "x", hash = "none" }', "", ""),
        ("account", NUMBER, "0123456", KEY.account(bank="0005", branch="012", kind="1", number="0123456")),
        ("service", '{ column = "x" }', "new-pay", "new-pay"),
        ("service", '{ column = "x", values = { NP = "new-pay" } }', "NP", "new-pay"),
        ("account", '{ column = "x", hash = "none" }', "0123456789abcdef", "0123456789abcdef"),
        ("account", '{ missing = "wallet" }', "", KEY.opaque("account", "w1")),
        ("wallet", '{ missing = "account" }', "", KEY.opaque("account", "0005", "Sato")),
    ],
)
def test_words_and_identifiers(tmp_path: Path, name: str, spec: str, cell: str, value: object) -> None:
    assert value == one(tmp_path, name, spec, cell)


@pytest.mark.parametrize(
    ("name", "spec", "cell"),
    [
        ("result", '{ column = "x", values = { "00" = "ok" } }', "91"),
        ("result", '{ column = "x" }', "OK"),
        ("wallet_verified", '{ column = "x" }', "Y"),
        ("bank", '{ column = "x" }', "12345"),
        ("wallet", '{ column = "x", hash = "none" }', ""),
        ("wallet", '{ column = "x", hash = "text" }', ""),
        ("account", NUMBER, "no digits"),
        ("service", '{ column = "x" }', "New Pay"),
        ("account", '{ column = "x", hash = "text" }', ""),
        ("account", '{ column = "x", hash = "none" }', "0123456"),
        ("event_id", '{ column = "x" }', "e" * 65),
    ],
)
def test_a_cell_without_a_meaning_is_refused(tmp_path: Path, name: str, spec: str, cell: str) -> None:
    with pytest.raises(UserError, match=f"line 2: `{name}` from column 'x': got .*, expected .*; correct"):
        one(tmp_path, name, spec, cell)


def test_branch_and_kind_of_an_account_come_from_columns_too(tmp_path: Path) -> None:
    kinds = '{ column = "kind", values = { "普通" = "1", "当座" = "2" } }'
    spec = f'{{ column = "who", hash = "number", branch = {{ column = "branch" }}, account_kind = {kinds} }}'
    text = field(DEBITS, "account", spec)
    rows = [f"a,2020-09-01 00:00:00,12345,w1,100,{cells}" for cells in ("1,普通", "001,当座", "1,定期", ",普通")]
    path = csv_of(tmp_path, *rows, heading=f"{HEADING},branch,kind")
    tally = Tally()
    events = mapped(path, mapping_of(tmp_path, '[input]\nbad_rows = "skip"\n' + text), tally)
    known = {"bank": "0005", "branch": "001", "number": "12345"}
    assert [KEY.account(**known, kind="1"), KEY.account(**known, kind="2")] == list(events.account)
    assert {4, 5} == {problem.line for problem in tally.first}


def test_a_wallet_is_first_seen_at_its_service(tmp_path: Path) -> None:
    rows = [
        "a,2020-09-01 00:00:00,Sato,w1,100,paypay",
        "b,2020-09-02 00:00:00,Sato,w1,100,merpay",
        "c,2020-09-03 00:00:00,Sato,w1,100,paypay",
    ]
    path = csv_of(tmp_path, *rows, heading=f"{HEADING},at")
    events = mapped(path, mapping_of(tmp_path, field(DEBITS, "service", '{ column = "at" }')))
    assert events.occurred_at_ms.iloc[[0, 1, 0]].tolist() == events.wallet_opened_at_ms.tolist()


def test_an_identifier_is_never_shown(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        one(tmp_path, "account", NUMBER, "Tanaka")
    assert "Tanaka" not in str(raised.value)


def test_rows_belong_to_the_first_table_whose_conditions_they_meet(tmp_path: Path) -> None:
    text = DEBITS.replace(
        '[[events]]\nkind = "debit"',
        """[[events]]
kind = "payout"
where = { to = "w2" }
[[events]]
kind = "debit"
where = { to = ["w1", "w2"] }
unless = { who = "Ito" }""",
    )
    path = csv_of(tmp_path, *ROWS, "d,2020-09-03 00:00:00,Ito,w1,5", "e,2020-09-03 00:00:00,Mori,w3,5")
    tally = Tally()
    events = mapped(path, mapping_of(tmp_path, text), tally)
    assert [("a", "debit"), ("b", "payout"), ("c", "debit")] == list(zip(events.event_id, events.kind, strict=True))
    assert (5, 2, 0) == (tally.rows, tally.ignored, tally.bad)


BROKEN = (
    ROWS[0],
    "torn",  # line 3
    "",  # line 4: nothing at all
    "b,yesterday,Ito,w2,2500",  # line 5
    ROWS[1],
    "x,2020-09-01 00:00:00,Ito,w2,0",  # line 7
    ROWS[2],
    "one,too,many,cells,in,this",  # line 9
)


@pytest.mark.parametrize(("block_bytes", "blocks"), [(64, [2, 2, 2, 0]), (1 << 20, [6])])
def test_a_row_has_its_line_wherever_a_block_of_the_file_ends(
    tmp_path: Path, block_bytes: int, blocks: list[int]
) -> None:
    found = list(csv_rows(csv_of(tmp_path, *BROKEN), mapping_of(tmp_path), block_bytes))
    assert blocks == [len(rows.line) for rows in found]
    assert [2, 4, 5, 6, 7, 8] == [line for rows in found for line in rows.line.tolist()]
    assert [3, 9] == [line for rows in found for line in rows.torn]


def test_lines_not_understood_are_counted_and_named(tmp_path: Path) -> None:
    tally = Tally()
    mapping = mapping_of(tmp_path, '[input]\nbad_rows = "skip"\n' + DEBITS)
    assert ["a", "b", "c"] == list(mapped(csv_of(tmp_path, *BROKEN), mapping, tally).event_id)
    assert [3, 5, 7, 9] == [problem.line for problem in tally.first]
    assert (8, 1, 4) == (tally.rows, tally.ignored, tally.bad)


@pytest.mark.parametrize(("place", "line"), [(1, 3), (3, 3), (5, 3)])
def test_without_leave_the_first_bad_line_is_refused(tmp_path: Path, place: int, line: int) -> None:
    with pytest.raises(UserError, match=f"own.csv, line {line}: .*bad_rows"):
        mapped(csv_of(tmp_path, ROWS[0], BROKEN[place]), mapping_of(tmp_path))


def test_parquet_json_lines_and_csv_tell_the_same(tmp_path: Path) -> None:
    mapping = mapping_of(tmp_path)
    expected = mapped(csv_of(tmp_path, *ROWS), mapping)
    frame = pd.read_csv(tmp_path / "own.csv")
    frame.assign(when=pd.to_datetime(frame["when"])).to_parquet(tmp_path / "own.parquet")
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in frame.to_dict("records")))
    for suffix in ("jsonl", "parquet"):
        spec = '{ column = "when", format = "iso8601", zone = "Asia/Tokyo" }'
        pd.testing.assert_frame_equal(
            expected, mapped(tmp_path / f"own.{suffix}", mapping_of(tmp_path, field(DEBITS, "occurred_at_ms", spec)))
        )


def test_a_bad_json_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_text('\n{"id": "a"\n')
    with pytest.raises(UserError, match=r"own\.jsonl, line 2: got no JSON object"):
        mapped(tmp_path / "own.jsonl", mapping_of(tmp_path))


def test_other_encodings_delimiters_and_files_without_a_heading(tmp_path: Path) -> None:
    text = (
        '[input]\nencoding = "cp932"\ndelimiter = ";"\ncolumns = ["id", "when", "who", "to", "yen"]\nnulls = ["なし"]\n'
    )
    path = tmp_path / "own.csv"
    path.write_bytes("a;2020-09-01 00:00:00;佐藤;口座;100\nb;2020-09-01 00:00:00;佐藤;なし;100\n".encode("cp932"))
    with pytest.raises(UserError, match="line 2: `wallet`"):
        mapped(path, mapping_of(tmp_path, text + DEBITS))
    text = text.replace('nulls = ["なし"]\n', "")
    assert ["口座", "なし"] == list(mapped(path, mapping_of(tmp_path, text + DEBITS)).wallet)


def test_the_byte_order_mark_of_a_spreadsheet_is_no_part_of_the_heading(tmp_path: Path) -> None:
    path = csv_of(tmp_path, *ROWS, heading="\ufeff" + HEADING)
    assert 3 == len(mapped(path, mapping_of(tmp_path)))


@pytest.mark.parametrize(("order", "ids"), [("file", ["c", "a", "b"]), ("time", ["a", "b", "c"])])
def test_events_come_in_the_order_of_the_file_or_by_time(tmp_path: Path, order: str, ids: list[str]) -> None:
    path = csv_of(tmp_path, ROWS[2], ROWS[0], ROWS[1])
    assert ids == list(mapped(path, mapping_of(tmp_path, f'[input]\norder = "{order}"\n' + DEBITS)).event_id)


def test_a_date_and_its_clock_may_be_two_columns(tmp_path: Path) -> None:
    spec = '{ column = "day", clock = "hour", format = "%d.%m.%Y %H:%M", zone = "Asia/Tokyo" }'
    mapping = mapping_of(tmp_path, "[input]\nbad_rows = 'skip'\n" + field(DEBITS, "occurred_at_ms", spec))
    path = csv_of(tmp_path, f"{ROWS[0]},08.09.2020,01:30", f"{ROWS[1]},08.09.2020,", heading=f"{HEADING},day,hour")
    assert [EIGHT_SEPTEMBER_MS + 5_400_000] == list(mapped(path, mapping)["occurred_at_ms"])
    assert "minute" == mapping.precision


def test_rows_without_an_id_get_one_of_their_file_and_line(tmp_path: Path) -> None:
    mapping = mapping_of(tmp_path, field(DEBITS, "event_id", '{ missing = "row" }'))
    first = mapped(csv_of(tmp_path, *ROWS), mapping).event_id
    other = mapped(csv_of(tmp_path, *ROWS, name="other.csv"), mapping).event_id
    assert 6 == len({*first, *other})
    assert list(first) == list(mapped(tmp_path / "own.csv", mapping).event_id)


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "own.csv").write_text(content)
    with pytest.raises(UserError, match=r"own\.csv"):
        mapped(tmp_path / "own.csv", mapping_of(tmp_path))


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    for name, content in (
        ("own.csv", "id,when,who,to,yen\na,b,佐藤,,".encode("cp932")),
        ("own.parquet", b"no parquet"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=name):
            mapped(tmp_path / name, mapping_of(tmp_path))
    with pytest.raises(UserError, match="there is no file"):
        mapped(tmp_path / "none.csv", mapping_of(tmp_path))


@pytest.mark.parametrize(("order", "late"), [("file", 2), ("time", 0)])
def test_the_dry_run_counts_late_events_where_they_are_not_sorted(tmp_path: Path, order: str, late: int) -> None:
    mapping = mapping_of(tmp_path, f'[input]\norder = "{order}"\n{DEBITS}')
    assert late == check(csv_of(tmp_path, ROWS[2], *ROWS[:2]), mapping, None).late


def test_accounts_of_two_branches_with_one_number_are_two(tmp_path: Path) -> None:
    path = csv_of(
        tmp_path, f"{ROWS[0]},001,1", f"{ROWS[1].replace('Ito', 'Sato')},002,1", heading=f"{HEADING},branch,sort"
    )
    apart = '{ column = "who", hash = "text", with = ["branch", "sort"] }'
    assert 1 == mapped(path, mapping_of(tmp_path)).account.nunique()
    both = mapped(path, mapping_of(tmp_path, field(DEBITS, "account", apart)))
    assert [KEY.opaque("account", "0005", branch, "1", "Sato") for branch in ("001", "002")] == list(both.account)
    assert [("branch",)] == [
        (hint.split("'")[1],) for hint in hints(mapping_of(tmp_path), [*HEADING.split(","), "branch"])
    ]
    assert [] == hints(mapping_of(tmp_path, field(DEBITS, "account", apart)), [*HEADING.split(","), "branch"])


def test_rows_with_a_broken_byte_are_named_and_others_read(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    rows = [
        HEADING + ",name",
        ROWS[0] + ",佐藤",
        ROWS[1] + ",伊藤",
        ROWS[2].replace("Sato", "佐") + ",佐藤",
        ROWS[0] + ",x",
    ]
    lines = [row.encode("cp932") for row in rows]
    lines[2] += b"\xff"  # in a column that is not read
    lines[3] = lines[3].replace("佐".encode("cp932"), b"\x8d", 1)  # in one that is
    path.write_bytes(b"\n".join(lines) + b"\n")
    tally = Tally()
    mapping = mapping_of(tmp_path, '[input]\nencoding = "cp932"\nbad_rows = "skip"\n' + DEBITS)
    assert ["a", "b", "a"] == list(mapped(path, mapping, tally).event_id)
    assert ([4], {3}) == ([problem.line for problem in tally.first], tally.marred)
    assert (4, 1) == (tally.rows, tally.bad)


def test_titles_and_packing_change_no_line_and_no_event(tmp_path: Path) -> None:
    titles = "a title\nand, one, with, more, cells, than, columns\n"
    (tmp_path / "own.csv.gz").write_bytes(gzip.compress((titles + "\n".join([HEADING, *BROKEN]) + "\n").encode()))
    tally = Tally()
    mapping = mapping_of(tmp_path, '[input]\nskip_lines = 2\nbad_rows = "skip"\n' + DEBITS)
    assert ["a", "b", "c"] == list(mapped(tmp_path / "own.csv.gz", mapping, tally).event_id)
    assert [5, 7, 9, 11] == [problem.line for problem in tally.first]


def test_a_damaged_packed_file_is_refused(tmp_path: Path) -> None:
    content = gzip.compress(("\n".join([HEADING, *ROWS] * 999) + "\n").encode())
    for name, part in (("cut.csv.gz", content[:-30]), ("plain.csv.gz", b"id,when\n")):
        (tmp_path / name).write_bytes(part)
        with pytest.raises(UserError, match=name):
            mapped(tmp_path / name, mapping_of(tmp_path))


def test_wide_words_are_as_usual_where_that_is_asked_for(tmp_path: Path) -> None:
    path = csv_of(tmp_path, ROWS[0].replace("w1", "ｗ１"))
    assert ["ｗ１"] == list(mapped(path, mapping_of(tmp_path)).wallet)
    assert ["w1"] == list(mapped(path, mapping_of(tmp_path, "[input]\nnormalize = true\n" + DEBITS)).wallet)


def test_more_bad_rows_than_the_limit_are_refused(tmp_path: Path) -> None:
    good = [row.replace(row[:1], f"{row[:1]}{i}", 1) for i in range(3_400) for row in ROWS]
    path = csv_of(tmp_path, *good, *["torn"] * 101)
    with pytest.raises(
        UserError, match=r"101 of the first 10,301 rows are not understood, more than the limit of 0\.5%"
    ):
        mapped(path, mapping_of(tmp_path, '[input]\nbad_rows = "skip"\nbad_rows_limit = 0.005\n' + DEBITS))
    assert len(good) == len(mapped(path, mapping_of(tmp_path, '[input]\nbad_rows = "skip"\n' + DEBITS)))
