"""Rows of a foreign file to event tables with the contract's fields, slice by slice in file order."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from detector.contract.hashing import hash64_many
from detector.contract.keyed_hash import KeyedHash
from producers.columns import at_service, text
from producers.files import SLICE_ROWS
from producers.mapping.columns import Made, made
from producers.mapping.fields import Field
from producers.mapping.problems import SHOWN, Tally, Wrong
from producers.mapping.rows import Rows, read_rows
from producers.mapping.specification import Condition, Events, Mapping
from producers.tables import SCHEMA

PLAIN = pa.schema([pa.field(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in SCHEMA])
#: What stands for an unknown value; features that depend on it are left out, so it decides nothing.
UNKNOWN: dict[str, object] = {
    "wallet_verified": False,
    "source": "",
    "auth": "pin4",
    "purpose": "charge",
    "shop": "",
    "shop_category": "",
}


def read_events(path: Path, mapping: Mapping, key: KeyedHash | None, tally: Tally | None = None) -> Iterator[pa.Table]:
    """Event tables of the file; `key` where the mapping hashes. `tally` counts what became of the rows.

    Raises UserError for a bad file, and for the first bad row unless the mapping skips these.
    """
    mapper = Mapper(path, mapping, key, Tally() if tally is None else tally)
    tables = (mapper.events(rows) for rows in read_rows(path, mapping))
    if mapping.input.order == "file":
        yield from (table.select(PLAIN.names) for table in tables if table.num_rows)
        return
    whole = pa.concat_tables([PLAIN.empty_table(), *(table.select(PLAIN.names) for table in tables)])
    whole = whole.take(pa.array(np.argsort(whole["occurred_at_ms"].to_numpy(), kind="stable")))
    yield from (whole.slice(start, SLICE_ROWS) for start in range(0, whole.num_rows, SLICE_ROWS))


class Mapper:
    """Turns the rows of one file into events; its only state is when each wallet was first seen, and the tally."""

    def __init__(self, path: Path, mapping: Mapping, key: KeyedHash | None, tally: Tally) -> None:
        self.tally = tally
        self._path = str(path)
        self._mapping = mapping
        self._key = key
        # Generated ids must differ between files.
        self._file = f"{zlib.crc32(path.name.encode()):08x}"
        self._seen = _FirstSeen()

    def events(self, rows: Rows) -> pa.Table:
        """The events of a slice in its order, columns of `PLAIN` and `line`."""
        self.tally.rows += len(rows.line) + len(rows.torn) + len(rows.broken)
        self.tally.marred.update(rows.marred)
        which = assigned(rows.texts, self._mapping.events)
        blank = np.logical_and.reduce([_mask(pc.is_null(column)) for column in rows.texts.columns])
        which[blank] = -1
        self.tally.ignored += int((which < 0).sum())
        wrong = [
            Wrong(np.array(rows.torn, np.int64), rows.why_torn),
            Wrong(np.array(rows.broken, np.int64), f"got a byte that is not {self._mapping.input.encoding}"),
        ]
        parts = [_EMPTY]
        for index, events in enumerate(self._mapping.events):
            at = np.flatnonzero(which == index)
            part = _Part(events, rows.select(at), self._file, self._key)
            parts.append(part.table())
            wrong += part.wrong()
        self.tally.add(self._path, self._mapping.input.bad_rows, wrong)
        table = pa.concat_tables(parts)
        table = table.take(pa.array(np.argsort(table["line"].to_numpy(), kind="stable")))
        return self._seen.fill(table) if "wallet_opened_at_ms" in self._mapping.missing else table


def assigned(texts: pa.Table, tables: tuple[Events, ...]) -> npt.NDArray[np.int64]:
    """For each row, the index of the first table whose conditions it meets, −1 for none."""
    which = np.full(texts.num_rows, -1, np.int64)
    for index, events in reversed(list(enumerate(tables))):
        met = [meets(texts, condition) for condition in events.conditions]
        which[np.logical_and.reduce(met) if met else slice(None)] = index
    return which


def meets(texts: pa.Table, condition: Condition) -> npt.NDArray[np.bool_]:
    """Mask of the rows that meet a condition; an empty cell equals no value."""
    found = _mask(pc.is_in(texts[condition.column], pa.array(condition.values, pa.string())))
    return found if condition.wanted else ~found


@dataclass(slots=True)
class _Part:
    """The rows of a slice that are events of one table of the mapping."""

    events: Events
    rows: Rows
    file: str
    key: KeyedHash | None
    columns: dict[str, Any] = field(default_factory=dict)
    found: list[tuple[Field, Made]] = field(default_factory=list)

    def table(self) -> pa.Table:
        """The events of the valid rows."""
        n, fields = len(self.rows.line), self.events.fields
        self.columns["kind"] = pa.repeat(pa.scalar(self.events.kind), n)
        # An account's hash needs its bank, a missing wallet its account.
        for name in sorted(fields, key=lambda name: (fields[name].missing is not None, name != "bank")):
            self.columns[name] = self._column(fields[name])
        arrays = [_typed(self.columns.get(f.name), f.type, n) for f in PLAIN]
        table = pa.Table.from_arrays([*arrays, pa.array(self.rows.line)], schema=_WITH_LINE)
        return table if self.good.all() else table.filter(pa.array(self.good))

    @property
    def good(self) -> npt.NDArray[np.bool_]:
        """Mask of the rows valid in every field."""
        good = np.ones(len(self.rows.line), np.bool_)
        for _, column in self.found:
            good &= column.good
        return good

    def wrong(self) -> list[Wrong]:
        """The bad rows of each field."""
        return [
            self._wrong(field, column, np.flatnonzero(~column.good))
            for field, column in self.found
            if not column.good.all()
        ]

    def _wrong(self, field: Field, column: Made, rows: npt.NDArray[np.int64]) -> Wrong:
        values = (self.rows.texts[field.column][row].as_py() for row in rows[:SHOWN].tolist())
        got = ("nothing" if one is None else "another text" if column.secret else repr(one[:40]) for one in values)
        about, expected = f"`{field.name}` from column {field.column!r}", f"expected {column.expected}"
        return Wrong(self.rows.line[rows], about, expected, tuple(got))

    def _column(self, field: Field) -> pa.Array:
        n = len(self.rows.line)
        if field.column is not None:
            texts = self._texts(field.column)
            if field.also:  # null where one of them is
                texts = pc.binary_join_element_wise(*map(self._texts, field.also), texts, "\0")
            if field.clock is not None:
                texts = pc.binary_join_element_wise(texts, self._texts(field.clock), " ")
            self.found.append((field, made(field, texts, self._identity(field), self.key)))
            return self.found[-1][1].values
        if field.constant is not None:
            constant: object = field.constant
            if field.name == "wallet_verified":
                constant = field.constant == "true"
            if field.time is None and field.name in _WHOLE:
                constant = int(field.constant)
            return pa.repeat(pa.scalar(constant), n)
        return self._filled(field, n)

    def _texts(self, column: str) -> pa.Array:
        return self.rows.texts[column].combine_chunks()

    def _identity(self, field: Field) -> dict[str, pa.Array]:
        """What identifies an account beside its number."""
        bank = {"bank": self.columns["bank"]} if field.name == "account" else {}
        return bank | {name: self._column(part) for name, part in field.parts.items()}

    def _filled(self, field: Field, n: int) -> pa.Array:
        if field.missing == "unknown":
            return pa.repeat(pa.scalar(UNKNOWN[field.name]), n)
        if field.missing == "first_seen":
            return self.columns["occurred_at_ms"]
        if field.missing == "account":
            return self._other("account")
        if field.missing == "wallet":
            assert self.key is not None
            key, coded = self.key, self._other("wallet").dictionary_encode()
            words = [None if word is None else key.opaque("account", word) for word in coded.dictionary.to_pylist()]
            return pa.array(words, pa.string()).take(coded.indices)
        ids = [f"{self.file}{line:016x}" for line in self.rows.line.tolist()]
        return pa.array(ids, pa.string())

    def _other(self, name: str) -> pa.Array:
        if name not in self.columns:
            self.columns[name] = self._column(self.events.fields[name])
        return self.columns[name]


class _FirstSeen:
    """When each wallet was first seen, by the hash of its key: 16 bytes a wallet and a little more."""

    def __init__(self) -> None:
        self._at: dict[int, int] = {}

    def fill(self, table: pa.Table) -> pa.Table:
        """The table with `wallet_opened_at_ms` of the first event of each wallet, in order of the file."""
        if not table.num_rows:
            return table
        wallets = at_service(text(table, "service", "events"), text(table, "wallet", "events"))
        times = table["occurred_at_ms"].to_numpy()
        first = np.unique(wallets.indices, return_index=True)[1]
        opened = [
            self._at.setdefault(wallet, at)
            for wallet, at in zip(hash64_many(wallets.words).tolist(), times[first].tolist(), strict=True)
        ]
        column = np.array(opened, np.int64)[wallets.indices]
        return table.set_column(table.schema.get_field_index("wallet_opened_at_ms"), "wallet_opened_at_ms", [column])


_WITH_LINE = PLAIN.append(pa.field("line", pa.int64()))
_EMPTY = _WITH_LINE.empty_table()
_WHOLE = {f.name for f in PLAIN if f.type == pa.int64()}


def _typed(column: Any, kind: pa.DataType, n: int) -> pa.Array:
    if column is None:
        return pa.nulls(n, kind)
    return column if column.type == kind else column.cast(kind)


def _mask(found: Any) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = pc.fill_null(found, False).to_numpy(zero_copy_only=False).astype(np.bool_)
    return mask
