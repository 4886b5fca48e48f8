"""`kozamori mapping`: try a mapping of own data on a file, and examples to begin with."""

import json
import os
from collections import Counter
from importlib.resources import files
from pathlib import Path

import click
from rich.table import Table

from detector.cli.options import Own, as_json, mapping_file
from detector.cli.tables import print_tables
from detector.core.chains import chain_of
from detector.core.model import Model
from detector.core.stage import Chain
from detector.errors import UserError
from models.left_out import left_out_of, unknown_to_data, without
from producers.mapping.check import Findings, moment
from producers.mapping.check import check as look
from producers.mapping.layout import layout_of
from producers.mapping.roles import hints
from producers.mapping.specification import Mapping, read_mapping
from producers.source import Source, source_of

MOST = 8  # sorts of rows of no event that are shown
EXAMPLES = files("producers.mapping") / "examples"


def load(own: Own) -> Source:
    """How to read events, as `--mapping` and `--bad-rows` say."""
    return source_of(own.mapping, os.environ, notify, policy=own.bad_rows, limit=own.limit)


def chain_for(model: Model, own: Source) -> Chain:
    """The model's stages without the features it was trained without, and those own data has no basis for."""
    names = own.left_out
    if names:
        notify(f"{len(names)} features left out, as own data has no basis for them: see `kozamori mapping check`")
    if unknown := unknown_to_data(model, names):
        notify(f"the model was trained with {', '.join(unknown)}: unknown here, they count as usual")
    return without(chain_of(model.stages), {*left_out_of(model), *names})


def notify(note: str) -> None:
    """Print a note on stderr."""
    click.echo(f"note: {note}", err=True)


@click.group(
    epilog="""\b
Examples:
  kozamori mapping example paysim > own.toml
  kozamori mapping check own.csv --mapping own.toml
"""
)
def mapping() -> None:
    """Bring own data: try a mapping file, or begin with an example."""


@mapping.command(
    epilog="""\b
Examples:
  kozamori mapping check own.csv --mapping own.toml
  kozamori mapping check own.csv --mapping own.toml --json
"""
)
@click.argument("file", type=click.Path(path_type=Path))
@mapping_file("own", required=True)
@as_json
def check(file: Path, own: Path, *, as_json: bool) -> None:
    """Show which events a mapping reads from FILE, and which lines are invalid. Nothing is written or sent.

    The exit status is 1 if lines are invalid. Identifiers are hashed under a key used for nothing else.
    """
    rules = read_mapping(own)
    found = look(file, rules, None)
    if as_json:
        left_out = {name: list(features) for name, features in rules.left_out().items()}
        click.echo(json.dumps({**found.as_dict(), "missing": rules.missing, "left_out": left_out}))
    else:
        print_tables(_counts(found), events_table(found), _missing(rules), _left_out(rules))
        for line in told(found):
            click.echo(f"not understood: {file}, {line}")
        for hint in hints(rules, layout_of(file).columns):
            notify(hint)
    if found.tally.bad:
        click.get_current_context().exit(1)


@mapping.command(
    epilog="""\b
Examples:
  kozamori mapping example
  kozamori mapping example paysim > own.toml
"""
)
@click.argument("name", required=False)
def example(name: str | None) -> None:
    """Print the example NAME, or the names of all."""
    names = sorted(file.name.removesuffix(".toml") for file in EXAMPLES.iterdir() if file.name.endswith(".toml"))
    if name is None:
        click.echo("\n".join(names))
        return
    if name not in names:
        raise UserError(f"got {name!r}, expected one of {', '.join(names)}: choose an example")
    click.echo((EXAMPLES / f"{name}.toml").read_text("utf-8"), nl=False)


def _counts(found: Findings) -> Table:
    findings = found.as_dict()
    table = Table(title=f"{found.tally.rows:,} rows", title_justify="left", show_header=False)
    rows: list[tuple[str, str]] = [
        ("events", f"{found.events:,}" + "".join(f", {count:,} {kind}" for kind, count in found.kinds.items())),
        ("rows of no event", f"{found.tally.ignored:,}" + _most(found.no_event)),
        ("rows not understood", f"{found.tally.bad:,}"),
        ("times (JST)", f"{findings['first_time']} to {findings['last_time']}"),
        ("earlier than a row above", f"{found.late:,}"),
        ("id of a row above (count once)", f"{found.again:,}"),
        ("before the wallet was opened", f"{found.backwards:,}"),
        ("amounts", f"{found.yen[0]:,} to {found.yen[1]:,} yen" if found.yen else "none"),
        ("different", ", ".join(f"{count:,} {name}s" for name, count in found.distinct.items())),
        ("fraudulent events", f"{found.frauds:,}"),
    ]
    for row in rows:
        table.add_row(*row)
    return table


def _most(no_event: Counter[str]) -> str:
    """The frequent ones, in brackets."""
    most = [f"{what}: {count:,}" for what, count in no_event.most_common(MOST)]
    more = f", {len(no_event) - MOST:,} more" if len(no_event) > MOST else ""
    return f" ({', '.join(most)}{more})" if most else ""


def told(found: Findings) -> list[str]:
    """Everything that is wrong with a file's rows, a line for each sort."""
    lines = []
    for sort in sorted(found.tally.sorts.values(), key=lambda sort: -sort.count):
        others = [f"{problem.line:,}" for problem in sort.first[1:]]
        more = f" ({sort.count:,} rows, also lines {', '.join(others)}{' …' if sort.count > len(sort.first) else ''})"
        lines.append(f"{sort.first[0]}{more if others else ''}")
    if found.tally.marred:
        first = min(found.tally.marred)
        lines.append(f"line {first:,}: a broken byte in a column that is not read ({len(found.tally.marred):,} lines)")
    return lines


def events_table(found: Findings) -> Table:
    """The first events as they were understood."""
    table = Table(title="first events", title_justify="left")
    names = [
        name for name in (found.first[0] if found.first else ()) if any(row[name] is not None for row in found.first)
    ]
    table.add_column("field")
    for row in found.first:
        table.add_column(f"line {row['line']:,}", overflow="fold")
    for name in names:
        if name != "line":
            table.add_row(name.removesuffix("_ms"), *(_shown(name, row[name]) for row in found.first))
    return table


def _shown(name: str, value: object) -> str:
    if isinstance(value, int) and name.endswith("_ms"):
        return moment(value).replace("T", " ").removesuffix("+09:00")
    return "–" if value is None else f"{value:,}" if name == "amount_yen" else str(value)


def _missing(rules: Mapping) -> Table:
    table = Table(title="missing fields", title_justify="left", show_header=False)
    for name, policy in rules.missing.items():
        table.add_row(name, f"filled by: {policy}")
    return table


def _left_out(rules: Mapping) -> Table:
    table = Table(title="features left out", title_justify="left", show_header=False)
    for missing, features in rules.left_out().items():
        table.add_row(f"no {missing}", ", ".join(features))
    return table
