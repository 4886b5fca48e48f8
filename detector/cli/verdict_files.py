"""Verdicts in files: JSON lines, or CSV with a header, by suffix."""

import csv
from collections.abc import Iterator
from pathlib import Path

import msgspec

from detector.errors import UserError
from models.verdicts import Verdict

SUFFIXES = (".jsonl", ".csv")
_DECODER = msgspec.json.Decoder(Verdict)


def read_verdicts(path: Path) -> Iterator[Verdict]:
    """The verdicts of a file, empty lines left out; UserError with the line where one is none."""
    if path.suffix not in SUFFIXES:
        raise UserError(f"--verdicts {path}: expected a name ending in {' or '.join(SUFFIXES)}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield from (_rows if path.suffix == ".csv" else _lines)(lines, path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read ({error}): check --verdicts") from None


def _lines(lines: Iterator[str], path: Path) -> Iterator[Verdict]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield _DECODER.decode(line)
            except msgspec.DecodeError as error:
                raise _no_verdict(path, number, error) from None


def _rows(lines: Iterator[str], path: Path) -> Iterator[Verdict]:
    rows = csv.DictReader(lines)
    for row in rows:
        given = {name: value for name, value in row.items() if value}  # an empty cell says nothing
        try:
            yield msgspec.convert(given, Verdict)
        except (msgspec.ValidationError, TypeError) as error:
            raise _no_verdict(path, rows.line_num, error) from None


def _no_verdict(path: Path, line: int, error: Exception) -> UserError:
    return UserError(
        f"{path}, line {line}: no verdict ({error}), expected alert_id, verdict (right, wrong or unsure) and perhaps"
        " at, a time with its zone such as 2020-09-08T09:30:00+09:00"
    )
