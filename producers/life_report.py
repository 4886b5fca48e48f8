"""The report on normal life: each figure beside its bounds and their basis, as Markdown, with a picture.

`python -m producers.life_report -o docs/life` writes the one that is checked in.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from detector.contract.vocabulary import KINDS
from detector.errors import UserError
from producers import jst
from producers.life import Life, lived
from producers.life_figures import OF_A_CASE, SECTIONS, Figure
from producers.population import Population
from producers.scenarios import DEFAULT_SEED

REPORT_ACCOUNTS = 12_000  # enough that no figure depends on a few people; measured in two seconds
AUGUST = dt.date(2020, 8, 1)  # what the demo trains on


def report(life: Life, seed: int) -> str:
    """The report as Markdown."""
    return "\n".join(_lines(life, seed)) + "\n"


def holds(figure: Figure, value: float) -> bool:
    """Whether the value lies within the figure's bounds."""
    return figure.low <= value <= figure.high


def _lines(life: Life, seed: int) -> Iterator[str]:
    month = jst.first_day(life.month)
    yield f"# Normal life in {month:%B %Y}"
    yield (
        f"Written by `python -m producers.life_report`, not by hand: seed {seed}, a population that began with "
        f'{life.accounts:,} accounts, {life.arrived.size:,} events. Figures "a day" are for 60,000 accounts. '
        "What INCIDENT.md does not publish is *assumed*: then the bounds keep the simulator from drifting, no more."
    )
    yield ""
    yield "![Hours, days, amounts, first charges, sources, transfers](life.png)"
    yield ""
    yield "## Events"
    yield "| kind | events | an account and month |"
    yield "|---|---:|---:|"
    for kind, count in zip(KINDS, np.bincount(life.once.kind, minlength=len(KINDS)).tolist(), strict=True):
        yield f"| `{kind}` | {count:,} | {_number(count / life.accounts)} |"
    for section, figures in SECTIONS.items():
        yield ""
        yield f"## {section}"
        yield "| figure | here | within | basis |"
        yield "|---|---:|---:|---|"
        yield from (row(figure, life) for figure in figures)
    yield ""
    yield "## Beside one case of September 2020"
    yield (
        "170 cases in 16 days (INCIDENT.md) are 10.6 a day, here among 60,000 accounts: one in 350, where one bank had "
        "one in 1,670 in a quarter (82 of 136,909), so that a small population shows enough of them. On an average day "
        "of this month there are, for each case of a day:"
    )
    yield ""
    yield "| honest look-alike | for each case |"
    yield "|---|---:|"
    for name, measure in OF_A_CASE:
        yield f"| {name} | {_number(measure(life))} |"


def row(figure: Figure, life: Life) -> str:
    """The figure as a row of a table, marked where it lies outside its bounds."""
    value = figure.measure(life)
    factor, unit = (100, "%") if figure.unit == "share" else (1, figure.unit)
    here, low, high = (_number(factor * number) for number in (value, figure.low, figure.high))
    mark = "" if holds(figure, value) else " **outside**"
    within = low if low == high else f"{low} … {high}"
    return f"| {figure.name} | {here} {unit}{mark} | {within} | {figure.basis} |"


def _number(value: float) -> str:
    """Three digits are enough for people; whole numbers stay whole."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


@click.command()
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write."
)
@click.option("--accounts", type=int, default=REPORT_ACCOUNTS, show_default=True)
@click.option("--month", type=click.DateTime(["%Y-%m"]), default=f"{AUGUST:%Y-%m}", show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=DEFAULT_SEED, show_default=True)
def main(output: Path, accounts: int, month: dt.datetime, seed: int) -> None:
    """Measure one month of normal life: README.md with every figure, life.png with its shape."""
    from producers.life_picture import draw

    try:
        life = lived(Population(seed, accounts), jst.month_of(month.date()))
    except UserError as error:
        raise click.UsageError(str(error)) from None
    output.mkdir(parents=True, exist_ok=True)
    (output / "README.md").write_text(report(life, seed), encoding="utf-8")
    draw(life, output / "life.png")
    figures = [figure for section in SECTIONS.values() for figure in section]
    outside = [figure.name for figure in figures if not holds(figure, figure.measure(life))]
    click.echo(f"{len(figures)} figures of {life.arrived.size:,} events in {output}")
    if outside:
        click.echo(f"outside their bounds: {', '.join(outside)}", err=True)


if __name__ == "__main__":
    main()
