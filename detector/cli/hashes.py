"""`kozamori hash`: the keyed hash of an account, and whose account a hash is."""

import csv
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

import click

from detector.cli.options import as_json, mapping_file
from detector.contract.keyed_hash import VARIABLE, KeyedHash, keyed_hash_from
from detector.errors import UserError
from producers.mapping.layout import encoding_of
from producers.mapping.roles import normal
from producers.mapping.streams import LOST, without_nothing
from producers.mapping.whose import owners
from producers.mapping.words import ACCOUNT_KINDS, meaning
from producers.source import source_of

FIELDS = ("bank", "branch", "kind", "number")
NOT_FOUND = 1  # exit status


class Hashed(NamedTuple):
    """An account, and its hash under the key `key_id`."""

    bank: str
    branch: str
    kind: str
    number: str
    key_id: str
    account: str


def _keys(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, Path]:
    parts = dict.fromkeys(given)
    wrong = [one for one in parts if "=" not in one]
    if wrong:
        raise click.BadParameter(f"got {wrong[0]!r}, expected an id and a file, as 02=hash-02.key")
    return {one.partition("=")[0]: Path(one.partition("=")[2]) for one in parts}


@click.command(
    "hash",
    epilog="""\b
Examples:
  kozamori hash --account 0116-001-1-1234567
  kozamori hash accounts.csv > hashes.csv
  kozamori hash accounts.csv --find 4f2c9d01a37be655
  kozamori hash export.csv --mapping own.toml --find 4f2c9d01a37be655
  kozamori hash accounts.csv --key 01=hash-01.key --key 02=hash-02.key

FILE has a row for each account: bank, branch, kind (1 ordinary 普通, 2 current 当座, 4 savings 貯蓄, 9 other) and
number, with a heading or without; - reads it from standard input, so that no number stands in the shell's history.
With --mapping it is an export of any form: each account is told with its first line and the columns that make it, as
`columns` in JSON; in CSV the hash is `account_hash`, with _ behind it where the export has such a column itself. The
key is that of KOZAMORI_HASH_KEY_FILE (or KOZAMORI_HASH_KEY) with the id KOZAMORI_HASH_KEY_ID, else the mapping's.

While a key is changed, give the old one and the new one with --key: each account then has a line for each, so that
alerts from before and after are found. The state knows accounts by their hash: under a new key all are new to it.
""",
)
@click.argument("file", required=False, type=click.Path(allow_dash=True, path_type=Path))
@click.option("--account", metavar="BANK-BRANCH-KIND-NUMBER", help="One account instead of a file.")
@click.option("--find", "wanted", multiple=True, metavar="HASH", help="Only accounts with this hash; may be repeated.")
@click.option(
    "--key", "keys", multiple=True, metavar="ID=FILE", callback=_keys, help="Keys instead of the environment's."
)
@mapping_file()
@as_json
def hash_accounts(
    file: Path | None,
    account: str | None,
    wanted: tuple[str, ...],
    keys: dict[str, Path],
    mapping: Path | None,
    *,
    as_json: bool,
) -> None:
    """Tell the keyed hash of accounts, or whose account a hash is. Nothing is sent or kept.

    The exit status is 1 if --find finds nobody.
    """
    if (file is None) is (account is None):
        raise click.UsageError("give a file of accounts (or -), or one with --account")
    if mapping is not None and (file is None or keys):
        raise click.UsageError("--mapping is of a file, and names the key: leave out --account and --key")
    if mapping is not None and file is not None:
        told = _of_export(file, mapping)
    else:
        rows = [("--account", account.split("-"))] if account is not None else _rows(Path(file or "-"))
        told = (row._asdict() for row in _hashed(rows, _hashes(keys, os.environ)))
    found, hashes = False, 0
    sought = {one.lower() for one in wanted}
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for row in told:
        hashes += 1
        if sought and row["account"].lower() not in sought:
            continue
        if as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            flat = _flat(row)
            writer.writerows([flat.values()] if found else [flat.keys(), flat.values()])
        found = True
    if wanted and not found:
        click.echo(f"none of {hashes:,} hashes: is it of another key, or the account not in the file?", err=True)
        click.get_current_context().exit(NOT_FOUND)


def _of_export(file: Path, mapping: Path) -> Iterator[dict[str, Any]]:
    source = source_of(mapping, os.environ)
    assert source.mapping is not None
    for owner in owners(file, source.mapping, source.key):
        yield {"account": owner.account, "line": owner.line, "columns": owner.texts}


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row of CSV; what is told of an export has names that none of its columns has."""
    if "columns" not in row:
        return row
    made = dict(row["columns"])
    for name, value in (("line", row["line"]), ("account_hash", row["account"])):
        made[next(free for more in count() if (free := name + "_" * more) not in made)] = value
    return made


def _hashes(keys: dict[str, Path], environ: Mapping[str, str]) -> list[KeyedHash]:
    if not keys:
        return [keyed_hash_from(environ)]
    plain = {name: value for name, value in environ.items() if not name.startswith(VARIABLE)}
    return [keyed_hash_from(plain, (path, key_id)) for key_id, path in keys.items()]


def _rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Where each row of a file of accounts stands, and its cells, in whatever encoding it is."""
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"there is no file {path}: give a file with a row for each account") from None
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror or error}): give a readable file") from None
    text = without_nothing(content.decode(encoding_of(content[:1_000_000]), "replace")).removeprefix("\ufeff")
    lines = text.splitlines()
    for number, row in enumerate(csv.reader(lines, delimiter="\t" if "\t" in "".join(islice(lines, 1)) else ","), 1):
        heading = number == 1 and not any(character.isdigit() for character in "".join(row))
        if row and not heading:
            yield f"{path}, line {number:,}", row


def _hashed(rows: Iterable[tuple[str, list[str]]], keys: list[KeyedHash]) -> Iterator[Hashed]:
    for where, cells in rows:
        if len(cells) != len(FIELDS):
            raise UserError(f"{where}: got {len(cells)} cells, expected {', '.join(FIELDS)}")
        bank, branch, kind, number = (normal(cell) for cell in cells)
        code = meaning(kind, ACCOUNT_KINDS) or kind
        if LOST in "".join(cells):
            raise UserError(f"{where}: a broken byte; correct the line")
        for key in keys:
            try:
                value = key.account(bank=bank.zfill(4), branch=branch, kind=code, number=number)
            except UserError as error:
                raise UserError(f"{where}: {error}") from None
            yield Hashed(bank.zfill(4), branch.zfill(3), code, number.zfill(7), key.key_id, value)
