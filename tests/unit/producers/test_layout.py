"""How a foreign file is written is guessed right: encodings, delimiters, titles, headings, packed files."""

import gzip
import random
from pathlib import Path

import pytest

from detector.errors import UserError
from producers.mapping.layout import encoding_of, layout_of
from producers.mapping.streams import Utf8, lines_where, opened

TEXT = "取引日,口座番号,金額\n2020/09/01,1234567,1000\n2020/09/02,7654321,2000\n"


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "euc_jp"])
@pytest.mark.parametrize("text", [TEXT, "ｵﾅﾏｴ,金額\nﾔﾏﾀﾞ ﾀﾛｳ,1\nｻﾄｳ,2\n", "口座,支店\n一,二\n"])
def test_an_encoding_is_told_by_the_first_bytes(encoding: str, text: str) -> None:
    assert encoding == encoding_of(text.encode(encoding))
    assert encoding == encoding_of(text.encode(encoding)[:-2] + b"\xff\n" + text.encode(encoding) * 20)


@pytest.mark.parametrize(("encoding", "told"), [("utf-8-sig", "utf-8"), ("utf-16", "utf-16"), ("ascii", "utf-8")])
def test_marks_and_plain_letters_are_told_too(encoding: str, told: str) -> None:
    assert told == encoding_of("day,yen\n".encode(encoding))


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("titles", ["", "取引明細\n", "取引明細,,\n作成日 2020/10/01,,\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_titles_heading_and_rows_are_told_apart(tmp_path: Path, delimiter: str, titles: str, packed: bool) -> None:
    content = (titles + TEXT).replace(",", delimiter).encode("cp932")
    path = tmp_path / ("own.csv.gz" if packed else "own.csv")
    path.write_bytes(gzip.compress(content) if packed else content)
    found = layout_of(path)
    assert (delimiter, "cp932") == (found.input.delimiter, found.input.encoding)
    assert titles.count("\n") == found.input.skip_lines == len(found.titles)
    assert ("取引日", "口座番号", "金額") == found.columns
    assert ["1000", "2000"] == found.texts("金額")
    assert () == found.input.columns


def test_a_file_without_a_heading_gets_numbers_for_names(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("2020/09/01,1234567,1000\n2020/09/02,7654321,2000\n")
    found = layout_of(path)
    assert ("column 1", "column 2", "column 3") == found.columns == found.input.columns
    assert 2 == len(found.rows)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"PK\x03\x04spreadsheet"])
def test_an_empty_file_and_a_spreadsheet_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "own.csv").write_bytes(content)
    with pytest.raises(UserError, match=r"own\.csv is"):
        layout_of(tmp_path / "own.csv")


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_broken_bytes_are_told_by_their_lines_wherever_a_piece_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr("producers.mapping.streams.PIECE_BYTES", piece)
    lines = ["題名".encode("cp932"), "口座".encode("cp932"), b"\x81", b"ok", b"a\xff\xffb", "銀行".encode("cp932")]
    (tmp_path / "own.csv").write_bytes(b"\n".join(lines) + b"\n")
    text = Utf8(opened(tmp_path / "own.csv"), "cp932", skip_lines=1)
    found = text.readall().decode().splitlines()
    assert ("口座", "ok", "銀行") == (found[0], found[2], found[4])
    assert [3, 5] == text.broken
    assert b"\x81\nok\n" == lines_where(tmp_path / "own.csv", "cp932", lambda number: number in {3, 4})


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8", "cp037"])
@pytest.mark.parametrize("end", ["\n", ""])
def test_lines_end_where_the_encoding_says(tmp_path: Path, encoding: str, end: str) -> None:
    # In UTF-16 some of these characters have the byte of a line's end, or its two bytes across two characters.
    lines = (
        ["day,yen\r\n", "\u0a0a\u0a00\r\n", "\u0100\n", "x\u0a31" + end] if "utf" in encoding else ["a%\n", "b" + end]
    )
    path = tmp_path / "own.csv"
    path.write_bytes("".join(lines).encode(encoding))
    for number, line in enumerate(lines, 1):
        assert line == lines_where(path, encoding, {number}.__contains__).decode(encoding)
    assert path.read_bytes() == lines_where(path, encoding, lambda _: True)


@pytest.mark.parametrize("torn", [b"5\n", b"[1]\n", b'{"day": "\xff"}\n', b"{\n", b"\xff\n"])
def test_a_torn_line_of_json_refuses_no_file(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "own.jsonl"
    path.write_bytes(b'{"day": "2020-09-01"}\n' + torn + b'{"day": "2020-09-02", "yen": 5}\n')
    found = layout_of(path)
    assert ("day", "yen") == found.columns
    assert ["2020-09-01", "2020-09-02"] == found.texts("day")
    path.write_bytes(torn)
    with pytest.raises(UserError, match=r"own\.jsonl has no JSON objects"):
        layout_of(path)


@pytest.mark.parametrize("name", ["own.csv.gz", "own.jsonl.gz"])
def test_a_damaged_packed_file_is_refused(tmp_path: Path, name: str) -> None:
    packed = bytearray(gzip.compress(random.Random(1).randbytes(5_000).hex().encode()))
    packed[10] = 0xFF  # no kind of block
    (tmp_path / name).write_bytes(packed)
    with pytest.raises(UserError, match="is damaged"):
        layout_of(tmp_path / name)
