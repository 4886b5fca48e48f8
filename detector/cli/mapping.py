"""`kozamori mapping`: try a mapping of own data on a file, and examples to begin with."""

import json
import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import click
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from detector.cli.options import as_json, mapping_file
from detector.core.chains import chain_of
from detector.core.model import Model
from detector.core.stage import Chain
from detector.errors import UserError
from models.left_out import left_out_of, unknown_to_data, without
from producers.files import read_tables
from producers.mapping.check import Findings
from producers.mapping.check import check as look
from producers.mapping.own import OwnData, own_data
from producers.mapping.specification import Mapping, read_mapping

EXAMPLES = files("producers.mapping") / "examples"


def load(path: Path | None) -> OwnData | None:
    """What `--mapping` names, None where it is not given."""
    return None if path is None else own_data(path, os.environ)


def tables_of(path: Path, own: OwnData | None) -> Iterator[pa.Table]:
    """Slices of an events file, or of own data."""
    return read_tables(path) if own is None else own.tables(path, notify)


def chain_for(model: Model, own: OwnData | None) -> Chain:
    """The model's stages without the features it was trained without, and those own data has no basis for."""
    names = own.left_out if own else ()
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
@mapping_file(required=True)
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
        Console().print(_counts(found), _events(found), _missing(rules), _left_out(rules))
        for problem in found.tally.first:
            click.echo(f"not understood: {file}, {problem}")
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
        ("rows of no event", f"{found.tally.ignored:,}"),
        ("rows not understood", f"{found.tally.bad:,}"),
        ("times (JST)", f"{findings['first_time']} to {findings['last_time']}"),
        ("earlier than a row above", f"{found.late:,}"),
        ("amounts", f"{found.yen[0]:,} to {found.yen[1]:,} yen" if found.yen else "none"),
        ("different", ", ".join(f"{count:,} {name}s" for name, count in found.distinct.items())),
        ("fraudulent events", f"{found.frauds:,}"),
    ]
    for row in rows:
        table.add_row(*row)
    return table


def _events(found: Findings) -> Table:
    table = Table(title="first events", title_justify="left")
    names = [
        name for name in (found.first[0] if found.first else ()) if any(row[name] is not None for row in found.first)
    ]
    table.add_column("field")
    for row in found.first:
        table.add_column(f"line {row['line']:,}", overflow="fold")
    for name in names:
        if name != "line":
            table.add_row(name, *(str(row[name]) for row in found.first))
    return table


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
