"""Spreadsheets as Excel saves them, as far as tests need it: texts, numbers and moments in sheets."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape
from zipfile import ZipFile

Cell = str | float | dt.datetime | None
_EPOCH = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - cells have no zone
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def write_spreadsheet(path: Path, sheets: Mapping[str, Sequence[Sequence[Cell]]]) -> None:
    """Write the sheets by name; style 1 is a moment."""
    numbered = list(enumerate(sheets.items(), 1))
    with ZipFile(path, "w") as file:
        parts = "".join(
            f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{_KIND}.worksheet+xml"/>'
            for number, _ in numbered
        )
        file.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{_TYPES}"><Default Extension="rels"'
            ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/>{parts}</Types>',
        )
        file.writestr("_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")]))
        targets = [("worksheet", f"worksheets/sheet{number}.xml") for number, _ in numbered]
        file.writestr("xl/_rels/workbook.xml.rels", _relations([*targets, ("styles", "styles.xml")]))
        names = "".join(
            f'<sheet name="{escape(name)}" sheetId="{number}" r:id="rId{number}"/>' for number, (name, _) in numbered
        )
        file.writestr("xl/workbook.xml", f'<workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets>{names}</sheets></workbook>')
        formats = '<xf numFmtId="0"/><xf numFmtId="22" applyNumberFormat="1"/>'
        file.writestr("xl/styles.xml", f"<styleSheet {_MAIN}><cellXfs>{formats}</cellXfs></styleSheet>")
        for number, (_, rows) in numbered:
            body = "".join(_row(at, row) for at, row in enumerate(rows, 1))
            file.writestr(
                f"xl/worksheets/sheet{number}.xml", f"<worksheet {_MAIN}><sheetData>{body}</sheetData></worksheet>"
            )


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    each = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_RELATIONS}">{each}</Relationships>'


def _row(number: int, row: Sequence[Cell]) -> str:
    cells = "".join(_cell(f"{_letters(at)}{number}", value) for at, value in enumerate(row) if value is not None)
    return f'<row r="{number}">{cells}</row>'


def _cell(where: str, value: Cell) -> str:
    if isinstance(value, str):
        return f'<c r="{where}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    if isinstance(value, dt.datetime):
        return f'<c r="{where}" s="1"><v>{(value - _EPOCH) / dt.timedelta(days=1)!r}</v></c>'
    return f'<c r="{where}"><v>{value!r}</v></c>'


def _letters(at: int) -> str:
    return chr(65 + at) if at < 26 else chr(64 + at // 26) + chr(65 + at % 26)
