"""`kozamori start-here`: a bank's own export, looked at; a first mapping, and the next commands."""

import os
import secrets
import shlex
from pathlib import Path

import click
from rich.table import Table

from detector.cli.mapping import events_table, notify
from detector.cli.tables import print_tables
from detector.contract.keyed_hash import FILE_VARIABLE, VARIABLE
from detector.errors import UserError
from detector.paths import write_new, write_whole
from producers.mapping.check import FIRST, Findings, check
from producers.mapping.draft import Draft, draft
from producers.mapping.fields import HASHED
from producers.mapping.found import Found, look
from producers.mapping.layout import layout_of
from producers.mapping.specification import read_mapping

KEY_BYTES = 32
SLICES = 1  # so much of the file is read for the examples
NEXT = """
Next:
  kozamori mapping check {file} --mapping {mapping}
  kozamori train {file} --mapping {mapping} -o model                  # the normal days
  kozamori backtest OTHER-DAYS --mapping {mapping} --model model      # days it has not learnt from"""


@click.command(
    epilog="""\b
Examples:
  kozamori start-here export.csv
  kozamori start-here export.xlsx
  kozamori start-here 2020-08.csv.gz 2020-09.csv.gz -o own.toml

Of several files of one layout all are looked at for the words in them, the first for the rest. What it guesses are
guesses: read the mapping, correct it, and let `kozamori mapping check` tell what is still wrong.
"""
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Mapping to write.  [default: FILE's name.toml]",
)
@click.option("--force", is_flag=True, help="Replace the mapping that is there.")
def start_here(files: tuple[Path, ...], output: Path | None, *, force: bool) -> None:
    """Look at an export of your own (CSV, Excel, Parquet, JSON lines) and write a first mapping for it.

    It tells the encoding, the delimiter, titles, dates (令和 too), amounts (▲, 円), and what each column may
    be; then it shows five events as they were understood. Where no key for account numbers is set, it makes one beside
    the mapping.
    """
    file = files[0]
    output = output or Path(f"{file.name.split('.')[0]}.toml")
    if output.exists() and not force:
        raise UserError(f"{output} is there already: choose another name with -o, or replace it with --force")
    found = look(files, layout_of(file))
    key = output.with_name("hash.key")
    made = draft(file, found, key.name)
    _write(output, made.text)
    print_tables(_file(file, found), _columns(found, made))
    rules = read_mapping(output)
    seen = _try(file, output)
    if seen is not None:
        print_tables(events_table(seen))
    for question in made.open:
        click.echo(f"to decide: {question}")
    if rules.hashes and not (os.environ.get(VARIABLE) or os.environ.get(FILE_VARIABLE)) and not key.exists():
        _new_key(key)
        notify(f"{key} is the new key of account numbers: keep it, keep it secret, and give all producers the same one")
    click.echo(f"mapping: {output}")
    click.echo(NEXT.format(file=shlex.quote(str(file)), mapping=shlex.quote(str(output))))


def _try(file: Path, output: Path) -> Findings | None:
    """The first events by the new mapping; None where it is not enough to read any."""
    try:
        return check(file, read_mapping(output), None, SLICES)
    except UserError as error:
        notify(str(error))
        return None


def _file(file: Path, found: Found) -> Table:
    layout = found.layout
    how = layout.input
    table = Table(title=str(file), title_justify="left", show_header=False)
    signs = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
    if file.suffix != ".parquet":
        table.add_row("encoding", how.encoding)
        table.add_row("delimiter", signs.get(how.delimiter, how.delimiter))
    for title in layout.titles:
        table.add_row("title above", title.strip(how.delimiter))
    table.add_row("heading", "none: columns are numbered" if how.columns else f"{len(layout.columns)} columns")
    if how.normalize:
        table.add_row("widths", "full-width digits or half-width kana: taken as usual ones")
    return table


def _columns(found: Found, made: Draft) -> Table:
    table = Table(title="columns", title_justify="left")
    for heading in ("column", "as in the file", "taken for"):
        table.add_column(heading, overflow="fold")
    for column, role in made.columns.items():
        texts = list(dict.fromkeys(found.layout.texts(column)))[:FIRST]
        shown = "hidden" if role in HASHED else ", ".join(text[:24] for text in texts[:3])
        table.add_row(column, shown, role.replace("_", " ") or "nothing")
    return table


def _write(output: Path, text: str) -> None:
    try:
        write_whole(output, text.encode())
    except OSError as error:
        raise UserError(
            f"cannot write {output} ({error.strerror or error}): make room or choose another path with -o"
        ) from None


def _new_key(path: Path) -> None:
    try:
        write_new(path, f"{secrets.token_hex(KEY_BYTES)}\n".encode())
    except OSError as error:
        raise UserError(
            f"cannot write {path} ({error.strerror or error}): make room, or set {FILE_VARIABLE} to a key file"
        ) from None
