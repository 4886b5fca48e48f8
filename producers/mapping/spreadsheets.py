"""A spreadsheet as the CSV text that it would be saved as: from there on it is read like one, row by row a line."""

import csv
import io
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from python_calamine import CalamineError, CalamineWorkbook

from detector.errors import UserError


def as_csv(path: Path) -> BinaryIO:
    """The rows of the one sheet that has any, as CSV in UTF-8, a line a row.

    Dates and times are as in ISO 8601, whole numbers without a fraction, line ends within a cell are spaces. Raises
    OSError as a file does, UserError where it is damaged, locked, or rows are in several sheets.
    """
    if path.suffix == ".gz":
        raise UserError(f"{path} is a spreadsheet, which is packed already, packed again: unpack it")
    state = path.stat()
    return io.BytesIO(_text(path, state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=1)  # a file is opened for its heading, for a sample and for its rows
def _text(path: Path, _changed_ns: int, _size: int) -> bytes:
    try:
        with CalamineWorkbook.from_path(path) as book:
            sheets = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
    except CalamineError as error:
        raise UserError(f"{path} is damaged, locked or no spreadsheet ({str(error)[:150]}): save it again") from None
    with_rows = {name: rows for name, rows in sheets.items() if any(any(row) for row in rows)}
    if len(with_rows) > 1:
        raise UserError(f"{path} has rows in several sheets ({', '.join(with_rows)}): save each as a file of its own")
    text = io.StringIO()
    for rows in with_rows.values():
        csv.writer(text, lineterminator="\n").writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):  # [h]:mm, which goes beyond 24:00
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(str(value).splitlines())
