"""Bad rows of events files: refused with their line, left out and counted, or set aside as they are."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.populations import scenario

from detector.errors import UserError
from producers import simulation
from producers.files import write_events
from producers.mapping.policies import BadRows
from producers.source import Source, source_of


@pytest.fixture(scope="module")
def events() -> pa.Table:
    tables = [table for table, _ in simulation.tables(scenario("ghost-wallets", cases=2, days=1))]
    return pa.concat_tables(tables).slice(0, 300)


def damaged(folder: Path, events: pa.Table, suffix: str) -> Path:
    """The events with three bad ones: rows 3, 4 and 7."""
    path = folder / f"events{suffix}"
    if suffix == ".parquet":
        times = events["occurred_at_ms"].to_pylist()
        ids = events["event_id"].to_pylist()
        times[2], times[3], ids[6] = 0, 0, ""
        table = events.set_column(events.schema.get_field_index("occurred_at_ms"), "occurred_at_ms", pa.array(times))
        write_events(path, [table.set_column(0, "event_id", pa.array(ids))])
        return path
    write_events(path, [events])
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2], lines[3], lines[6] = b"{}\n", b"torn\n", lines[6].replace(b'"event_id":"', b'"event_id":5,"x":"')
    path.write_bytes(b"".join(lines))
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_bad_events_are_left_out_counted_and_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: pa.Table, suffix: str
) -> None:
    path, notes = damaged(tmp_path, events, suffix), list[str]()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(UserError, match=r"--bad-rows skip|row 3"):
        [batch for table in Source().tables(path) for batch in _checked(table)]
    source = source_of(None, {}, notes.append, policy="aside")
    found = [one for table in source.tables(path) for one in table["event_id"].to_pylist()]
    whole = events["event_id"].to_pylist()
    assert [*whole[:2], *whole[4:6], *whole[7:]] == found
    assert "3 of 300 rows left out" in notes[0]
    assert any("line 3" in note for note in notes)
    aside = Path(f"events.bad{suffix}")
    assert 0o600 == aside.stat().st_mode & 0o777
    if suffix == ".parquet":
        assert [whole[2], whole[3], ""] == pq.read_table(aside)["event_id"].to_pylist()
    else:
        assert [path.read_bytes().splitlines()[at] for at in (2, 3, 6)] == aside.read_bytes().splitlines()
    told = len(notes)
    assert len(found) == sum(table.num_rows for table in source.tables(path))  # a second pass says nothing new
    assert told == len(notes)
    assert [aside] == list(Path().iterdir())


def _checked(table: pa.Table) -> list[object]:
    from producers.batches import to_batches

    return list(to_batches(table, 100, which="all"))


def test_too_many_bad_events_are_refused_with_what_helps_for_such_a_file(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("{}\n" * 200)
    with pytest.raises(UserError, match=r"correct the rows, or raise the limit with `--bad-rows-limit`$"):
        list(source_of(None, {}, policy="skip").tables(path))


def test_a_corrected_file_that_is_there_already_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: pa.Table
) -> None:
    path = damaged(tmp_path, events, ".jsonl")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("events.bad.jsonl").write_text(json.dumps({"corrected": True}))
    list(source_of(None, {}, policy="aside").tables(path))
    assert "corrected" in Path("events.bad.jsonl").read_text()
    assert Path("events.bad.2.jsonl").exists()


def test_a_file_of_little_else_is_refused(tmp_path: Path, events: pa.Table) -> None:
    path = tmp_path / "events.jsonl"
    write_events(path, [events])
    path.write_bytes(path.read_bytes() + b"torn\n" * 101)
    with pytest.raises(UserError, match=r"101 of the first 401 rows are not understood, more than the limit of 1\.0%"):
        list(Source(bad_rows=BadRows("skip")).tables(path))
    assert 300 == sum(table.num_rows for table in Source(bad_rows=BadRows("skip", 1.0)).tables(path))
