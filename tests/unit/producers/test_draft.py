"""First mappings of foreign files: what is guessed is right, and what cannot be known is asked."""

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.own_files import csv_of, mapped, mapping_of

from detector.jst import JST
from producers.mapping.draft import Draft, draft
from producers.mapping.found import look
from producers.mapping.layout import layout_of


def drafted(path: Path) -> Draft:
    """The first mapping of a file."""
    return draft(path, look([path], layout_of(path)), "hash.key")


@pytest.mark.parametrize(
    ("account", "how"),
    [
        ("1234567890123456", "text"),  # a number of 16 digits is none that was hashed
        ("00112233445566778899", "text"),
        ("1234567", "number"),
        ("00112233445566ab", "none"),
        ("4F2C9D01A37BE655", "none"),
    ],
)
def test_only_what_cannot_be_a_number_is_taken_for_a_hash(tmp_path: Path, account: str, how: str) -> None:
    path = csv_of(tmp_path, f"2020/09/01 10:00,{account},100", heading="取引日時,口座番号,金額")
    assert f'hash = "{how}"' in drafted(path).text


@pytest.mark.parametrize(
    ("time", "how"),
    [
        ("1598922000", 'unit = "s"'),
        ("1598922000.25", 'unit = "s"'),
        ("1598922000123", 'unit = "ms"'),
        ("2020-09-01T01:00:00Z", 'format = "iso8601"'),
        ("2020-09-01 10:00:00.250+09:00", 'format = "iso8601"'),
        ("2020-09-01 10:00:00", 'format = "japanese", zone = "Asia/Tokyo"'),
        ("令和2年9月1日 10時00分00秒", 'format = "japanese", zone = "Asia/Tokyo"'),
    ],
)
def test_a_time_is_read_in_the_form_it_has(tmp_path: Path, time: str, how: str) -> None:
    path = csv_of(tmp_path, *(f"{time},{number},100" for number in range(20)), "0,1,1", heading="timestamp,account,yen")
    found = drafted(path).text
    assert f'occurred_at_ms = {{ column = "timestamp", {how}' in found
    assert 20 == len(mapped(path, mapping_of(tmp_path, found)))


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "+09:00"])
def test_times_with_a_zone_of_a_parquet_file_are_times(tmp_path: Path, zone: str) -> None:
    times = pa.array([datetime(2020, 9, 1, 10, minute, 7, tzinfo=JST) for minute in range(20)])
    times = times.cast(pa.timestamp("us", zone))
    path = tmp_path / "own.parquet"
    pq.write_table(pa.table({"timestamp": times, "account": ["x"] * 20, "yen": [100] * 20}), path)
    found = mapped(path, mapping_of(tmp_path, drafted(path).text))
    assert times.cast(pa.int64()).to_numpy().tolist() == (found["occurred_at_ms"] * 1000).tolist()


@pytest.mark.parametrize("number", ["0312345678", "9012345678901", "2020090110"])
def test_a_long_number_is_no_time(tmp_path: Path, number: str) -> None:
    path = csv_of(tmp_path, f"{number},1,100", heading="timestamp,account,yen")
    assert any("no column looks like the time" in question for question in drafted(path).open)


@pytest.mark.parametrize("words", [("甲", "乙"), ("取消", "返金"), ("", "")])
def test_a_column_of_no_known_kind_is_asked_about_and_the_mapping_can_be_read(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    path = csv_of(tmp_path, *(f"2020-09-01 10:00,7,9,{word}" for word in words), heading="日時,口座番号,金額,取引区分")
    made = drafted(path)
    assert "# OPEN: which" in made.text
    assert any("'取引区分' names no event" in question for question in made.open)
    assert 0 == len(mapped(path, mapping_of(tmp_path, made.text)))  # nothing is taken for a debit unasked


def test_results_known_to_no_kind_are_asked_about(tmp_path: Path) -> None:
    said = (("登録", "暗証相違"), ("登録", "謎"), ("引落", "残高不足"), ("引落", "謎"), ("引落", "正常"))
    rows = (f"2020-09-01 10:00,7,9,{kind},{result}" for kind, result in said)
    found = drafted(csv_of(tmp_path, *rows, heading="日時,口座番号,金額,取引区分,結果")).open
    assert ["column '結果': 謎 (2): not known, such rows are bad rows"] == [one for one in found if "結果" in one]
    rows = (f"2020-09-01 10:00,7,9,{result}" for _, result in said)
    found = drafted(csv_of(tmp_path, *rows, heading="日時,口座番号,金額,結果")).open
    expected = ["column '結果': 謎 (2), 暗証相違 (1): not known, such rows are bad rows"]
    assert expected == [one for one in found if "結果" in one]
    unlinked = csv_of(tmp_path, "2020-09-01 10:00,7,9,解除,謎", heading="日時,口座番号,金額,取引区分,結果")
    assert [] == [one for one in drafted(unlinked).open if "結果" in one]
