"""Tables on screens of any width: no figure is cut, no line is too long, what is not shown is named."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from support.alerts import make_alert

from detector.cli.cases import HEADS, table
from detector.cli.tables import KEPT, fitted
from detector.core.case_queue import CaseQueue

HEADINGS = ("", "alerted", "early", "before debit", "yen lost", "false a day", "口座", "median seconds")


def shown(made: Table, width: int) -> str:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(fitted(made, console))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def figures(rows: list[list[float]], names: list[str]) -> Table:
    made = Table(title="figures of a test", title_justify="left")
    for heading in HEADINGS[: len(rows[0]) + 1]:
        made.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, row in zip(names, rows, strict=True):
        made.add_row(name, *(f"{value:,.1f}%" for value in row))
    return made


NUMBERS = st.lists(st.floats(0, 1e9), min_size=7, max_size=7)


@pytest.mark.parametrize("width", [50, 60, 80, 120])
@given(
    rows=st.lists(NUMBERS, min_size=1, max_size=3), name=st.sampled_from(["kozamori", "oriented_forest", "口座守り"])
)
def test_figures_are_whole_or_their_column_is_named(width: int, rows: list[list[float]], name: str) -> None:
    said = shown(figures(rows, [name] * len(rows)), width)
    assert "…" not in said
    assert all(cell_len(line) <= width for line in said.splitlines())
    left = " ".join(said.partition("not shown on this screen: ")[2].split())
    left_out = left.split(", ") if left else []
    assert left_out == list(HEADINGS[len(HEADINGS) - len(left_out) :])
    assert len(HEADINGS) - len(left_out) >= KEPT
    for row in rows:
        for value in row[: len(row) - len(left_out)]:
            assert re.search(rf"[ │]{re.escape(f'{value:,.1f}%')} ", said)


def test_a_table_that_fits_is_the_same() -> None:
    made = figures([[1.0, 2.0]], ["a"])
    assert made is fitted(made, Console(width=80))


def test_long_texts_are_folded_and_marks_are_kept() -> None:
    made = Table("what", "text", "n")
    made.add_row("[bold]a b[/bold]", "word " * 30, "1,234", style="red")
    said = shown(made, 40)
    assert 30 == said.count("word")
    assert "a b" in said
    assert "1,234" in said


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_queue_of_cases_cuts_no_figure_on_any_screen(width: int) -> None:
    queue = CaseQueue()
    queue.take(make_alert(7))
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(table(queue, 5, "en", width))
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    heads = [head for head in HEADS["en"] if re.search(rf"(^|\s){head}(\s|$)", said.splitlines()[1])]
    assert {"rank", "at risk", "account", "why"} <= {*heads}
    assert "110,000" in said
    for head in {*HEADS["en"]} - {*heads}:
        assert head in said.splitlines()[-1]
    assert "…" not in said.splitlines()[1]
