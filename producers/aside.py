"""Bad rows set aside: a file of its own with these rows as they are, to correct and to read like the first."""

from collections.abc import Iterable
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from detector.errors import UserError
from detector.paths import write_new
from producers.mapping.problems import Tally
from producers.mapping.specification import Input
from producers.mapping.streams import SPREADSHEET, kind_of, lines_where


def set_aside(path: Path, how: Input | None, tally: Tally) -> Path:
    """Write the tally's bad rows of `path` into the working directory; returns the file's path.

    A CSV file keeps its titles and its heading; a spreadsheet's rows become one. A file that is there already is kept:
    the new one gets a number, unless it would hold the same. Only the owner may read it: it has what the original has.
    Raises UserError where it cannot be written.
    """
    bad = set(np.concatenate(tally.bad_lines).tolist())
    suffix = kind_of(path)
    stem = path.name.removesuffix(".gz").removesuffix(suffix)
    suffix = ".csv" if suffix == SPREADSHEET else suffix
    content = _rows(path, bad) if suffix == ".parquet" else _lines(path, how if suffix != ".jsonl" else None, bad)
    for number in count(1):
        target = Path(f"{stem}.bad{'' if number == 1 else f'.{number}'}{suffix}")
        try:
            if target.exists() and target.read_bytes() == content:
                return target
            write_new(target, content)
        except FileExistsError:
            continue
        except OSError as error:
            raise UserError(
                f"cannot write {target} ({error.strerror or error}): make room, run the command where you may write, or"
                " leave bad rows out with `--bad-rows skip`"
            ) from None
        return target
    raise AssertionError


def _lines(path: Path, how: Input | None, bad: Iterable[int]) -> bytes:
    above = 0 if how is None else how.skip_lines + (0 if how.columns else 1)
    encoding = "utf-8" if how is None else how.encoding
    return lines_where(path, encoding, lambda number: number <= above or number in bad)


def _rows(path: Path, bad: Iterable[int]) -> bytes:
    table = pq.read_table(path).take(pa.array(sorted(row - 1 for row in bad)))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content
