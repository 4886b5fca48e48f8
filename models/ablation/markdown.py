"""Tables and their cells as Markdown."""


def table_of(heads: tuple[str, ...], rows: list[list[str]]) -> str:
    """A table, all columns but the first to the right."""
    lines = [f"| {' | '.join(heads)} |", f"|---|{'--:|' * (len(heads) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def percent(value: float | tuple[float, float]) -> str:
    """A share, or a range of shares."""
    return f"{value[0]:.1%} – {value[1]:.1%}" if isinstance(value, tuple) else f"{value:.1%}"


def rate(value: float | tuple[float, float]) -> str:
    """A number a day, or a range of them."""
    return f"{value[0]:.1f} – {value[1]:.1f}" if isinstance(value, tuple) else f"{value:.1f}"


def points(value: float) -> str:
    """A difference of shares, in percentage points; never −0.0."""
    return f"{round(100 * value, 1) + 0.0:.1f}"
