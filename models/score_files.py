"""Tables of scores to a file, Parquet or JSON lines by suffix: slice by slice, whole or not at all."""

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from detector.errors import UserError
from detector.paths import replaced

SUFFIXES = (".parquet", ".jsonl")


def check_scores(path: Path) -> None:
    """Raise UserError when `write_scores` would refuse `path`; called before the long work."""
    if path.suffix not in SUFFIXES:
        raise UserError(f"got -o {path}, expected a name ending in .parquet or .jsonl: choose one of them")
    if path.is_dir():
        raise UserError(f"{path} is a folder: choose the name of a file with -o")


def write_scores(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
    """Write tables of `schema` one after the other; returns the number of rows.

    Raises UserError where the file cannot be written. On any failure, also in `tables`, an earlier file is left
    unchanged.
    """
    check_scores(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path) as part:
            return _write_parquet(part, tables, schema) if path.suffix == ".parquet" else _write_lines(part, tables)
    except OSError as error:
        raise UserError(f"cannot write {path} ({error.strerror or error}): choose another path or make room") from None


def _write_parquet(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
    rows = 0
    # Scores and features hardly repeat: a dictionary of them would be built and thrown away for every slice.
    words = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    with pq.ParquetWriter(
        path, schema, compression="zstd", use_dictionary=[*words, "kind", "account", "wallet"]
    ) as out:
        for table in tables:
            out.write_table(table)
            rows += table.num_rows
    return rows


def _write_lines(path: Path, tables: Iterable[pa.Table]) -> int:
    rows, encode = 0, msgspec.json.Encoder().encode
    with path.open("wb") as file:
        for table in tables:
            for piece in table.to_batches(max_chunksize=16_384):  # a row is a Python object for a moment
                file.writelines(encode(row) + b"\n" for row in piece.to_pylist())
            rows += table.num_rows
    return rows
