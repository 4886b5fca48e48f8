"""Whose account a hash is: the accounts of an export with their hashes, as the mapping makes them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from detector.contract.keyed_hash import KeyedHash
from producers.mapping.events import Mapper
from producers.mapping.fields import Field
from producers.mapping.policies import BadRows
from producers.mapping.problems import Tally
from producers.mapping.rows import read_rows
from producers.mapping.specification import Mapping


class Owner(NamedTuple):
    """An account's hash, the first line it stands on, and what stands there in the columns that make it."""

    account: str
    line: int
    texts: dict[str, str]


def owners(path: Path, mapping: Mapping, key: KeyedHash | None) -> Iterator[Owner]:
    """Each account of a file once, in its order. Rows that are no events have none. Raises as `read_events`."""
    patient = replace(mapping, input=replace(mapping.input, bad_rows=BadRows("skip", 1.0)))
    columns = account_columns(mapping)
    mapper, seen = Mapper(path, patient, key, Tally()), set[str]()
    for rows in read_rows(path, patient):
        table = mapper.events(rows).select(["account", "line"])
        at = {line: index for index, line in enumerate(rows.line.tolist())}
        for account, line in zip(*(column.to_pylist() for column in table.columns), strict=True):
            if account is not None and account not in seen:
                seen.add(account)
                yield Owner(account, line, {name: rows.texts[name][at[line]].as_py() or "" for name in columns})


def account_columns(mapping: Mapping) -> tuple[str, ...]:
    """The columns that make an account."""
    found: list[str | None] = []
    for events in mapping.events:
        fields = [events.fields[name] for name in ("bank", "account") if name in events.fields]
        found += [column for field in fields for column in _columns_of(field)]
    return tuple(dict.fromkeys(column for column in found if column is not None))


def _columns_of(field: Field) -> Iterator[str | None]:
    yield from (part.column for part in field.parts.values())
    yield from field.also
    yield field.column
