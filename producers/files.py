"""Event and label files, Parquet or JSON lines by suffix: written whole or not at all, read in slices."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from detector.errors import UserError
from detector.paths import replaced
from producers.jsonl import read_json_lines, table_lines
from producers.tables import LABELS, SCHEMA

SUFFIXES = (".parquet", ".jsonl")
#: Columns that a file of account events alone may leave out.
OPTIONAL = ("shop", "shop_category", "counterparty")
SLICE_ROWS = 131_072  # of a Parquet row group, and of what is held in memory at once while reading
_PLAIN = pa.schema([pa.field(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in SCHEMA])
#: Ids that repeat are stored once; the unique `event_id` gains nothing from a dictionary.
_DICTIONARIES = [field.name for field in SCHEMA if pa.types.is_dictionary(field.type)]


class Label(msgspec.Struct, frozen=True):
    """A line of a labels file; one's own labels need no stage."""

    event_id: str
    case_id: str
    typology: str
    stage: str = ""


_LABEL_DECODER = msgspec.json.Decoder(Label)


def write_events(path: Path, tables: Iterable[pa.Table], advance: Callable[[int], None] = lambda _: None) -> int:
    """Write event tables (of `SCHEMA`) one after the other; returns the number of events.

    `advance` gets the number of rows written, for a progress bar. Raises UserError for another suffix or a full disk.
    """
    return _write(path, tables, SCHEMA, advance)


def write_labels(path: Path, tables: Iterable[pa.Table]) -> int:
    """Write label tables (`event_id, case_id, typology, stage`); returns the number of labels."""
    return _write(path, tables, LABELS, lambda _: None)


def read_tables(
    path: Path, slice_rows: int = SLICE_ROWS, on_bad: Callable[[int, str], object] | None = None
) -> Iterator[pa.Table]:
    """Slices of an events file as tables with the columns of `SCHEMA`, in order of the file.

    Raises UserError for a missing or damaged file, one that lacks a column, or for a line that is no event unless
    `on_bad` takes these: their numbers and why.
    """
    if _suffix(path) == ".jsonl":
        yield from _guarded(path, read_json_lines(path, slice_rows, on_bad))
    else:
        yield from _guarded(path, _parquet_slices(path, slice_rows))


def count_rows(path: Path) -> int | None:
    """Events of a Parquet file, None for JSON lines (these would have to be read); raises as `read_tables`."""
    if _suffix(path) == ".jsonl":
        return None
    rows: int = next(_guarded(path, (pq.read_metadata(path).num_rows for _ in (1,))))
    return rows


def read_events(path: Path, slice_rows: int = SLICE_ROWS) -> Iterator[pd.DataFrame]:
    """Slices of an events file as data frames, in order of the file; texts are plain strings, absent ones missing."""
    for table in read_tables(path, slice_rows):
        yield table.cast(_PLAIN).to_pandas()


def read_labels(path: Path) -> pd.DataFrame:
    """The labels file as a data frame of `event_id`, `case_id`, `typology` and `stage` ("" where the file has none).

    Raises UserError as `read_tables`.
    """
    if _suffix(path) == ".jsonl":
        rows = next(_guarded(path, (_json_labels(path) for _ in (1,))))
        return pd.DataFrame([msgspec.structs.astuple(row) for row in rows], columns=LABELS.names, dtype="str")
    frame: pd.DataFrame = next(_guarded(path, (_parquet_labels(path) for _ in (1,))))
    return frame


def _write(path: Path, tables: Iterable[pa.Table], schema: pa.Schema, advance: Callable[[int], None]) -> int:
    suffix = _suffix(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path) as part:
            return (_write_parquet if suffix == ".parquet" else _write_lines)(part, tables, schema, advance)
    except OSError as error:
        raise UserError(
            f"cannot write {path} ({error.strerror or error}): make room or choose another folder"
        ) from None


def _write_parquet(path: Path, tables: Iterable[pa.Table], schema: pa.Schema, advance: Callable[[int], None]) -> int:
    rows = 0
    dictionaries: Any = [name for name in _DICTIONARIES if name in schema.names] or False
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=dictionaries) as writer:
        for table in tables:
            for start in range(0, table.num_rows, SLICE_ROWS):
                piece = table.slice(start, SLICE_ROWS)
                writer.write_table(piece)
                rows += piece.num_rows
                advance(piece.num_rows)
    return rows


def _write_lines(path: Path, tables: Iterable[pa.Table], _: pa.Schema, advance: Callable[[int], None]) -> int:
    rows = 0
    with path.open("wb") as file:
        for table in tables:
            for start in range(0, table.num_rows, 16_384):
                piece = table.slice(start, 16_384)
                file.writelines(table_lines(piece))
                rows += piece.num_rows
                advance(piece.num_rows)
    return rows


def _parquet_slices(path: Path, slice_rows: int) -> Iterator[pa.Table]:
    found = pq.read_schema(path).names
    missing = [name for name in SCHEMA.names if name not in found and name not in OPTIONAL]
    if missing:
        raise UserError(f"{path} has no column {', '.join(missing)}: an events file has {', '.join(SCHEMA.names)}")
    present = [name for name in SCHEMA.names if name in found]
    with pq.ParquetFile(path, read_dictionary=[name for name in _DICTIONARIES if name in found]) as file:
        for piece in file.iter_batches(batch_size=slice_rows, columns=present):
            yield pa.Table.from_batches([piece])


def _parquet_labels(path: Path) -> pd.DataFrame:
    found = pq.read_schema(path).names
    if missing := [name for name in LABELS.names if name not in found and name != "stage"]:
        raise UserError(f"{path} has no column {', '.join(missing)}: labels have {', '.join(LABELS.names)}")
    table = pq.read_table(path, columns=[name for name in LABELS.names if name in found])
    columns = {name: _label_texts(path, name, table[name]) for name in table.column_names}
    frame: pd.DataFrame = pa.table(columns).to_pandas().astype("str")
    return frame if "stage" in found else frame.assign(stage="")


def _label_texts(path: Path, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column as texts, whole numbers too; raises UserError for an empty one or another type, with its row."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    right = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)
    if not right and not pa.types.is_null(kind):
        raise UserError(f"{path}: column `{name}` holds {kind}, expected texts or whole numbers: convert it")
    texts = column.cast(pa.string())
    if name == "stage":
        return pc.fill_null(texts, "")
    empty = pc.equal(pc.fill_null(texts, ""), "").to_numpy()
    if empty.any():
        raise UserError(
            f"{path}: `{name}` is empty in {int(empty.sum()):,} of {len(empty):,} rows, the first is row"
            f" {int(empty.argmax()) + 1:,}: say which event, which case and what sort of fraud each is"
        )
    return texts


def _json_labels(path: Path) -> list[Label]:
    labels = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            label = _LABEL_DECODER.decode(line)
        except msgspec.DecodeError as error:
            raise UserError(f"{path}, line {number:,}: {error}; a label has {', '.join(LABELS.names)}") from None
        if not (label.event_id and label.case_id and label.typology):
            raise UserError(f"{path}, line {number:,}: an empty event_id, case_id or typology; correct the line")
        labels.append(label)
    return labels


def _guarded(path: Path, slices: Iterator[Any]) -> Iterator[Any]:
    """The slices, with errors of reading as one clear line."""
    try:
        yield from slices
    except FileNotFoundError:
        raise UserError(f"there is no file {path}: give an existing events file (.parquet or .jsonl)") from None
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror or error}): give a readable events file") from None
    except (pa.ArrowInvalid, pa.ArrowTypeError, msgspec.DecodeError) as error:
        raise UserError(f"{path} is damaged or of another format ({_first_line(error)}): write it again") from None


def _suffix(path: Path) -> str:
    if path.suffix not in SUFFIXES:
        raise UserError(
            f"got {path}, expected a name ending in .parquet or .jsonl: rename it, or read own data with --mapping"
            f" (begin with `kozamori start-here {path}`)"
        )
    return path.suffix


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
