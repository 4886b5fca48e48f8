"""How a foreign file is written: its encoding, delimiter, title lines, heading, and its first rows; all guesses."""

import codecs
import csv
import re
import zlib
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from detector.errors import UserError
from producers.mapping.rows import object_of
from producers.mapping.specification import Input
from producers.mapping.streams import LOST, kind_of, opened, without_nothing

SAMPLE_BYTES = 1_000_000
SAMPLE_ROWS = 2_000
ENCODINGS = ("utf-8", "cp932", "euc_jp")
DELIMITERS = ",\t;|"
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
#: Of the bytes beyond ASCII: with more that make no sense it is another encoding.
MOST_BROKEN = 0.05


class Layout(NamedTuple):
    """A guess: `input` as in a mapping, the columns, `rows` of texts to look at; `titles` are the lines above."""

    input: Input
    columns: tuple[str, ...]
    rows: list[list[str]]
    titles: tuple[str, ...] = ()

    def texts(self, column: str) -> list[str]:
        """The texts of a column that are not empty."""
        at = self.columns.index(column)
        return [row[at].strip() for row in self.rows if row[at].strip()]


def layout_of(path: Path) -> Layout:
    """The guess for an Excel (.xlsx) file, or a CSV, Parquet (.parquet) or JSON lines (.jsonl) one, also packed (.gz).

    Raises UserError for a file that is missing, empty, or none of these.
    """
    try:
        return {".parquet": _parquet, ".jsonl": _json_lines}.get(kind_of(path), _csv)(path)
    except FileNotFoundError:
        raise UserError(f"there is no file {path}: give a CSV, Excel, Parquet or JSON lines file") from None
    except (EOFError, zlib.error) as error:
        raise UserError(f"{path} is damaged ({error}): pack or copy it again") from None
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror or error}): give a readable file") from None
    except pa.ArrowInvalid as error:
        raise UserError(f"{path} is damaged or of another format ({str(error)[:150]}): write it again") from None


def encoding_of(sample: bytes) -> str:
    """The encoding of a text by its first bytes, one of `ENCODINGS` or UTF-16; a few broken bytes do not matter."""
    marked = next((name for mark, name in _MARKS if sample.startswith(mark)), None)
    if marked is not None:
        return marked
    beyond = sum(byte >= 0x80 for byte in sample)
    texts = {name: without_nothing(codecs.getincrementaldecoder(name)("replace").decode(sample)) for name in ENCODINGS}
    broken = {name: text.count(LOST) for name, text in texts.items()}
    if broken["utf-8"] <= MOST_BROKEN * beyond:  # hardly any other text is right in UTF-8 by chance
        return "utf-8"
    # Text in EUC is nearly right in CP932 too: as half-width kana, and where it has these itself, as kanji of lead 8E.
    kana = sum("\uff61" <= character <= "\uff9f" for character in texts["cp932"])
    kana += 2 * len(re.findall(rb"\x8e[\xa1-\xdf]", sample))
    return "euc_jp" if (broken["euc_jp"], -kana) < (broken["cp932"], -beyond / 2) else "cp932"


def _csv(path: Path) -> Layout:
    with opened(path) as file:
        sample = file.read(SAMPLE_BYTES)
    if sample.startswith(b"PK"):
        raise UserError(f"{path} is no text: a spreadsheet's name ends in .xlsx")
    encoding = encoding_of(sample)
    text = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)("replace").decode(sample)
    lines = text.splitlines()
    if len(sample) == SAMPLE_BYTES:
        lines = lines[:-1]  # cut
    if not any(line.strip() for line in lines):
        raise UserError(f"{path} is empty: give a file with rows")
    delimiter, width = _delimiter(lines[:SAMPLE_ROWS])
    cells = list(csv.reader(lines[:SAMPLE_ROWS], delimiter=delimiter))
    top = next((at for at, row in enumerate(cells) if len(row) == width and _is_heading(row)), None)
    above = top if top is not None else next(at for at, row in enumerate(cells) if len(row) == width)
    rows = [row for row in cells[above + (top is not None) :] if len(row) == width]
    names = tuple(cells[above]) if top is not None else tuple(f"column {number}" for number in range(1, width + 1))
    given = () if top is not None else names
    how = Input(delimiter, encoding, columns=given, skip_lines=above)
    return Layout(how, names, rows, tuple(lines[:above]))


def _delimiter(lines: list[str]) -> tuple[str, int]:
    """The sign that cuts most lines into the same number of cells, more than one if possible; and that number."""
    best = (0, 1, ",")
    for delimiter in DELIMITERS:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter))
        width, count = max(widths.items(), key=lambda pair: (pair[0] > 1, pair[1]))
        best = max(best, (count if width > 1 else 0, width, delimiter))
    return best[2], best[1]


def _is_heading(row: list[str]) -> bool:
    """Whether these are names: all there, each once, and none a number."""
    names = [cell.strip() for cell in row]
    return (
        all(names)
        and len({*names}) == len(names)
        and not any(name[0].isdigit() and name[-1].isdigit() for name in names)
    )


def _parquet(path: Path) -> Layout:
    with pq.ParquetFile(path) as file:
        piece = next(file.iter_batches(batch_size=SAMPLE_ROWS), None)
        names = tuple(file.schema_arrow.names)
    found = [] if piece is None else list(zip(*(_texts(piece.column(name)) for name in names), strict=True))
    return Layout(Input(), names, [list(row) for row in found])


def _texts(column: pa.Array) -> list[str]:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_nested(column.type):
        return [""] * len(column)
    return [text or "" for text in column.cast(pa.string()).to_pylist()]


def _json_lines(path: Path) -> Layout:
    with opened(path) as file:
        objects = [one for line in islice(file, SAMPLE_ROWS) if (one := object_of(line)) is not None]
    if not objects:
        raise UserError(f"{path} has no JSON objects: give a file with one a line")
    names = tuple(dict.fromkeys(name for one in objects for name in one))
    return Layout(
        Input(), names, [["" if one.get(name) is None else str(one[name]) for name in names] for one in objects]
    )
