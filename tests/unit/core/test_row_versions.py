"""Rows of another release's version, read by name: positions stay, what was not kept is unknown."""

from dataclasses import replace

import numpy as np
import pytest
from support.golden import STAGES
from support.stages import COUNTING, ROW, rows_of

from detector.core.row_versions import RowVersion
from detector.core.stage import HEADER

BEFORE = RowVersion(2, 77, np.dtype([*HEADER, ("gone", "<u2"), ("events", "<i4")]), {"yen": -1})
NOW = replace(COUNTING, other_rows=(BEFORE,))


def rows_before() -> np.ndarray:
    rows = np.zeros(2, BEFORE.row)
    rows["version"], rows["kernel"], rows["gone"] = 2, 77, 9
    rows["key"], rows["last_offset"], rows["last_index"] = [5, 6], [50, 60], [1, 2]
    rows["last_seen_ms"], rows["events"] = [500, 600], [3, 4]
    rows["recent_ids"], rows["recent_next"] = 8, 3
    return rows


def test_fields_are_taken_over_by_name_and_the_rest_is_unknown() -> None:
    before = rows_before()
    read = NOW.read_rows(before.tobytes(), (2, 77, BEFORE.row.itemsize))
    for name in ("key", "last_offset", "last_index", "last_seen_ms", "recent_ids", "recent_next", "events"):
        np.testing.assert_array_equal(before[name], read[name])
    assert [-1, -1] == read["yen"].tolist()
    assert {(3, NOW.kernel_hash)} == set(zip(read["version"].tolist(), read["kernel"].tolist(), strict=True))


def test_rows_of_its_own_are_the_same_bytes() -> None:
    rows = rows_of((1, 5), (2, 6))
    assert rows.tobytes() == NOW.read_rows(rows.tobytes(), (3, NOW.kernel_hash, ROW.itemsize)).tobytes()


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (RowVersion(2, 77, np.dtype([*HEADER, ("events", "<i8")])), "other types of .'events'"),
        (RowVersion(2, 77, np.dtype([*HEADER, ("events", "<i4")]), {"events": 1}), "what .'events'. are"),
        (RowVersion(2, 77, np.dtype([*HEADER, ("events", "<i4")]), {"money": 1}), "what .'money'. are"),
    ],
    ids=["another type", "known", "no field"],
)
def test_a_declaration_that_cannot_be_meant_is_refused(other: RowVersion, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(COUNTING, other_rows=(other,))


def test_a_feature_more_or_renamed_changes_no_row() -> None:
    more = replace(COUNTING.features[0], name="more")
    for stage in (COUNTING, *STAGES):
        assert stage.kernel_hash == replace(stage, features=(more, *stage.features)).kernel_hash


def test_rows_of_the_release_before_are_known_by_the_hashes_that_it_computed() -> None:
    expected = {
        ("account", 3): 0xBA0BC865,
        ("wallet", 2): 0xC8C37ED6,
        ("source", 2): 0xAB0A3A7D,
        ("cases", 2): 0xF3892677,
        ("budget", 1): 0xBDF7EA04,
    }
    known = {(stage.name, version): kernel for stage in STAGES for version, kernel, _ in stage.row_kinds}
    assert expected.items() <= known.items()
