"""Rows of a foreign file (CSV, Excel, Parquet, JSON lines): the requested columns as texts, each row with its line."""

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from detector.errors import UserError
from producers.files import SLICE_ROWS
from producers.mapping.japanese import plain
from producers.mapping.specification import Input
from producers.mapping.streams import LOST, Utf8, first_line, kind_of, opened

BLOCK_BYTES = 16_000_000  # of a CSV file read at once: some 100,000 rows
_OBJECT = msgspec.json.Decoder(dict[str, Any])


class Wanted(Protocol):
    """What is to be read of a file: a `Mapping`, or a first look at columns."""

    @property
    def path(self) -> Path:
        """Of the mapping, for messages."""

    @property
    def input(self) -> Input:
        """How the file is written."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns to read, each once."""

    def uses(self) -> Iterator[tuple[str, str]]:
        """Columns and the key that names each, for messages."""


@dataclass(frozen=True, slots=True)
class Look:
    """Some columns of a file that has no mapping yet."""

    path: Path
    input: Input
    columns: tuple[str, ...]

    def uses(self) -> Iterator[tuple[str, str]]:
        """Columns, of no key."""
        yield from ((column, "columns") for column in self.columns)


class Rows(NamedTuple):
    """`texts`: the requested columns, null where the file has nothing; `line` int64 (n,), counted from 1.

    Of this piece of the file: `torn` are lines that are no rows at all, `broken` rows with a byte in these columns that
    the encoding does not have, `marred` those with one in other columns. A Parquet file has rows instead of lines.
    """

    texts: pa.Table
    line: npt.NDArray[np.int64]
    torn: tuple[int, ...] = ()
    broken: tuple[int, ...] = ()
    marred: tuple[int, ...] = ()
    why_torn: str = "got another number of columns than in the heading"

    def select(self, indices: npt.NDArray[np.int64]) -> "Rows":
        """The rows at `indices`."""
        return Rows(self.texts.take(pa.array(indices)), self.line[indices])


def read_rows(path: Path, mapping: Wanted) -> Iterator[Rows]:
    """Slices of the file in its order; raises UserError for a missing or unreadable file, or one without a column."""
    try:
        for rows in _READERS.get(kind_of(path), csv_rows)(path, mapping):
            yield _cleaned(rows, mapping)
    except FileNotFoundError:
        raise UserError(
            f"there is no file {path}: give a CSV, Excel (.xlsx), Parquet (.parquet) or JSON lines (.jsonl) file"
        ) from None
    except (EOFError, zlib.error) as error:
        raise UserError(f"{path} is damaged ({error}): pack or copy it again") from None
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror or error}): give a readable file") from None
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0][:150] if str(error) else "empty"
        raise UserError(f"{path} cannot be read ({reason}): see `input` of the mapping") from None


def csv_rows(path: Path, mapping: Wanted, block_bytes: int = BLOCK_BYTES) -> Iterator[Rows]:
    """Rows of a CSV file, in slices of some `block_bytes` of it; raises as pyarrow does."""
    torn: list[int] = []

    def on_torn(row: Any) -> str:
        torn.append(row.number + above)
        return "skip"

    above, named, wanted = mapping.input.skip_lines, list(mapping.input.columns), list(mapping.columns)
    if named:
        _check(path, mapping, named)
    options = pyarrow.csv.ReadOptions(
        use_threads=False,  # lines are counted only so
        block_size=block_bytes,
        column_names=named or None,
    )
    parse = pyarrow.csv.ParseOptions(
        delimiter=mapping.input.delimiter, ignore_empty_lines=False, invalid_row_handler=on_torn
    )
    convert = pyarrow.csv.ConvertOptions(
        include_columns=wanted,
        column_types=dict.fromkeys(wanted, pa.string()),
        strings_can_be_null=True,
        null_values=[""],
    )
    if not named:
        _check(path, mapping, _heading(path, mapping))
    first = above + (1 if named else 2)
    done = reported = 0
    broken = set[int]()
    text = Utf8(opened(path), mapping.input.encoding, above)
    with text, pyarrow.csv.open_csv(pa.PythonFile(text, mode="r"), options, parse, convert) as reader:
        for piece in reader:
            lines = _lines(done, piece.num_rows, torn, first)
            rows = _whole(Rows(pa.Table.from_batches([piece]), lines, tuple(torn[reported:])))
            broken.update(rows.broken)
            yield rows
            done, reported = done + piece.num_rows, len(torn)
    marred = tuple(line for line in text.broken if line not in broken.union(torn))
    if torn[reported:] or marred:  # of a last piece without any row
        nothing = pa.table({name: pa.array([], pa.string()) for name in wanted})
        yield Rows(nothing, np.zeros(0, np.int64), tuple(torn[reported:]), marred=marred)


def _whole(rows: Rows) -> Rows:
    """The rows without a lost byte; the others by their lines."""
    lost = np.zeros(len(rows.line), np.bool_)
    for column in rows.texts.columns:
        lost |= pc.fill_null(pc.match_substring(column, LOST), False).to_numpy().astype(np.bool_)
    if not lost.any():
        return rows
    kept = rows.select(np.flatnonzero(~lost))
    return rows._replace(texts=kept.texts, line=kept.line, broken=tuple(rows.line[lost].tolist()))


def _heading(path: Path, mapping: Wanted) -> list[str]:
    line = first_line(path, mapping.input.encoding, mapping.input.skip_lines).encode()
    if not line:
        raise UserError(f"{path} is empty: give a file with a heading, or name its columns in `input.columns`")
    options = pyarrow.csv.ParseOptions(delimiter=mapping.input.delimiter)
    names: list[str] = pyarrow.csv.read_csv(io.BytesIO(line + b"\n"), parse_options=options).column_names
    return names


def _lines(done: int, count: int, torn: list[int], first: int) -> npt.NDArray[np.int64]:
    """Lines of rows number `done …`, when the lines `torn` are no rows and rows begin on line `first`."""
    rows = np.arange(done, done + count)
    before = np.array(sorted(torn), np.int64) - first - np.arange(len(torn))  # rows before each torn line
    return rows + first + np.searchsorted(before, rows, side="right")


def _parquet(path: Path, mapping: Wanted) -> Iterator[Rows]:
    _check(path, mapping, pq.read_schema(path).names)
    done = 1
    with pq.ParquetFile(path) as file:
        for piece in file.iter_batches(batch_size=SLICE_ROWS, columns=list(mapping.columns)):
            columns = {name: _text(piece.column(name)) for name in mapping.columns}
            yield Rows(pa.table(columns), np.arange(done, done + piece.num_rows))
            done += piece.num_rows


def _json_lines(path: Path, mapping: Wanted) -> Iterator[Rows]:
    first = 1
    with opened(path) as file:
        while lines := list(islice(file, SLICE_ROWS)):
            yield _objects(lines, first, mapping)
            first += len(lines)


def _objects(lines: list[bytes], first: int, mapping: Wanted) -> Rows:
    found, numbers, torn = list[dict[str, Any]](), [], []
    for number, line in enumerate(lines, first):
        if not line.strip():
            continue
        one = object_of(line)
        if one is None:
            torn.append(number)
        else:
            found.append(one)
            numbers.append(number)
    columns = {name: pa.array([_word(row.get(name)) for row in found], pa.string()) for name in mapping.columns}
    return Rows(pa.table(columns), np.array(numbers, np.int64), tuple(torn), why_torn="got no JSON object")


def object_of(line: bytes) -> dict[str, Any] | None:
    """The JSON object of a line, None where it is none."""
    try:
        return _OBJECT.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _word(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.string())


_READERS = {".parquet": _parquet, ".jsonl": _json_lines}


def _cleaned(rows: Rows, mapping: Wanted) -> Rows:
    """Texts stripped of white space, in their usual form if wanted, with nulls for the mapping's null texts."""
    nulls = pa.array(["", *mapping.input.nulls], pa.string())
    columns = {}
    for name in mapping.columns:
        text = rows.texts[name].combine_chunks()
        text = pc.utf8_trim_whitespace(plain(text) if mapping.input.normalize else text)
        columns[name] = pc.if_else(pc.is_in(text, nulls), None, text)
    return rows._replace(texts=pa.table(columns))


def _check(path: Path, mapping: Wanted, found: list[str]) -> None:
    there = ", ".join(found[:40])
    what = "the key" if len(found) > 1 else "the key or `input.delimiter`"
    if any(LOST in name for name in found):
        what = "`input.encoding`"
    missing = dict.fromkeys((column, key) for column, key in mapping.uses() if column not in found)
    told = [f"{mapping.path}: `{key}`: {path.name} has no column {column!r}" for column, key in missing]
    if told:
        raise UserError("\n".join([*told[:-1], f"{told[-1]}, it has {there}; correct {what}"]))
