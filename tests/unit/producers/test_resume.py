"""The mark of how far a run came."""

from pathlib import Path

import pytest

from detector.errors import UserError
from producers.resume import Marker, read_mark, write_mark

SOURCE = {"file": "events.parquet", "bytes": 17}


def test_without_a_file_a_run_begins_at_the_beginning(tmp_path: Path) -> None:
    assert read_mark(tmp_path / "mark", SOURCE) == 0


def test_a_later_run_goes_on_where_the_mark_says(tmp_path: Path) -> None:
    first = Marker(tmp_path / "mark", SOURCE)
    first.at(500)
    first.at(1_000)
    assert Marker(tmp_path / "mark", SOURCE).confirmed == 1_000
    assert [tmp_path / "mark"] == list(tmp_path.iterdir())


def test_without_a_file_the_number_to_skip_is_told() -> None:
    marker = Marker(None, SOURCE, 3)
    marker.at(40)
    assert marker.how_to_go_on() == "to go on, run the same command with --skip 40"


def test_a_mark_of_other_events_is_refused(tmp_path: Path) -> None:
    write_mark(tmp_path / "mark", SOURCE, 5)
    with pytest.raises(UserError, match=r"belongs to another run \(bytes: 17 there, 18 here\)"):
        read_mark(tmp_path / "mark", {**SOURCE, "bytes": 18})


def test_another_file_is_no_mark(tmp_path: Path) -> None:
    (tmp_path / "mark").write_text('{"confirmed": "many"}')
    with pytest.raises(UserError, match="is no file of `kozamori produce --resume`"):
        read_mark(tmp_path / "mark", SOURCE)


def test_a_mark_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot write"):
        write_mark(tmp_path / "no" / "mark", SOURCE, 5)
