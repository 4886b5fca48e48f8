"""Tables that fit the screen without cutting a figure: headings wrap, long texts fold, then columns go from the right.

So the columns of a table stand in the order of their importance. What is not shown is named below the table.
"""

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

#: A text without spaces, such as an id, may be folded below this width.
FOLDED = 16
KEPT = 2  # the name of a row and one figure are shown on any screen
WIDEST = 10_000


def print_tables(*tables: Table, console: Console | None = None) -> None:
    """Print tables as they fit on the screen."""
    console = Console() if console is None else console
    for table in tables:
        console.print(fitted(table, console))


def fitted(table: Table, console: Console) -> Table:
    """A table for the console's screen, the same where it fits."""
    width = console.width
    natural = [_natural(column, console) for column in table.columns]
    beside = _measured(table, console) - sum(natural)
    if beside + sum(natural) <= width:
        return table
    least = [min(most, _least(column, console)) for most, column in zip(natural, table.columns, strict=True)]
    each = beside / max(1, len(natural))
    count = len(natural)
    while count > KEPT and each * count + sum(least[:count]) > width:
        count -= 1
    shown = _with_columns(table, count)
    room = int(width - each * count)
    for column, size in zip(shown.columns, _shrunk(natural[:count], least[:count], room), strict=True):
        column.width, column.no_wrap, column.overflow = size, False, "fold"
    if left := [str(column.header) or "…" for column in table.columns[count:]]:
        shown.caption = f"not shown on this screen: {', '.join(left)}"
        shown.caption_justify = "left"
    return shown


def _shrunk(natural: list[int], least: list[int], room: int) -> list[int]:
    """Widths between the natural and the least ones that fill the room: the widest column gives first."""
    sizes = list(natural)
    while sum(sizes) > room:
        able = [index for index, size in enumerate(sizes) if size > least[index]]
        if not able:
            break
        sizes[max(able, key=lambda index: sizes[index])] -= 1
    return sizes


def _natural(column: Column, console: Console) -> int:
    return max((_measured(cell, console) for cell in (column.header, *column.cells)), default=0)


def _least(column: Column, console: Console) -> int:
    """Figures are never broken, texts at spaces only, unless they are long."""
    return max(_longest_word(column.header), *(_least_of(cell, console) for cell in column.cells), 1)


def _least_of(cell: RenderableType, console: Console) -> int:
    text = _plain(cell)
    if any(character.isdigit() for character in text) and len(text.split()) == 1 and not text.isalnum():
        return _measured(cell, console)  # 1,234 or 98.3%
    if text.replace(" ", "").isdigit():
        return _measured(cell, console)
    return min(FOLDED, _longest_word(cell))


def _longest_word(cell: RenderableType) -> int:
    return max((cell_len(word) for word in _plain(cell).split()), default=0)


def _plain(cell: RenderableType) -> str:
    return Text.from_markup(cell).plain if isinstance(cell, str) else getattr(cell, "plain", str(cell))


def _measured(what: RenderableType, console: Console) -> int:
    return Measurement.get(console, console.options.update(width=WIDEST, max_width=WIDEST), what).maximum


def _with_columns(table: Table, count: int) -> Table:
    """The table with its first columns alone."""
    made = Table(
        *(column.copy() for column in table.columns[:count]),
        title=table.title,
        title_justify=table.title_justify,
        show_header=table.show_header,
        box=table.box,
        padding=table.padding,
        pad_edge=table.pad_edge,
        collapse_padding=table.collapse_padding,
    )
    for column in made.columns:
        column._cells = []  # noqa: SLF001  # a copy has those of the original
    cells = [list(column.cells) for column in table.columns[:count]]
    for index, row in enumerate(table.rows):
        made.add_row(*(column[index] for column in cells), style=row.style, end_section=row.end_section)
    return made
