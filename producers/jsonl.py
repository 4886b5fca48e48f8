"""Events as JSON lines: one message of the bus a line, checked when read as a worker checks it."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from detector.contract.codec import decode_one
from detector.errors import UserError
from producers.messages import FIELDS, column_values, values_of
from producers.tables import SCHEMA


def table_lines(table: pa.Table) -> list[bytes]:
    """Each row as a line: an event as its message, any other row as an object of its columns."""
    if "kind" in table.column_names:
        return [value + b"\n" for value in values_of(table)]
    names = table.column_names
    rows = zip(*(column_values(table[name]) for name in names), strict=True)
    return [msgspec.json.encode(dict(zip(names, row, strict=True))) + b"\n" for row in rows]


def read_json_lines(
    path: Path, slice_rows: int, on_bad: Callable[[int, str], object] | None = None
) -> Iterator[pa.Table]:
    """Slices of a file of events; raises UserError that names the line for the first that is no event.

    With `on_bad` these are left out, and it gets their numbers and why.
    """
    with path.open("rb") as file:
        first = 1
        while lines := list(islice(file, slice_rows)):
            rows = (_row(path, first + i, line, on_bad) for i, line in enumerate(lines))
            yield _table([row for row in rows if row is not None])
            first += len(lines)


def table_of(values: list[bytes]) -> pa.Table:
    """The events of these messages as a table of `SCHEMA`; raises ValueError for one that is no event."""
    return _table([_fields(value) for value in values]).cast(SCHEMA)


def _row(path: Path, number: int, line: bytes, on_bad: Callable[[int, str], object] | None) -> dict[str, Any] | None:
    try:
        return _fields(line.rstrip(b"\r\n"))
    except ValueError as error:
        if on_bad is None:
            raise UserError(
                f"{path}, line {number}: {error}; correct or remove the line, or leave such lines out with"
                " `--bad-rows skip`"
            ) from None
        on_bad(number, str(error))
        return None


def _fields(value: bytes) -> dict[str, Any]:
    event = decode_one(value)
    kind = type(event).__struct_config__.tag
    return {name: kind if name == "kind" else getattr(event, name) for name in FIELDS[str(kind)]}


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    columns = {}
    for field in SCHEMA:
        values = [row.get(field.name) for row in rows]
        text = pa.types.is_dictionary(field.type)
        array = pa.array(values, pa.string() if text else field.type)
        columns[field.name] = array.dictionary_encode() if text else array
    return pa.table(columns)
