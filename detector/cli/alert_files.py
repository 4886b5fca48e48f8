"""Alerts in files, one JSON object a line, as `kozamori alerts --json` prints them."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from detector.contract.alerts import Alert, decode_alert
from detector.errors import UserError


def read_alerts(path: Path) -> Iterator[Alert]:
    """The alerts of a file, empty lines left out; UserError with the line where one is none."""
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _alert(line, f"{path}, line {number}")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}): check --exclude") from None


def _alert(line: bytes, where: str) -> Alert:
    try:
        return decode_alert(line)
    except msgspec.DecodeError as error:
        raise UserError(
            f"{where}: no alert ({error}), expected lines as `kozamori alerts --json` prints them"
        ) from None
