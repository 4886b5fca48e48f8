"""The page of settings and metrics."""

from pathlib import Path

from detector.observe.reference import render

PAGE = Path(__file__).parents[2] / "deploy" / "reference.md"


def test_the_checked_in_page_is_what_the_tables_say() -> None:
    stale = "stale: run python -m detector.observe.reference > deploy/reference.md"
    assert render() == PAGE.read_text("utf-8"), stale


def test_no_cell_breaks_its_table() -> None:
    widths = {line.replace("\\|", "").count("|") for line in render().splitlines() if line.startswith("|")}
    assert widths == {3, 5, 6}
