"""Event and label files: what is written is what is read, and what cannot be read says so in one line."""

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import events as bus
from support.populations import scenario

from detector.errors import UserError
from producers import simulation
from producers.files import count_rows, read_events, read_labels, read_tables, write_events
from producers.tables import SCHEMA

SMALL = scenario("ghost-wallets", cases=2, days=2)


def simulated() -> pa.Table:
    return pa.concat_tables([events for events, _ in simulation.tables(SMALL)]).unify_dictionaries()


def plain(tables: list[pa.Table]) -> pd.DataFrame:
    frames = [table.to_pandas(categories=[]).astype(object) for table in tables]
    frame = pd.concat(frames, ignore_index=True)
    present: pd.DataFrame = frame.where(frame.notna(), None)
    return present


def lines(path: Path, *rows: object) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_what_is_written_is_read_again_slice_by_slice(tmp_path: Path, suffix: str) -> None:
    table = simulated()
    path = tmp_path / f"events{suffix}"
    assert table.num_rows == write_events(path, [table.slice(0, 700), table.slice(700)])
    slices = list(read_tables(path, slice_rows=500))
    assert all(piece.num_rows <= 500 for piece in slices)
    pd.testing.assert_frame_equal(plain([table]), plain(slices))


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_labels_name_events_of_the_file_by_case(tmp_path: Path, suffix: str) -> None:
    summary = simulation.write(SMALL, tmp_path, suffix)
    labels = read_labels(tmp_path / f"labels{suffix}")
    events = pd.concat(read_events(tmp_path / f"events{suffix}"))
    assert ["event_id", "case_id", "typology", "stage"] == list(labels.columns)
    assert {"T1-0000", "T1-0001"} == set(labels.case_id)
    assert {"T1"} == set(labels.typology)
    assert set(labels.event_id) <= set(events.event_id)
    assert summary["events"] == len(events)
    stolen = events[events.event_id.isin(labels.event_id) & (events.kind == "debit")].amount_yen.sum()
    assert 600_000 == stolen == summary["yen_of_cases"]


def test_frames_hold_plain_texts_and_missing_values(tmp_path: Path) -> None:
    write_events(tmp_path / "e.parquet", [simulated()])
    frame = next(read_events(tmp_path / "e.parquet"))
    assert list(frame.columns) == SCHEMA.names
    assert frame[frame.kind == "open"].account.isna().all()
    assert (frame[frame.kind == "debit"].bank.str.len() == 4).all()


def test_rows_are_counted_without_reading_them(tmp_path: Path) -> None:
    table = simulated()
    write_events(tmp_path / "e.parquet", [table])
    write_events(tmp_path / "e.jsonl", [table])
    assert table.num_rows == count_rows(tmp_path / "e.parquet")
    assert count_rows(tmp_path / "e.jsonl") is None


def test_an_interrupted_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    write_events(path, [simulated().slice(0, 10)])

    def broken() -> "list[pa.Table]":
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_events(path, (table for _ in (1,) for table in broken()))
    assert count_rows(path) == 10
    assert [path] == list(tmp_path.iterdir())


BAD_LINES = (
    ("not json", "malformed_json", "not one JSON object"),
    (bus.debit(amount_yen=-1), "amount", "`amount_yen`, expected a whole number from 1 to"),
    (bus.debit(bank="16"), "bank", "`bank`, expected a string of 4 digits"),
    (bus.link(auth=None), "auth", "`auth`, expected one of pin4, otp, ekyc"),
    (bus.event("gift"), "kind", "`kind`, expected one of link, unlink"),
    ("", "empty line", "has no value"),
)


@pytest.mark.parametrize(("line", "reason", "expected"), BAD_LINES, ids=[row[1] for row in BAD_LINES])
def test_a_bad_line_is_named_by_its_number(tmp_path: Path, line: object, reason: str, expected: str) -> None:
    path = lines(tmp_path / "events.jsonl", bus.debit(), bus.link(), line, bus.debit())
    with pytest.raises(UserError) as caught:
        list(read_tables(path, slice_rows=2))
    assert f"{path}, line 3: " in str(caught.value)
    assert expected in str(caught.value)


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no file"):
        next(read_tables(tmp_path / "none.parquet"))


def test_a_file_of_another_format_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "e.parquet").write_bytes(b"PK not Parquet at all")
    for read in (lambda path: next(read_tables(path)), count_rows, read_labels):
        with pytest.raises(UserError, match="damaged or of another format"):
            read(tmp_path / "e.parquet")


def test_another_suffix_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"expected a name ending in \.parquet or \.jsonl"):
        write_events(tmp_path / "e.csv", [simulated()])
    assert not list(tmp_path.iterdir())


def test_a_parquet_file_without_a_column_is_refused(tmp_path: Path) -> None:
    pq.write_table(simulated().drop_columns(["wallet", "source"]), tmp_path / "e.parquet")
    with pytest.raises(UserError, match="has no column wallet, source"):
        next(read_tables(tmp_path / "e.parquet"))


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot write"):
        write_events(tmp_path / "file" / "e.parquet", [simulated()])


def test_a_parquet_file_of_account_events_needs_no_columns_of_wallets(tmp_path: Path) -> None:
    table = simulated()
    pq.write_table(table.drop_columns(["shop", "shop_category", "counterparty"]), tmp_path / "e.parquet")
    assert table.num_rows == sum(piece.num_rows for piece in read_tables(tmp_path / "e.parquet"))


LABELS: dict[str, tuple[dict[str, object], str | None]] = {
    "whole numbers": ({"event_id": [1, 2], "case_id": [7, 8]}, None),
    "no case": ({"case_id": ["x", None]}, "`case_id` is empty in 1 of 2 rows, the first is row 2"),
    "no cases": ({"case_id": [None, None]}, "`case_id` is empty in 2 of 2 rows, the first is row 1"),
    "an empty id": ({"event_id": ["", "b"]}, "`event_id` is empty in 1 of 2 rows, the first is row 1"),
    "fractions": ({"event_id": [1.0, None]}, "column `event_id` holds double"),
    "no typology": ({"typology": [None, "T1"]}, "`typology` is empty"),
}


@pytest.mark.parametrize(("columns", "told"), LABELS.values(), ids=LABELS.keys())
@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_labels_are_texts_or_refused_with_their_row(
    tmp_path: Path, suffix: str, columns: dict[str, object], told: str | None
) -> None:
    whole = {"event_id": ["a", "b"], "case_id": ["x", "x"], "typology": ["T1", "T1"], **columns}
    path = tmp_path / f"labels{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.table(whole), path)
    else:
        rows = (dict(zip(whole, row, strict=True)) for row in zip(*whole.values(), strict=True))
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if told is None and suffix == ".parquet":
        assert [("1", "7"), ("2", "8")] == list(read_labels(path)[["event_id", "case_id"]].itertuples(index=False))
        return
    with pytest.raises(UserError, match=told if suffix == ".parquet" else r"labels\.jsonl, line [12]"):
        read_labels(path)
